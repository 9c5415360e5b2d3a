import type { Worker } from 'node:worker_threads'
import { Fault } from '../../contract/fault.ts'
import { Thread } from './thread.ts'
import type { Task } from './thread.ts'
import { bytesIn } from './message.ts'

/** Jobs by name. Inputs and results are copied between threads; keys are transferred as KeyObjects, never as bytes. */
type Jobs = Readonly<Record<string, (input: never) => unknown>>

/** How a pool of threads is laid out. */
export interface WorkersOptions {
  readonly spawn: () => Worker
  readonly threads: number
  /** The jobs of one thread at a time: with two, the next one is already there when one ends. */
  readonly inHand: number
  /** Jobs that may wait for a thread. */
  readonly waiting: number
  /** Bytes of their inputs together; one that waits alone may go beyond. */
  readonly waitingBytes: number
  /** Seconds, for refused jobs. */
  readonly retryAfter: number
}

/**
 * Threads that run the jobs of one table. They are started when they are first needed and replaced when they die. What
 * comes when too many jobs wait is turned away before it has begun.
 */
export class Workers<J extends Jobs> {
  readonly #options: WorkersOptions
  readonly #threads = new Set<Thread>()
  readonly #queue: Task[] = []
  /** Bytes of the inputs in the queue. */
  #queued = 0

  constructor(options: WorkersOptions) {
    this.#options = options
  }

  /** Jobs that wait for a thread. */
  get waiting(): number {
    return this.#queue.length
  }

  /**
   * Runs a job on another thread.
   * @throws Fault of the job; `unavailable` with Retry-After if too many wait; `internal` if the thread died.
   */
  async run<N extends keyof J & string>(job: N, input: Parameters<J[N]>[0]): Promise<ReturnType<J[N]>> {
    const thread = this.#free()
    if (!thread && this.#isFull(bytesIn(input))) throw full(this.#options.retryAfter)
    const result = new Promise<unknown>((resolve, reject) => {
      const task = { job, input, resolve, reject }
      if (thread) thread.give(task)
      else this.#enqueue(task)
    })
    return result as Promise<ReturnType<J[N]>>
  }

  /** Refuses waiting jobs, completes the started ones, and ends the threads. A later job starts new ones. */
  async end(): Promise<void> {
    this.#queued = 0
    for (const { reject } of this.#queue.splice(0)) {
      reject(new Fault('unavailable', 'the server is stopping: nothing was changed, try again later'))
    }
    const threads = [...this.#threads]
    this.#threads.clear()
    await Promise.all(threads.map(async (thread) => thread.end()))
  }

  /** A thread for a job: an idle one, otherwise a new one, otherwise one that can have another job. */
  #free(): Thread | undefined {
    const [least] = [...this.#threads].sort((a, b) => a.load - b.load)
    if (least?.load === 0) return least
    if (this.#threads.size < this.#options.threads) return this.#started()
    return least && least.load < this.#options.inHand ? least : undefined
  }

  #started(): Thread {
    const thread = new Thread(this.#options.spawn(), {
      freed: () => this.#distribute(),
      exited: () => {
        this.#threads.delete(thread)
        this.#distribute()
      },
    })
    this.#threads.add(thread)
    return thread
  }

  #distribute(): void {
    while (this.#queue.length > 0) {
      const thread = this.#free()
      if (!thread) return
      const task = this.#queue.shift() as Task
      this.#queued -= bytesIn(task.input)
      thread.give(task)
    }
  }

  #isFull(more: number): boolean {
    const { waiting, waitingBytes } = this.#options
    return this.#queue.length >= waiting || (this.#queued > 0 && this.#queued + more > waitingBytes)
  }

  #enqueue(task: Task): void {
    this.#queue.push(task)
    this.#queued += bytesIn(task.input)
  }
}

function full(retryAfter: number): Fault {
  const message = 'too many operations that take long are waiting: nothing was changed, try again later'
  return new Fault('unavailable', message, { headers: { 'Retry-After': String(retryAfter) } })
}
