import type { Clock } from '../../util/clock.ts'

/** How much of something there is in the whole server. */
export interface Usage {
  readonly tokens: number
  readonly leases: number
  readonly entities: number
}

/** Counts what only the storage knows, seldom: whoever reads the numbers often gets the last ones. */
export class UsageCounts {
  readonly #clock: Clock
  readonly #period: number | undefined
  readonly #count: () => Promise<Usage>
  #last: { readonly usage: Usage; readonly at: number } | undefined
  #running: Promise<void> | undefined

  /** @param period milliseconds for which a count is used; undefined: nothing is counted */
  constructor(clock: Clock, period: number | undefined, count: () => Promise<Usage>) {
    this.#clock = clock
    this.#period = period
    this.#count = count
  }

  /** The last numbers; the first caller waits for them. Undefined if nothing is counted, or while the storage cannot be read. */
  async get(): Promise<Usage | undefined> {
    if (this.#period === undefined) return undefined
    const isDue = !this.#last || this.#clock.now() - this.#last.at >= this.#period
    if (isDue) this.#running ??= this.#run()
    if (!this.#last) await this.#running
    return this.#last?.usage
  }

  /** The server is sealed: what is counted next may be something else. */
  forget(): void {
    this.#last = undefined
  }

  async #run(): Promise<void> {
    try {
      this.#last = { usage: await this.#count(), at: this.#clock.now() }
    } catch {
      // Sealed meanwhile, or unreadable, which other metrics tell. The next reader tries again.
    } finally {
      this.#running = undefined
    }
  }
}
