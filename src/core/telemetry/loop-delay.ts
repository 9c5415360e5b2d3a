import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock } from '../../util/clock.ts'

/** How long work waited for the event loop, seconds. */
export interface Delay {
  readonly p99: number
  readonly max: number
}

const minute = 60_000
const nanoseconds = 1e9

/** The delay of the event loop in the last one to two minutes, for as many readers as there are. */
export class LoopDelay {
  readonly #clock: Clock
  readonly #histogram = monitorEventLoopDelay({ resolution: 20 })
  #previous: Delay = { p99: 0, max: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#histogram.enable()
    this.#rotate()
  }

  get(): Delay {
    const now = this.#now()
    return { p99: Math.max(now.p99, this.#previous.p99), max: Math.max(now.max, this.#previous.max) }
  }

  stop(): void {
    this.#histogram.disable()
  }

  #now(): Delay {
    const { count } = this.#histogram
    if (count === 0) return { p99: 0, max: 0 }
    return { p99: this.#histogram.percentile(99) / nanoseconds, max: this.#histogram.max / nanoseconds }
  }

  #rotate(): void {
    this.#clock.after(minute, () => {
      this.#previous = this.#now()
      this.#histogram.reset()
      this.#rotate()
    })
  }
}
