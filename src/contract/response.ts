/** The `auth` part of a response: a new or renewed token. Names as in Vault's API. */
export interface AuthBlock {
  readonly client_token: string
  readonly accessor: string
  readonly policies: readonly string[]
  readonly token_policies: readonly string[]
  readonly identity_policies?: readonly string[]
  readonly metadata: Readonly<Record<string, string>> | null
  readonly lease_duration: number
  readonly renewable: boolean
  readonly entity_id: string
  readonly token_type: 'service' | 'batch'
  readonly orphan: boolean
  readonly mfa_requirement: null
  readonly num_uses: number
}

/** The `wrap_info` part of a response: the token that unwraps the real response. Names as in Vault's API. */
export interface WrapInfo {
  readonly token: string
  readonly accessor: string
  /** Seconds. */
  readonly ttl: number
  readonly creation_time: string
  readonly creation_path: string
  /** The accessor of the token in the real response. */
  readonly wrapped_accessor?: string
}

/** A response that is wrapped by a token, and its origin. */
export interface Wrapped {
  readonly response: Response
  /** The id of its request. */
  readonly requestId: string
  readonly creationPath: string
  /** Epoch milliseconds. */
  readonly creationTime: number
  /** Seconds. */
  readonly creationTtl: number
}

/** The response of a route handler. `{}` is "done, no content" (Vault: 204). */
export interface Response {
  /** HTTP-like status where it is not the default (200 with content, 204 without). */
  readonly status?: number
  /** The payload; `null` is a payload too (Vault writes `data: null` in an envelope). */
  readonly data?: Readonly<Record<string, unknown>> | null
  /** The payload's members are repeated at the envelope's top level (older sys endpoints). */
  readonly inject?: boolean
  /** A complete body without envelope (sys/init, sys/seal-status …). Excludes `data`. */
  readonly plain?: unknown
  /** The content type of a `plain` string that is not JSON: it is sent as it is. */
  readonly contentType?: string
  readonly auth?: AuthBlock
  readonly warnings?: readonly string[]
  readonly leaseDuration?: number
  /** Sent instead of the response itself, which this token unwraps. */
  readonly wrapInfo?: WrapInfo
  /** The id of its request, where that is an earlier one (unwrapping). */
  readonly requestId?: string
  readonly headers?: Readonly<Record<string, string>>
  /** It comes from a route that carries key shares, and is sent by another one (unwrapping). */
  readonly carriesKeyShares?: boolean
  /** Runs when the response line is in the audit log, before the response is sent: sealing closes the devices. */
  readonly after?: () => Promise<void>
}

/** The usual response: a payload. */
export function answer(data: Readonly<Record<string, unknown>>, warnings: readonly string[] = []): Response {
  return warnings.length > 0 ? { data, warnings } : { data }
}

/** Done, no content; with warnings it gets an envelope. */
export function done(warnings: readonly string[] = []): Response {
  return warnings.length > 0 ? { warnings } : {}
}
