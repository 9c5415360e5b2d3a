import type { CrossOrigin } from '../contract/browser.ts'
import { Fault, refuse } from '../contract/fault.ts'
import { f } from '../contract/field.ts'
import { folded } from '../contract/names.ts'
import { answer, done } from '../contract/response.ts'
import type { Response } from '../contract/response.ts'
import { injected } from '../contract/wire/returns.ts'
import { routesOf } from '../contract/route.ts'
import type { Route } from '../contract/route.ts'

/** The port of these routes: see core/browser-settings.ts. */
export interface BrowserPort {
  crossOrigin(): CrossOrigin | undefined
  setCrossOrigin(rules: CrossOrigin | undefined): Promise<void>
  uiHeader(name: string): readonly string[] | undefined
  uiHeaderNames(): readonly string[]
  setUiHeader(name: string, values: readonly string[] | undefined): Promise<void>
}

const { read, list, write, remove } = routesOf<unknown>()

/** The request headers that clients of Vault send; a page may always send them. */
const usualHeaders = [
  'Content-Type',
  'Authorization',
  'X-Vault-Token',
  'X-Vault-MFA',
  'X-Vault-Namespace',
  'X-Vault-No-Request-Forwarding',
  'X-Vault-Wrap-Format',
  'X-Vault-Wrap-TTL',
  'X-Vault-Request',
  'X-Requested-With',
]

const crossOriginMembers = injected({
  enabled: f.bool('Some may.'),
  allowed_origins: f.list('Their origins.'),
  allowed_headers: f.list('Request headers that they may send.'),
  allow_credentials: f.bool('Browsers may send credentials of their own.'),
})

/** `sys/config/cors`: which pages of other origins may use the API. */
export function corsRoutes(browser: BrowserPort): Route<unknown>[] {
  return [
    read('config/cors', {
      about: 'Read which pages of other origins may use the API.',
      returns: crossOriginMembers,
      access: 'sudo',
      handle: () => {
        const rules = browser.crossOrigin()
        const { allowedOrigins, allowedHeaders, allowCredentials } = rules ?? {}
        const settings = {
          allowed_origins: allowedOrigins,
          allowed_headers: allowedHeaders,
          allow_credentials: allowCredentials,
        }
        return { data: { enabled: rules !== undefined, ...(rules && settings) } }
      },
    }),
    write('config/cors', {
      about: 'Set which pages of other origins may use the API. A parameter that is left out is reset.',
      access: 'sudo',
      fields: {
        enable: f.bool('Ignored: writing enables, DELETE disables.'),
        allowed_origins: f.list('Origins such as https://app.example, or only "*" for all.').or([]),
        allowed_headers: f.list('Allowed request headers, in addition to the usual ones.').or([]),
        allow_credentials: f.bool('Allow credentials of browsers; without effect for "*".').or(false),
      },
      handle: async (_, values) => {
        const origins = values.allowed_origins
        if (origins.length === 0) throw refuse('allowed_origins must name at least one origin, or "*"')
        if (origins.includes('*') && origins.length > 1) throw refuse('"*" means any origin: it must be the only one')
        if (!values.allowed_headers.every((name) => token.test(name)))
          throw refuse('allowed_headers must be names of headers')
        await browser.setCrossOrigin({
          allowedOrigins: origins,
          allowedHeaders: [...usualHeaders, ...values.allowed_headers],
          allowCredentials: values.allow_credentials,
        })
        return done()
      },
    }),
    remove('config/cors', {
      about: 'Disable CORS: pages of other origins cannot use the API.',
      access: 'sudo',
      handle: async () => {
        await browser.setCrossOrigin(undefined)
        return done()
      },
    }),
  ]
}

const header = { header: f.string('The name of the header, in any letter case.').or('') }
/** RFC 9110 §5.6.2. */
const token = /^[a-zA-Z0-9!#$%&'*+.^_`|~-]+$/
/** RFC 9110 §5.5: no characters that could begin another header. */
const valueText = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
/** These frame the response itself: RFC 9110 §7.6.1, RFC 9112 §6. */
const framing = /^(connection|content-length|content-encoding|keep-alive|te|trailer|transfer-encoding|upgrade)$/

/** `sys/config/ui/headers`: headers of the responses below `/ui/`. */
export function uiHeaderRoutes(browser: BrowserPort): Route<unknown>[] {
  const one = 'config/ui/headers/:header'
  const canonical = { header: folded }
  return [
    list('config/ui/headers', {
      about: 'List the headers of the user interface.',
      returns: { keys: f.list('Their names.') },
      access: 'sudo',
      handle: () => {
        const keys = browser.uiHeaderNames()
        if (keys.length === 0) throw new Fault('not_found', 'no headers are set')
        return answer({ keys })
      },
    }),
    read(one, {
      about: 'Read a header of the user interface.',
      returns: { value: f.string('Its first value.'), values: f.list('All its values, if requested.') },
      canonical,
      access: 'sudo',
      fields: { ...header, multivalue: f.bool('Return all its values.').or(false) },
      handle: (_, values) => {
        const found = browser.uiHeader(values.header)
        if (!found) throw new Fault('not_found', 'this header is not set')
        return answer(values.multivalue ? { values: found } : { value: found[0] })
      },
    }),
    write(one, {
      about: 'Set a header of the user interface.',
      canonical,
      access: 'sudo',
      fields: { ...header, values: f.texts('Its values.').or([]) },
      handle: async (_, values) => setHeader(browser, values.header, values.values),
    }),
    remove(one, {
      about: 'Remove a header of the user interface.',
      canonical,
      access: 'sudo',
      fields: header,
      handle: async (_, values) => {
        await browser.setUiHeader(values.header, undefined)
        return done()
      },
    }),
  ]
}

async function setHeader(browser: BrowserPort, name: string, values: readonly string[]): Promise<Response> {
  checkHeader(name, values)
  await browser.setUiHeader(name, values)
  if (name !== 'content-security-policy') return { data: null }
  return {
    data: null,
    warnings: ['the own Content-Security-Policy of the user interface is replaced: make sure that it is no weaker'],
  }
}

function checkHeader(name: string, values: readonly string[]): void {
  if (values.length === 0) throw refuse('the header needs at least one value')
  if (!token.test(name)) throw refuse('this is not a valid header name')
  if (name.startsWith('x-vault-')) throw refuse('headers that begin with X-Vault- cannot be set')
  if (framing.test(name)) throw refuse('this header frames the answer itself and cannot be set')
  if (!values.every((value) => valueText.test(value)))
    throw refuse('the values hold characters that no header may hold')
}
