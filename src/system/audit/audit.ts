import type { AuditDeviceSpec } from '../../contract/audit.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { folded, newPath, withoutSlash } from '../../contract/names.ts'
import { done } from '../../contract/response.ts'
import { injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'

/** The audit broker, for these routes. */
export interface AuditPort {
  devices(): readonly AuditDeviceSpec[]
  enable(spec: AuditDeviceSpec): Promise<void>
  disable(path: string): Promise<void>
  /** Under the salt in use, or that of an older generation. */
  hash(path: string, input: string, generation?: number): string | Promise<string>
  headers(): ReadonlyMap<string, boolean>
  setHeader(name: string, hashed: boolean | undefined): Promise<void>
  /** Whether devices may be enabled through the API (`unsafe_allow_api_audit_creation`). */
  readonly mayCreate: boolean
}

const { read, write, remove } = routesOf<unknown>()
const path = { path: f.string('Path of the device.').or('') }
const header = { header: f.string('Name of the header, in any letter case.').or('') }

/** A device in a list: header values in its options are not shown. References to files or variables are not secret. */
function rendered(device: AuditDeviceSpec): AuditDeviceSpec {
  const { headers } = device.options
  if (headers === undefined) return device
  const hidden = Object.entries(JSON.parse(headers) as Readonly<Record<string, readonly string[]>>).map(
    ([name, values]) => [name, values.map((value) => (/^(?:env|file):\/\//.test(value) ? value : '(hidden)'))],
  )
  return { ...device, options: { ...device.options, headers: JSON.stringify(Object.fromEntries(hidden)) } }
}

/** `sys/audit`, `sys/audit-hash` and `sys/config/auditing/request-headers`. */
export function auditRoutes(audit: AuditPort): Route<unknown>[] {
  return [
    read('audit', {
      about: 'List the audit devices.',
      returns: injected({ '*': f.object('A device, by its path.') }),
      access: 'sudo',
      handle: () => ({
        data: Object.fromEntries(audit.devices().map((device) => [device.path, rendered(device)])),
      }),
    }),
    write('audit/*path', {
      about: 'Enable an audit device.',
      canonical: { path: newPath },
      access: 'sudo',
      fields: {
        ...path,
        type: f.string('The type of the device: file, socket, syslog or http.').or(''),
        description: f.string('For people.').or(''),
        options: f.map('Options of the device, e.g. file_path.').or({}),
        local: f.bool('Kept on this cluster only.').or(false),
      },
      handle: async (_, { path: at, type, description, options, local }) => {
        if (!audit.mayCreate)
          throw refuse(
            'audit devices are declared in the configuration file; unsafe_allow_api_audit_creation = true there allows this call',
          )
        await audit.enable({ path: `${at}/`, type, description, options, local })
        return done()
      },
    }),
    remove('audit/*path', {
      about: 'Disable an audit device.',
      canonical: { path: withoutSlash },
      access: 'sudo',
      fields: path,
      handle: async (_, { path: at }) => {
        await audit.disable(`${at}/`)
        return done()
      },
    }),
    hashRoute(audit),
    ...headerRoutes(audit),
  ]
}

function hashRoute(audit: AuditPort): Route<unknown> {
  return write('audit-hash/*path', {
    about: 'The hash that a device writes for a string.',
    returns: injected({ hash: f.string('The hash.') }),
    // The string that someone looks for in a log may be a key share.
    neverRaw: true,
    pure: true,
    fields: {
      ...path,
      input: f.string('The string.').secret(),
      generation: f.int(
        'The number of the salt, from 1; by default the current one. A device gets a new salt when it is enabled again.',
      ),
    },
    handle: async (_, { path: at, input, generation }) => {
      if (!input) throw refuse('the parameter "input" is missing: the string to hash')
      return { data: { hash: await audit.hash(`${at}/`, input, generation) } }
    },
  })
}

const one = 'config/auditing/request-headers/:header'
const canonical = { header: folded }
/** Headers that are recorded as their hash only. */
const secretHeaders = ['x-vault-token', 'authorization', 'cookie']

/** @throws Fault invalid_request for a header that would be recorded more openly than it may be */
function refuseSecret(name: string, hashed: boolean): void {
  if (name === 'x-vault-mfa')
    throw refuse('this header carries one-time passwords: it is not recorded, not even its hash')
  if ((secretHeaders.includes(name) || name.startsWith('x-vault-inline-auth-parameter-')) && !hashed)
    throw refuse('this header carries secrets: record it with hmac=true only')
}

const headerMembers = injected({ '*': f.object('Whether it is hashed, by its name.') })

function headerRoutes(audit: AuditPort): Route<unknown>[] {
  const all = () => Object.fromEntries([...audit.headers()].map(([name, hmac]) => [name, { hmac }]))
  return [
    read('config/auditing/request-headers', {
      about: 'List the request headers that audit devices record.',
      returns: injected({ headers: f.object('Whether each is hashed, by its name.') }),
      access: 'sudo',
      handle: () => ({ data: { headers: all() } }),
    }),
    read(one, {
      about: 'Read how a header is recorded.',
      returns: headerMembers,
      canonical,
      access: 'sudo',
      fields: header,
      handle: ({ rawParams }, values) => {
        const hmac = audit.headers().get(values.header)
        if (hmac === undefined) throw refuse('this header is not recorded in audit lines')
        return { data: { [rawParams['header'] ?? values.header]: { hmac } } }
      },
    }),
    write(one, {
      about: 'Record a header.',
      canonical,
      access: 'sudo',
      fields: { ...header, hmac: f.bool('Write its hash only.').or(false) },
      handle: async (_, values) => {
        const name = values.header
        if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw refuse('this is not a valid header name')
        refuseSecret(name, values.hmac)
        await audit.setHeader(name, values.hmac)
        return done()
      },
    }),
    remove(one, {
      about: 'Stop recording a header.',
      canonical,
      access: 'sudo',
      fields: header,
      handle: async (_, values) => {
        const name = values.header
        if (name === '') throw new Fault('invalid_request', 'the header needs a name')
        await audit.setHeader(name, undefined)
        return done()
      },
    }),
  ]
}
