import type { LineOptions } from './line-options.ts'
import type { Hasher } from './hasher.ts'
import { redact, redactSteps } from './redact.ts'
import type { Redaction } from './redact.ts'
import { inTurns } from '../../util/slices.ts'

/** Data as it stands in a line, made ahead: right as long as the same strings are open. */
interface Prepared {
  readonly open: readonly string[] | undefined
  readonly text: string
}

/** Values as the lines of a device have them: hashed, or as they are. All methods give JSON. */
export class LineValues {
  readonly #hasher: Hasher
  readonly #options: Pick<LineOptions, 'raw' | 'strict' | 'hmacAccessor'>
  /** Each is taken once. */
  readonly #prepared = new WeakMap<object, Prepared>()

  constructor(hasher: Hasher, options: Pick<LineOptions, 'raw' | 'strict' | 'hmacAccessor'>) {
    this.#hasher = hasher
    this.#options = options
  }

  /** Hashes large data, with turns for others, so that its line can be written at once. @param open names whose values stay as they are */
  async prepare(data: unknown, open: readonly string[] | undefined): Promise<void> {
    if (typeof data !== 'object' || data === null) return
    const text = await inTurns(redactSteps(data, this.#hasher, this.#redaction(open)))
    this.#prepared.set(data, { open, text })
  }

  accessor(accessor: string): string {
    return this.#options.hmacAccessor ? this.text(accessor) : JSON.stringify(accessor)
  }

  /** A string. */
  text(text: string): string {
    return this.#options.raw ? JSON.stringify(text) : `"${this.#hasher.of(text)}"`
  }

  /** Warnings repeat names of parameters that a caller chose. */
  warnings(warnings: readonly string[]): string {
    return this.#options.strict ? `[${warnings.map((text) => this.text(text)).join(',')}]` : JSON.stringify(warnings)
  }

  /** Data. @param open names whose values stay as they are */
  redact(value: unknown, open: readonly string[] | undefined): string {
    const prepared = this.#takePrepared(value)
    return prepared && prepared.open === open ? prepared.text : redact(value, this.#hasher, this.#redaction(open))
  }

  /** Once: what is answered may be an object that lives on. */
  #takePrepared(value: unknown): Prepared | undefined {
    if (typeof value !== 'object' || value === null) return undefined
    const prepared = this.#prepared.get(value)
    if (prepared) this.#prepared.delete(value)
    return prepared
  }

  #redaction(open: readonly string[] | undefined): Redaction {
    const { raw, strict } = this.#options
    return strict ? { strict } : { raw, ...(open && open.length > 0 && { open: new Set(open) }) }
  }
}
