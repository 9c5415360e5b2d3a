import type { Clock, Timer } from '../../src/util/clock.ts'

/** A clock that tests advance; due timers run then. */
export class HandClock implements Clock {
  #now: number
  #timers: { readonly at: number; readonly task: () => void; cancelled: boolean }[] = []

  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(ms: number, task: () => void): Timer {
    const timer = { at: this.#now + ms, task, cancelled: false }
    this.#timers.push(timer)
    return { cancel: () => void (timer.cancelled = true) }
  }

  advance(ms: number): void {
    this.#now += ms
    const due = this.#timers.filter((timer) => timer.at <= this.#now)
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now)
    for (const timer of due) if (!timer.cancelled) timer.task()
  }

  /** Advances in steps of half a second until `work` is settled, with time for I/O in between. */
  async advanceUntil(work: Promise<unknown>): Promise<void> {
    let isOver = false
    const settled = work.finally(() => (isOver = true))
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      this.advance(500)
    }
    await settled
  }
}
