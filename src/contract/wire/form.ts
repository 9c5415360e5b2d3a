/** How Vault's protocol writes a response whose form is not the usual envelope. For other protocols, `plain` is the payload. */
export interface ResponseForm {
  /** The members of the payload are repeated at the envelope's top level (older sys endpoints). */
  readonly inject?: boolean
  /** A complete body without envelope (sys/init, sys/seal-status …). Excludes `data`. */
  readonly plain?: unknown
  /** The content type of a `plain` string that is not JSON: it is sent as it is. */
  readonly contentType?: string
}

/** How Vault's protocol writes the message of a fault. Other protocols ignore it. */
export interface FaultForm {
  /** Whether the message is sent as a list of one (`errorText` in `vault.ts`). If absent, the code decides. */
  readonly listed?: boolean
  /** The audit log alone has the message: `errors` of the response is empty. */
  readonly onlyAudited?: boolean
}
