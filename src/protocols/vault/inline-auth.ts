import type { IncomingHttpHeaders } from 'node:http'
import { Fault, refuse } from '../../contract/fault.ts'
import { apiPath } from '../../contract/request.ts'
import type { CredentialOf } from '../../contract/request.ts'
import { readJson } from '../../util/json.ts'
import { Secret } from '../../util/secret.ts'

const prefix = 'x-vault-inline-auth-'
const parameterPrefix = `${prefix}parameter-`

/** Headers of an inline login that may occur only once. */
export const inlineAuthHeaders = ['path', 'operation', 'namespace'].map((name) => prefix + name)

/**
 * The login that a request carries in its headers in place of a token (OpenBao's inline authentication); undefined without one.
 * Each `X-Vault-Inline-Auth-Parameter-*` header is a parameter: base64url without padding of the JSON object `{key, value}`;
 * the end of the header's name says nothing.
 * @param namespaceOf reads a header with the path of a namespace
 * @param namespace of the request: that of the login, unless it names its own
 * @throws Fault for a login that cannot be read
 */
export function inlineLogin(
  headers: IncomingHttpHeaders,
  namespaceOf: (header: string | undefined) => string,
  namespace: string,
): CredentialOf<'inline'> | undefined {
  const rawPath = headers[`${prefix}path`]
  if (rawPath === undefined) return undefined
  const path = typeof rawPath === 'string' && !rawPath.startsWith('/') ? apiPath(asUtf8(rawPath)) : undefined
  if (path === undefined || path === '')
    throw refuse('X-Vault-Inline-Auth-Path must be the path of a login, such as auth/approle/login')
  checkOperation(headers[`${prefix}operation`])
  const own = headers[`${prefix}namespace`]
  return {
    kind: 'inline',
    path,
    namespace: typeof own === 'string' ? namespaceOf(own) : namespace,
    data: new Secret(parametersOf(headers)),
  }
}

/**
 * The operations `create` and `update` are those of logins; no other operation is possible with these headers
 * (GHSA-rh46-vc3j-w2w3).
 */
function checkOperation(operation: string | readonly string[] | undefined): void {
  if (operation !== undefined && operation !== 'update' && operation !== 'create')
    throw new Fault('unsupported_operation', 'X-Vault-Inline-Auth-Operation must be "update" or "create"')
}

function parametersOf(headers: IncomingHttpHeaders): Readonly<Record<string, unknown>> {
  const parameters = new Map<string, unknown>()
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(parameterPrefix)) continue
    const [key, parsed] = parameterOf(String(value))
    if (parameters.has(key)) throw refuse('two X-Vault-Inline-Auth-Parameter headers hold the same parameter')
    parameters.set(key, parsed)
  }
  return Object.fromEntries(parameters)
}

/** Node joins repeated headers with ", ", which is not base64url. Errors do not quote the value: it may be a password. */
function parameterOf(encoded: string): readonly [string, unknown] {
  const bytes = Buffer.from(encoded, 'base64url')
  const parsed = bytes.toString('base64url') === encoded ? readable(bytes) : undefined
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw unreadable()
  const { key, value, ...others } = parsed as Readonly<Record<string, unknown>>
  if (typeof key !== 'string' || key === '' || value === undefined || Object.keys(others).length > 0) throw unreadable()
  return [key, value]
}

function readable(bytes: Uint8Array): unknown {
  try {
    return readJson(bytes)
  } catch {
    return undefined
  }
}

const unreadable = (): Fault =>
  refuse(
    'the value of an X-Vault-Inline-Auth-Parameter header must be base64url without padding of a JSON object with the members "key" and "value"',
  )

/** Node reads headers as Latin-1. */
const asUtf8 = (header: string): string => Buffer.from(header, 'latin1').toString('utf8')
