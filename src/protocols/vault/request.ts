import type { IncomingHttpHeaders } from 'node:http'
import { Fault, refuse } from '../../contract/fault.ts'
import type { HttpExchange, HttpHead } from '../../contract/protocol.ts'
import { apiPath } from '../../contract/request.ts'
import type { ApiPath, Credential, Operation } from '../../contract/request.ts'
import { parseDuration } from '../../util/duration.ts'
import { Secret } from '../../util/secret.ts'
import { parseGoBool } from '../../util/go-bool.ts'
import { readForm } from './form.ts'
import { inlineAuthHeaders, inlineLogin } from './inline-auth.ts'

/** The request line and the headers, before any body is read. */
export interface RequestHead {
  readonly path: ApiPath
  readonly operation: Operation
  readonly query: Readonly<Record<string, unknown>>
  readonly credential: Credential
  readonly namespace: string
  readonly wrapTtl?: number
}

/** The normalised path, for a redirect. */
export class Redirect {
  readonly location: string

  constructor(location: string) {
    this.location = location
  }
}

const longestToken = 8192
const none: Credential = { kind: 'none' }
const verbs: Readonly<Record<string, Operation>> = {
  GET: 'read',
  HEAD: 'read',
  LIST: 'list',
  SCAN: 'scan',
  POST: 'write',
  PUT: 'write',
  PATCH: 'patch',
  DELETE: 'delete',
}

/**
 * Parses the head of a request below `/v1/`. The path is decoded here, once; all other code sees the result.
 * @throws Fault if it is malformed.
 */
export function readHead(exchange: HttpExchange): RequestHead | Redirect {
  exchange.check()
  const { verb, target, headers } = exchange
  if (verb === 'OPTIONS') throw refuse('OPTIONS is for pages of other origins, and sys/config/cors must allow theirs')
  const mark = target.indexOf('?')
  const rawPath = mark < 0 ? target : target.slice(0, mark)
  const unclean = cleaned(rawPath)
  if (unclean !== undefined) return new Redirect(unclean + (mark < 0 ? '' : target.slice(mark)))
  const path = decodedPath(rawPath.slice('/v1/'.length))
  const query: Record<string, string> = mark < 0 ? {} : readForm(target.slice(mark + 1))
  const operation = operationOf(verb, query)
  if (operation === 'patch') checkPatchType(headers['content-type'])
  const wrapTtl = wrapTtlOf(single(headers, 'x-vault-wrap-ttl'))
  const namespace = namespaceOf(single(headers, 'x-vault-namespace'))
  return {
    path,
    operation,
    query: parameters(query),
    credential: credentialOf(headers, namespace),
    namespace,
    ...(wrapTtl !== undefined && { wrapTtl }),
  }
}

/** The head of a request that cannot be read: its path if that can. */
export function unreadHead({ verb, target }: HttpHead): RequestHead {
  const operation = (Object.hasOwn(verbs, verb) && verbs[verb]) || 'read'
  const rawPath = target.split('?', 1)[0] ?? ''
  return { path: readable(rawPath), operation, query: {}, credential: none, namespace: '' }
}

function readable(rawPath: string): ApiPath {
  try {
    return decodedPath(rawPath.slice('/v1/'.length))
  } catch {
    return '' as ApiPath
  }
}

/** Vault's headers that may occur only once: a second one could have another meaning. */
export const singleHeaders = ['x-vault-token', 'x-vault-namespace', 'x-vault-wrap-ttl', ...inlineAuthHeaders]

/** Go's path normalisation: doubled slashes, and unencoded `.` and `..` segments, lead to a redirect. */
function cleaned(rawPath: string): string | undefined {
  if (!/\/\/|\/\.{1,2}(\/|$)/.test(rawPath)) return undefined
  const out: string[] = []
  for (const segment of rawPath.split('/')) {
    if (segment === '..') out.pop()
    else if (segment !== '.' && segment !== '') out.push(segment)
  }
  return `/${out.join('/')}${rawPath.endsWith('/') && out.length > 0 ? '/' : ''}`
}

function decodedPath(raw: string): ApiPath {
  let decoded: string
  try {
    decoded = raw.includes('%') ? decodeURIComponent(raw) : raw
  } catch {
    throw refuse('the path holds a broken percent encoding')
  }
  const path = apiPath(decoded)
  if (path === undefined || decoded.startsWith('/'))
    throw refuse('path contains unprintable characters, or empty, "." or ".." segments')
  return path
}

function operationOf(verb: string, query: Readonly<Record<string, string>>): Operation {
  const operation = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
  if (!operation) throw new Fault('unsupported_operation', 'unsupported verb', { listed: false, onlyAudited: true })
  if (operation !== 'read') return operation
  if (isTrue(query['help'])) return 'help'
  const [list, scan] = [flag(query['list']), flag(query['scan'])]
  if (list && scan) throw refuse('')
  return list ? 'list' : scan ? 'scan' : 'read'
}

const isTrue = (value: string | undefined): boolean => value === '1' || value === 'true'

function flag(value: string | undefined): boolean {
  if (value === undefined || value === '') return false
  const parsed = parseGoBool(value)
  if (parsed === undefined) throw refuse('')
  return parsed
}

/** The parameters that select the operation are not passed on; one without effect is (and gets a warning). */
function parameters(query: Record<string, string>): Readonly<Record<string, unknown>> {
  for (const name of ['list', 'scan', 'help']) if (name in query && isMeant(query[name])) delete query[name]
  return query
}

const isMeant = (value: string | undefined): boolean => value === '' || flag(value)

function checkPatchType(type: string | undefined): void {
  const bare = (type ?? '').split(';')[0]?.trim().toLowerCase()
  if (!bare) throw refuse('PATCH requests need a Content-Type: application/merge-patch+json')
  if (bare !== 'application/merge-patch+json')
    throw new Fault('unsupported_media', 'PATCH requests need Content-Type: application/merge-patch+json')
}

function credentialOf(headers: IncomingHttpHeaders, namespace: string): Credential {
  const sentToken = single(headers, 'x-vault-token')
  const bearer = bearerOf(headers.authorization)
  if (sentToken && bearer && sentToken !== bearer)
    throw refuse('X-Vault-Token and Authorization hold different tokens: send one')
  const token = sentToken || bearer
  const login = inlineLogin(headers, namespaceOf, namespace)
  if (login && token) throw refuse('a request has either a token or an inline login, not both')
  if (login) return login
  if (!token) return none
  if (token.length > longestToken) throw refuse(`the token is longer than ${longestToken} bytes`)
  return { kind: 'token', token: new Secret(token) }
}

function bearerOf(header: string | undefined): string {
  return header?.startsWith('Bearer ') ? header.slice('Bearer '.length).trim() : ''
}

/** Node joins repeated headers with ", ": two tokens in one request are refused, not guessed at. */
function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  if (Array.isArray(value)) throw refuse(`the header ${name} was given more than once`)
  if (name === 'x-vault-token' && value?.includes(', ')) throw refuse(`the header ${name} was given more than once`)
  return value
}

/** Node reads headers as Latin-1; names of namespaces are UTF-8. */
function namespaceOf(header: string | undefined): string {
  if (!header) return ''
  const bare = Buffer.from(header, 'latin1')
    .toString('utf8')
    .trim()
    .replace(/^\/+|\/+$/g, '')
  return bare === '' || bare === 'root' ? '' : `${bare}/`
}

function wrapTtlOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = parseDuration(header)
  // Nor 0 or an empty value: a client that sends the header expects no secret in the response.
  if (!seconds)
    throw refuse(
      'error parsing X-Vault-Wrap-TTL header: give seconds or a duration of a second or more, such as 5m; leave it out for an answer that is not wrapped',
    )
  return seconds
}
