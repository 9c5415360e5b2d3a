/** A device's options that shape its lines. */
export interface LineOptions {
  /** Texts stay as they are. */
  readonly raw: boolean
  /** Key shares pass: every string is hashed, whatever is open elsewhere. Excludes `raw`. */
  readonly strict: boolean
  /** Whether accessors are hashed. */
  readonly hmacAccessor: boolean
  /** Lists in answers become counts. */
  readonly elideLists: boolean
  /** Request headers to show, by lower-case name; true: hashed. */
  readonly headers: ReadonlyMap<string, boolean>
  /** Hashed with the salt of this start of the server, because the stored one is sealed; the line says so. */
  readonly bootSalt: boolean
}
