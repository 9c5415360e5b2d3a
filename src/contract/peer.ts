/** The peers whose `X-Forwarded-For` is trusted, and how. */
export interface ForwardedFor {
  /** Address blocks, as `parseCidr` gives them. */
  readonly authorized: readonly string[]
  /** How many addresses at the end of the list are those of further proxies. */
  readonly hopSkips: number
  /** Refuses a request without the header. */
  readonly rejectNotPresent: boolean
  /** Refuses a request with the header from any other peer; otherwise the header is ignored. */
  readonly rejectNotAuthorized: boolean
}

/** The peers whose PROXY protocol header is trusted: all, or listed address blocks, while others are ignored or disconnected. */
export interface ProxyProtocol {
  readonly behavior: 'use_always' | 'allow_authorized' | 'deny_unauthorized'
  readonly authorized: readonly string[]
}
