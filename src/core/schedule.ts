import type { Clock, Timer } from '../util/clock.ts'
import type { Log } from '../util/log.ts'

/** A periodic task while the server is unsealed. */
export interface Chore {
  readonly name: string
  /** Milliseconds from the end of one run to the start of the next. */
  readonly every: number
  readonly run: () => Promise<unknown>
}

/** Runs chores until it is stopped. A chore that fails is logged and tried again at its next turn. */
export class Schedule {
  readonly #clock: Clock
  readonly #log: Log
  readonly #chores: readonly Chore[]
  readonly #timers = new Map<string, Timer>()
  #stopped = false

  constructor(clock: Clock, log: Log, chores: readonly Chore[]) {
    this.#clock = clock
    this.#log = log
    this.#chores = chores
    for (const chore of chores) this.#plan(chore)
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
  }

  /** Runs a task now instead of waiting for its time. Its caller does not wait; after a failure it is repeated. */
  runNow(name: string): void {
    const chore = this.#chores.find((one) => one.name === name)
    if (!chore || this.#stopped) return
    this.#timers.get(name)?.cancel()
    void this.#turn(chore)
  }

  #plan(chore: Chore): void {
    if (this.#stopped) return
    this.#timers.get(chore.name)?.cancel()
    this.#timers.set(
      chore.name,
      this.#clock.after(chore.every, () => void this.#turn(chore)),
    )
  }

  async #turn(chore: Chore): Promise<void> {
    try {
      await chore.run()
    } catch (thrown) {
      if (!this.#stopped)
        this.#log.warn(`${chore.name} failed; it will be tried again`, {
          error: thrown instanceof Error ? thrown.name : 'unknown',
        })
    }
    this.#plan(chore)
  }
}
