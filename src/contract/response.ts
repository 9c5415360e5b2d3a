/** The `auth` part of an answer: a token that was made or renewed. Names as Vault's wire has them. */
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

/** The `wrap_info` part of an answer: the token that the real answer waits behind. Names as Vault's wire has them. */
export interface WrapInfo {
  readonly token: string
  readonly accessor: string
  /** Seconds. */
  readonly ttl: number
  readonly creation_time: string
  readonly creation_path: string
  /** The accessor of the token that the real answer hands out. */
  readonly wrapped_accessor?: string
}

/** An answer that waits behind a wrapping token, and where it came from. */
export interface Wrapped {
  readonly response: Response
  /** The id of the request that it answers. */
  readonly requestId: string
  readonly creationPath: string
  /** Epoch milliseconds. */
  readonly creationTime: number
  /** Seconds. */
  readonly creationTtl: number
}

/** What a route handler answers. `{}` is "done, nothing to say" (Vault: 204). */
export interface Response {
  /** HTTP-like status where it is not the usual one (200 with content, 204 without). */
  readonly status?: number
  /** The payload; `null` is a payload too (Vault writes `data: null` in an envelope). */
  readonly data?: Readonly<Record<string, unknown>> | null
  /** The payload's members are repeated at the envelope's top level (old sys endpoints). */
  readonly inject?: boolean
  /** A whole body without envelope (sys/init, sys/seal-status …). Excludes `data`. */
  readonly plain?: unknown
  /** The type of a `plain` text that is no JSON: it is sent as it is. */
  readonly contentType?: string
  readonly auth?: AuthBlock
  readonly warnings?: readonly string[]
  readonly leaseDuration?: number
  /** Given instead of the answer itself, which waits behind this token. */
  readonly wrapInfo?: WrapInfo
  /** The request that it answers, where that is an earlier one (unwrapping). */
  readonly requestId?: string
  readonly headers?: Readonly<Record<string, string>>
  /** It was made by a route that carries key shares, and reaches the caller by another one (unwrapping). */
  readonly carriesKeyShares?: boolean
  /** Done when the response line is in the audit log, before the answer leaves: sealing closes the devices. */
  readonly after?: () => Promise<void>
}

/** The usual answer: a payload. */
export function answer(data: Readonly<Record<string, unknown>>, warnings: readonly string[] = []): Response {
  return warnings.length > 0 ? { data, warnings } : { data }
}

/** Done, nothing to say; with warnings it gets an envelope. */
export function done(warnings: readonly string[] = []): Response {
  return warnings.length > 0 ? { warnings } : {}
}
