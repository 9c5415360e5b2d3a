import type { Target } from './client.ts'
import { json } from '../output/json.ts'
import { needsSudo } from './sudo-paths.ts'

/** Thrown instead of sending a request that was only to be shown: what to print. */
export class DryRun extends Error {}

/** A request that is not sent. */
export interface DryRunRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: unknown
}

/** The request as the user asked to see it: a curl command line, or the policy that it needs. */
export function dryRunOf(mode: NonNullable<Target['dryRun']>, request: DryRunRequest): DryRun {
  return new DryRun(mode === 'curl' ? curl(request) : policy(request))
}

/** A word that every shell passes on as it is, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`

/** In double quotes, as Vault's clients print it, where the shell leaves all of it alone; else quoted as a whole. */
const word = (text: string): string => (/^[\w %@:,./?&=+;~[\]-]*$/.test(text) ? `"${text}"` : quoted(text))

function curl({ method, url, headers, body }: DryRunRequest): string {
  const headerArguments = Object.entries(headers)
    .filter(([name]) => !/^content-length$/i.test(name) && (method === 'PATCH' || !/^content-type$/i.test(name)))
    // The token itself never shows: the shell fetches it when the line is run.
    .map(([name, value]) =>
      name === 'X-Vault-Token'
        ? '-H "X-Vault-Token: $(strongroom print token)" '
        : `-H ${word(`${title(name)}: ${value}`)} `,
    )
  const data = body === undefined ? '' : `-d ${quoted(json(body, { compact: true }))} `
  return `curl ${method === 'GET' ? '' : `-X ${method} `}${headerArguments.join('')}${data}${word(url.href)}`
}

const title = (name: string): string => name.toLowerCase().replace(/\b[a-z]/g, (letter) => letter.toUpperCase())

const capabilities: Readonly<Record<string, readonly string[]>> = {
  GET: ['read'],
  PUT: ['create', 'update'],
  POST: ['create', 'update'],
  PATCH: ['patch'],
  DELETE: ['delete'],
}

function policy({ method, url }: DryRunRequest): string {
  const path = decodeURIComponent(url.pathname).replace(/^\/v1\//, '')
  const list = url.searchParams.get('list') === 'true'
  const needed = list ? ['list'] : [...(capabilities[method] ?? [])]
  if (needsSudo(path)) needed.push('sudo')
  const texts = needed.map((name) => JSON.stringify(name)).join(', ')
  return `path ${JSON.stringify(path)} {\n  capabilities = [${texts}]\n}`
}
