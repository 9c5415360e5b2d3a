import type { Readable } from 'node:stream'
import type { Secret } from '../util/secret.ts'
import { identityPolicies } from './identity.ts'
import type { Principal, TokenRecord } from './identity.ts'
import type { MfaRequirement } from './wire/mfa.ts'
import { normalisedPolicies } from './token-params.ts'
import type { TokenParams } from './token-params.ts'
import type { ResponseForm } from './wire/form.ts'

/** The `auth` part of a response: a new or renewed token. Names as in Vault's API. */
export interface AuthBlock {
  readonly client_token: string
  readonly accessor: string
  /** null while the login waits for its second factor. */
  readonly policies: readonly string[] | null
  readonly token_policies?: readonly string[]
  readonly identity_policies?: readonly string[]
  readonly metadata: Readonly<Record<string, string>> | null
  readonly lease_duration: number
  readonly renewable: boolean
  readonly entity_id: string
  readonly token_type: 'service' | 'batch' | 'default'
  readonly orphan: boolean
  /** The required second factor of a login; there is no token then. */
  readonly mfa_requirement: MfaRequirement | null
  readonly num_uses: number
}

/**
 * The `auth` part of a response about a token.
 * @param ttl seconds from now
 * @param principal the principal of the token; undefined: none
 */
export function authBlock(record: TokenRecord, token: string, ttl: number, principal?: Principal): AuthBlock {
  const policies = normalisedPolicies(record.policies)
  const ofIdentity = principal ? identityPolicies(principal) : []
  return {
    client_token: token,
    accessor: record.accessor,
    policies: normalisedPolicies([...policies, ...ofIdentity]),
    token_policies: policies,
    ...(ofIdentity.length > 0 && { identity_policies: ofIdentity }),
    metadata: record.meta,
    lease_duration: ttl,
    renewable: record.renewable,
    entity_id: principal?.entity.id ?? record.entityId,
    token_type: record.type,
    orphan: record.parent === undefined,
    mfa_requirement: null,
    num_uses: record.numUses,
  }
}

/** The `auth` part of the response to a login that waits for its second factor. */
export function pendingAuth(requirement: MfaRequirement): AuthBlock {
  return {
    client_token: '',
    accessor: '',
    policies: null,
    metadata: null,
    lease_duration: 0,
    renewable: false,
    entity_id: '',
    token_type: 'default',
    orphan: false,
    mfa_requirement: requirement,
    num_uses: 0,
  }
}

/** A successful login, as the route of an auth method returns it. The core creates the token (`core/authentication/issue-token.ts`). */
export interface Login extends TokenParams {
  /** The name of the user or role, canonical and unique within the mount, for the entity. */
  readonly alias: { readonly name: string; readonly metadata?: Readonly<Record<string, string>> }
  /** The login method's names of the user's groups, for external groups. Absent: it has none. */
  readonly groupAliases?: readonly string[]
  /** Shown in audit lines and lookups, after the path of the mount. */
  readonly displayName: string
  /** Strings for the response, audit lines and lookups. */
  readonly metadata: Readonly<Record<string, string>> | null
  readonly renewable: boolean
  /** The data for `Engine.renew`. Stored with the token, never shown. */
  readonly data?: Readonly<Record<string, unknown>>
}

/** The `wrap_info` part of a response: the token that unwraps the real response. Names as in Vault's API. */
export interface WrapInfo {
  readonly token: string
  readonly accessor: string
  /** Seconds. */
  readonly ttl: number
  readonly creation_time: string
  readonly creation_path: string
  /** The accessor of the token, or of the secret, in the real response. */
  readonly wrapped_accessor?: string
}

/** A response that is wrapped by a token, and its origin. */
export interface Wrapped {
  readonly response: FormedResponse
  /** The id of its request. */
  readonly requestId: string
  readonly creationPath: string
  /** Epoch milliseconds. */
  readonly creationTime: number
  /** Seconds. */
  readonly creationTtl: number
}

/** A file that is sent while it is written. Its content type is that of `returns`. */
export interface ResponseFile {
  readonly stream: Readable
  /** The name that clients save it under. */
  readonly name: string
}

/** The parts that a response has whatever its form. */
interface ResponseParts {
  /** HTTP-like status where it is not the default (200 with content, 204 without). */
  readonly status?: number
  /** The payload; `null` is an empty one, not the absence of content. */
  readonly data?: Readonly<Record<string, unknown>> | null
  readonly auth?: AuthBlock
  /** A successful login, in place of `auth`. Only from routes of auth mounts. */
  readonly login?: Login
  /** The token of a login, for the audit line of the response. Never sent. */
  readonly issued?: { readonly token: TokenRecord; readonly bearer: Secret<string> }
  readonly warnings?: readonly string[]
  readonly leaseDuration?: number
  /** The accessor of the secret in `data`: shown with the token that wraps it. */
  readonly accessor?: string
  /** Sent instead of the response itself, which this token unwraps. */
  readonly wrapInfo?: WrapInfo
  /** The id of its request, where that is an earlier one (unwrapping). */
  readonly requestId?: string
  readonly headers?: Readonly<Record<string, string>>
  /** It comes from a route that is `neverRaw`, and is sent by another one (unwrapping). */
  readonly neverRaw?: boolean
  /** The payload is a file of any length. It excludes every other payload. */
  readonly file?: ResponseFile
  /** Runs when the response line is in the audit log, before the response is sent: sealing closes the devices. */
  readonly after?: () => Promise<void>
}

/**
 * The response of a route handler. `{}` is "done, no content". Its form is not here but in the route (`returns`), which
 * gives it to every response (`wire/formed.ts`).
 */
export interface Response extends ResponseParts {
  /** A text in place of `data`, of the content type that `returns` has for it. */
  readonly text?: string
  /** In place of everything else: a response that was kept until now, with its form (`anotherResponse`). */
  readonly another?: FormedResponse
  readonly inject?: never
  readonly plain?: never
  readonly contentType?: never
}

/** A response in the form of its route, as the core, the audit log and protocols have it. */
export interface FormedResponse extends ResponseParts, ResponseForm {}

/** The usual response: a payload. */
export function answer(data: Readonly<Record<string, unknown>>, warnings: readonly string[] = []): Response {
  return warnings.length > 0 ? { data, warnings } : { data }
}

/** Done, no content; with warnings it gets an envelope. */
export function done(warnings: readonly string[] = []): Response {
  return warnings.length > 0 ? { warnings } : {}
}
