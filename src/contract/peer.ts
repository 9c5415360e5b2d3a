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
  /** Absent: no header has a certificate. */
  readonly certificate?: ForwardedCertificate
}

/** How a header is decoded, step by step, to the base64 of a certificate's DER; names of OpenBao. */
export const certificateDecoders = ['URL', 'PEM', 'RFC9440'] as const
export type CertificateDecoder = (typeof certificateDecoders)[number]

/** The header in which the same peers send the certificates of their clients. */
export interface ForwardedCertificate {
  /** In lower case. */
  readonly header: string
  readonly decoders: readonly CertificateDecoder[]
}

/** The peers whose PROXY protocol header is trusted: all, or listed address blocks, while others are ignored or disconnected. */
export interface ProxyProtocol {
  readonly behavior: 'use_always' | 'allow_authorized' | 'deny_unauthorized'
  readonly authorized: readonly string[]
}
