/** A policy as these routes see it. Times are epoch milliseconds. */
export interface PolicyEntry {
  readonly name: string
  readonly policy: string
  readonly version: number
  readonly modified?: number
  readonly casRequired: boolean
  readonly expiration?: number
  readonly allowWildcards: boolean
  readonly allowSlashes: boolean
}

/** The parameters of a write or patch. */
export interface PolicyChangeRequest {
  readonly policy?: string
  readonly cas?: number
  readonly casRequired?: boolean
  readonly expiration?: number
  readonly allowWildcards?: boolean
  readonly allowSlashes?: boolean
}

/** The policy store, for these routes. It canonicalises names itself. */
export interface PolicyPort {
  get(name: string): Promise<PolicyEntry | undefined>
  list(prefix: string): Promise<string[]>
  write(name: string, change: PolicyChangeRequest & { readonly policy: string }): Promise<void>
  /** False when there is no such policy. */
  patch(name: string, change: PolicyChangeRequest): Promise<boolean>
  delete(name: string): Promise<void>
  /** Epoch milliseconds. */
  now(): number
}

/** The state of the system engine, as far as these routes need it. */
export type Has = { readonly policies: PolicyPort }
