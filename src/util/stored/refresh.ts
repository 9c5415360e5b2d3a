/**
 * Keeps something in memory true to the records that it was read from: reads again what changed, one run at a time. While
 * changes are unread it is stale, and must not be used.
 */
export class Refresh {
  readonly #read: (names: readonly string[] | undefined) => Promise<void>
  #changed: Set<string> | 'all' | undefined
  #running: Promise<void> | undefined

  /** @param read reads records by their names; undefined: all. It must not write any of them, and must be repeatable. */
  constructor(read: (names: readonly string[] | undefined) => Promise<void>) {
    this.#read = read
  }

  get isStale(): boolean {
    return this.#changed !== undefined || this.#running !== undefined
  }

  /** Resolves when the records are read; rejects when they cannot be read now. `settle` tries again. */
  async changed(names: readonly string[] | undefined): Promise<void> {
    this.note(names)
    return this.settle()
  }

  /** These records have changed; undefined: all may have. They are stale until `settle` has read them. */
  note(names: readonly string[] | undefined): void {
    if (names === undefined || this.#changed === 'all') this.#changed = 'all'
    else {
      this.#changed ??= new Set()
      for (const name of names) this.#changed.add(name)
    }
  }

  /** Resolves when nothing is stale. */
  async settle(): Promise<void> {
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #run(): Promise<void> {
    while (this.#changed !== undefined) {
      const names = this.#changed === 'all' ? undefined : [...this.#changed]
      this.#changed = undefined
      try {
        await this.#read(names)
      } catch (thrown) {
        this.note(names)
        throw thrown
      }
    }
  }
}
