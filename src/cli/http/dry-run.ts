import type { Target } from './client.ts'
import { json } from '../output/json.ts'
import { needsSudo } from './sudo-paths.ts'

/** Thrown instead of sending a request in a dry run, with the output. */
export class DryRun extends Error {}

/** A request that is not sent. */
interface DryRunRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: unknown
}

/** The request in the requested form: a curl command line, or the policy that it needs. */
export function dryRunOf(mode: NonNullable<Target['dryRun']>, request: DryRunRequest): DryRun {
  return new DryRun(mode === 'curl' ? curl(request) : policy(request))
}

/** A quoted word that every shell passes on unchanged. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`

/** In double quotes, like Vault's clients, if the shell does not expand it; otherwise quoted as a whole. */
const word = (text: string): string => (/^[\w %@:,./?&=+;~[\]-]*$/.test(text) ? `"${text}"` : quoted(text))

function curl({ method, url, headers, body }: DryRunRequest): string {
  const headerArguments = Object.entries(headers)
    .filter(([name]) => !/^content-length$/i.test(name) && (method === 'PATCH' || !/^content-type$/i.test(name)))
    // The token itself is never shown: the shell fetches it when the line is run.
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
