/** Whose `X-Forwarded-For` is believed, and how. */
export interface ForwardedFor {
  /** Address blocks, as `parseCidr` gives them. */
  readonly authorized: readonly string[]
  /** How many addresses at the end of the list are those of further proxies. */
  readonly hopSkips: number
  /** Refuses a request without the header. */
  readonly rejectNotPresent: boolean
  /** Refuses a request with the header from anybody else; otherwise the header is left out of account. */
  readonly rejectNotAuthorized: boolean
}

/** Whose PROXY protocol header is believed: everybody's, or that of listed address blocks, others being ignored or hung up on. */
export interface ProxyProtocol {
  readonly behavior: 'use_always' | 'allow_authorized' | 'deny_unauthorized'
  readonly authorized: readonly string[]
}
