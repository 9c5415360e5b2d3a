/** How much may be compared for one request: some tens of milliseconds. */
const most = { values: 20_000, characters: 5 * 1024 * 1024 } as const

/** The cost of trying one pattern, regardless of the length of the string. */
const perPattern = 16

/** The cost of judging one request's parameters so far. Once the limit is reached, the request is refused. */
export class ComparisonBudget {
  #values = 0
  #characters = 0

  get spent(): boolean {
    return this.#values > most.values || this.#characters > most.characters
  }

  /** Counts one value that is compared with patterns. @returns whether the limit is not reached */
  take(length: number, patterns: number): boolean {
    this.#values++
    this.#characters += (length + perPattern) * patterns
    return !this.spent
  }
}
