/** A device's options that shape its lines. */
export interface LineOptions {
  /** Strings are written unchanged. */
  readonly raw: boolean
  /** For requests with key shares: every string is hashed, without exceptions. Excludes `raw`. */
  readonly strict: boolean
  /** Whether accessors are hashed. */
  readonly hmacAccessor: boolean
  /** Lists in responses become counts. */
  readonly elideLists: boolean
  /** Request headers to show, by lower-case name; true: hashed. */
  readonly headers: ReadonlyMap<string, boolean>
  /** Hashed with the salt of this start of the server, because the stored one is sealed; the line is marked. */
  readonly bootSalt: boolean
}
