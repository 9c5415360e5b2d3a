import { Fault } from '../contract/fault.ts'

/** Lets so many tasks run at once and so many more wait; what comes then is turned away before it has begun. */
export class Gate {
  readonly #running: number
  readonly #waiting: number
  readonly #queue: (() => void)[] = []
  #busy = 0

  constructor({ running, waiting }: { readonly running: number; readonly waiting: number }) {
    this.#running = running
    this.#waiting = waiting
  }

  /** @throws Fault unavailable, with Retry-After, when too many wait already: the task was not begun. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#busy < this.#running) this.#busy++
    else if (this.#queue.length >= this.#waiting) throw full()
    else await new Promise<void>((resolve) => this.#queue.push(resolve))
    try {
      return await task()
    } finally {
      // A place is handed on, not given back and fought for: order is kept.
      const next = this.#queue.shift()
      if (next) next()
      else this.#busy--
    }
  }
}

function full(): Fault {
  const message = 'too many operations with large keys are waiting: nothing was changed, try again later'
  return new Fault('unavailable', message, { headers: { 'Retry-After': '5' } })
}

/**
 * What takes many milliseconds and is done on the threads of libuv. There are four for the whole process, and storage
 * and audit files need some of them at any time: two is all that large keys ever get.
 */
export const heavy = new Gate({ running: 2, waiting: 256 })
