import type { View } from '../contract/view.ts'
import { isCount, shapeOf } from '../util/stored/shape.ts'

const name = 'core/encryptions'
/** Reserved ahead on disk: after a crash the count may be too high by two of these blocks, never too low. */
const block = 100_000

const encryptionsShape = shapeOf<{ readonly term: number; readonly reserved: number }>('a count of encryptions', {
  term: isCount,
  reserved: isCount,
})

/**
 * How many values were encrypted under the active term. Counted in blocks, so that counting costs no write per value; every
 * process that shares the storage reserves blocks of its own.
 */
export class EncryptionCount {
  #term: number
  /** By all processes. */
  #reserved = 0
  /** The rest of the block of this process; less than 0 before its first block. */
  #left = 0
  #view: View | undefined
  #saving = false

  constructor(term: number) {
    this.#term = term
  }

  get total(): number {
    return this.#reserved - this.#left
  }

  /** Continues from the stored reservation. */
  async resume(view: View): Promise<void> {
    this.#view = view
    view.watch(name, async () => this.#read())
    await this.#reserve()
  }

  /** A new term begins at zero. */
  async restart(term: number): Promise<void> {
    this.follow(term)
    await this.#reserve()
  }

  /** Another process has begun a term. */
  follow(term: number): void {
    this.#term = term
    this.#reserved = 0
    this.#left = 0
  }

  add(): void {
    this.#left--
    if (this.#left > block / 2 || this.#saving || !this.#view) return
    this.#saving = true
    // A failed reservation is repeated at the next value; the current block is still half full.
    setImmediate(
      () =>
        void this.#reserve()
          .catch(() => {})
          .finally(() => (this.#saving = false)),
    )
  }

  async #reserve(): Promise<void> {
    const term = this.#term
    const reserved = await this.#view?.transaction(async (tx) => {
      const stored = await tx.get(name, encryptionsShape)
      // Another process may have begun a later term, which this one is about to learn of.
      if (stored && stored.term > term) return undefined
      const next = (stored?.term === term ? stored.reserved : 0) + block
      tx.put(name, { term, reserved: next })
      return next
    })
    if (reserved === undefined || this.#term !== term) return
    this.#reserved = Math.max(this.#reserved, reserved)
    this.#left += block
  }

  /** Other processes reserve blocks as well. Blocks of this process are counted when it has them. */
  async #read(): Promise<void> {
    const stored = await this.#view?.get(name, encryptionsShape)
    if (stored?.term === this.#term) this.#reserved = Math.max(this.#reserved, stored.reserved)
  }
}
