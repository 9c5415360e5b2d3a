import type { Clock } from '../clock.ts'

/** A time limit that several pieces of work share, one after the other. */
export class Deadline {
  readonly #clock: Clock
  readonly #at: number

  /** @param wait milliseconds from now */
  constructor(clock: Clock, wait: number) {
    this.#clock = clock
    this.#at = clock.now() + wait
  }

  /** Settles as `work` does, or with `late` once the time is over. The work itself goes on: others may wait for it. */
  async within<T, L>(work: Promise<T>, late: L): Promise<T | L> {
    const left = this.#at - this.#clock.now()
    if (left <= 0) {
      work.catch(() => {})
      return late
    }
    let timer: { cancel(): void } | undefined
    const over = new Promise<L>((resolve) => {
      timer = this.#clock.after(left, () => resolve(late))
    })
    try {
      return await Promise.race([work, over])
    } finally {
      timer?.cancel()
    }
  }
}
