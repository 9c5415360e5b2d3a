import type { View } from '../contract/view.ts'
import { isCount, shapeOf } from '../util/stored/shape.ts'

const name = 'core/encryptions'
/** Counted ahead on disk: after a crash the count may be too high by this many, never too low. */
const block = 100_000

const encryptionsShape = shapeOf<{ readonly term: number; readonly reserved: number }>('a count of encryptions', {
  term: isCount,
  reserved: isCount,
})

/** How many values the active term has sealed. Kept in blocks, so that counting costs no write per value. */
export class EncryptionCount {
  #term: number
  #used = 0
  #reserved = 0
  #view: View | undefined
  #saving = false

  constructor(term: number) {
    this.#term = term
  }

  get total(): number {
    return this.#used
  }

  /** Goes on from what was reserved before. */
  async resume(view: View): Promise<void> {
    this.#view = view
    const kept = await view.get(name, encryptionsShape)
    this.#used = kept?.term === this.#term ? kept.reserved : 0
    await this.#reserve()
  }

  /** A new term begins at zero. */
  async restart(term: number, view: View): Promise<void> {
    this.#term = term
    this.#used = 0
    this.#view = view
    await this.#reserve()
  }

  add(): void {
    this.#used++
    if (this.#used + block / 2 < this.#reserved || this.#saving || !this.#view) return
    this.#saving = true
    // A reservation that fails is tried again at the next value; the block in hand is still half full.
    setImmediate(
      () =>
        void this.#reserve()
          .catch(() => {})
          .finally(() => (this.#saving = false)),
    )
  }

  async #reserve(): Promise<void> {
    const reserved = this.#used + block
    await this.#view?.put(name, { term: this.#term, reserved })
    this.#reserved = reserved
  }
}
