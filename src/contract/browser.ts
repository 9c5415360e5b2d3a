/** The pages of other origins that may use the API, and how. */
export interface CrossOrigin {
  /** Origins such as `https://app.example`, or only `*` for all. Never empty. */
  readonly allowedOrigins: readonly string[]
  /** Request headers that such a page may send. */
  readonly allowedHeaders: readonly string[]
  /** Whether browsers may add credentials of their own (cookies, client certificates). Never for any origin. */
  readonly allowCredentials: boolean
}

/** The operators' settings for browsers. Available since the first unseal, also while sealed again. */
export interface BrowserRules {
  /** Undefined: no page of another origin may use the API. */
  crossOrigin(): CrossOrigin | undefined
  /** Headers of every response below `/ui/`, by name. */
  uiHeaders(): Readonly<Record<string, readonly string[]>>
}
