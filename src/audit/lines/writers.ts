import type { AuditEvent, AuditOutcome } from '../../contract/audit.ts'
import { LineWriter } from './entry.ts'
import type { LineOptions } from './line-options.ts'
import { Hasher } from './hasher.ts'

/** The makers of one device's lines: the usual one, and a strict one for requests with key shares. */
export class LineWriters {
  readonly #options: Omit<LineOptions, 'strict' | 'headers' | 'bootSalt'>
  /** Created, like its writers, by `use` or `useBootSalt`: no line is written under a salt of zeros. */
  #hasher!: Hasher
  #usual!: LineWriter
  #strict!: LineWriter

  constructor(options: Omit<LineOptions, 'strict' | 'headers' | 'bootSalt'>) {
    this.#options = options
  }

  /** Strings are hashed under the stored salt from now on. */
  use(salt: Uint8Array, headers: ReadonlyMap<string, boolean>): void {
    this.#hasher = new Hasher(salt)
    this.#make(headers, false)
  }

  /** Strings are hashed under a salt of this start of the server, and marked in the lines, because the stored salt is sealed. */
  useBootSalt(salt: Uint8Array): void {
    this.#hasher = new Hasher(salt)
    this.#make(new Map(), true)
  }

  /** Other request headers are recorded from now on. */
  recordHeaders(headers: ReadonlyMap<string, boolean>): void {
    this.#make(headers, false)
  }

  hash(input: string): string {
    return this.#hasher.of(input)
  }

  /** For lines about the log itself. */
  get usual(): LineWriter {
    return this.#usual
  }

  of(event: AuditEvent): LineWriter {
    return event.neverRaw === true ? this.#strict : this.#usual
  }

  forResponse(event: AuditEvent, outcome: AuditOutcome): LineWriter {
    return 'neverRaw' in outcome && outcome.neverRaw ? this.#strict : this.of(event)
  }

  #make(headers: ReadonlyMap<string, boolean>, bootSalt: boolean): void {
    const options = { ...this.#options, headers, bootSalt }
    this.#strict = new LineWriter(this.#hasher, { ...options, raw: false, strict: true })
    this.#usual = new LineWriter(this.#hasher, { ...options, strict: false })
  }
}
