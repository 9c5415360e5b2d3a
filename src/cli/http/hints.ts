import { quoted } from './dry-run.ts'
import type { RequestLine, ErrorResponse } from './errors.ts'

const operations: Readonly<Record<string, string>> = {
  GET: 'read',
  PUT: 'update',
  POST: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** Where a path leads to no mount. */
const nothingMounted = 'nothing is mounted there; "strongroom secrets list" and "strongroom auth list" show what is'

/** The next step after a refusal, without the word "next"; empty if the server's message contains it. */
export function hintFor(sent: RequestLine, { status, body }: ErrorResponse): string {
  const errors = Array.isArray(body?.['errors']) ? body['errors'].map(String) : []
  if (status === 503 && errors.includes('Vault is sealed'))
    return 'the server is sealed: holders of key shares unseal it with "strongroom operator unseal"; "strongroom status" shows the progress'
  if (status === 404 && errors.includes('namespace not found'))
    return `there is no namespace ${sent.namespace}/ that this token may access: "strongroom namespace list" lists the namespaces inside another`
  if (status === 404 && errors.some((error) => error.startsWith('no handler for route'))) return nothingMounted
  return status === 403 ? forbidden(sent) : ''
}

function forbidden({ method, url, namespace, hasToken }: RequestLine): string {
  if (!hasToken) return 'no token was sent: run "strongroom login", or set VAULT_TOKEN'
  const path = decodeURIComponent(url.pathname.replace(/^.*?\/v1\//, ''))
  if (/^(sys\/policies\/explain|auth\/token\/lookup)-self$/.test(path))
    return 'the token is unknown, expired or revoked, belongs to another namespace, or lacks the policy "default": log in again with "strongroom login"'
  // A lookup of the mount, which the command does by itself before the request.
  if (path.startsWith('sys/internal/ui/mounts/'))
    return 'nothing is mounted there ("strongroom secrets list" lists the mounts), or no rule allows anything there ("strongroom policy explain read PATH" shows the rule)'
  // Run in the namespace of the token, because only there its rules are known.
  const [flag, whole, whose] =
    namespace === '' ? ['', path, ''] : ['-namespace=/ ', `${namespace}/${path}`, ', for a token of the root namespace']
  return `"strongroom policy explain ${flag}${operationOf(method, url)} ${word(whole)}" shows the deciding rule${whose}; if that is refused, too, the token is not valid`
}

const operationOf = (method: string, { searchParams }: URL): string =>
  ['list', 'scan'].find((verb) => searchParams.get(verb) === 'true') ?? operations[method] ?? 'OPERATION'

const word = (text: string): string => (/^[\w%@:,./+=~-]+$/.test(text) ? text : quoted(text))
