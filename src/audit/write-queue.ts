import type { Fault } from '../contract/fault.ts'
import type { Clock } from '../util/clock.ts'
import { Batch, Deferred, notAudited } from './batch.ts'

/** The default time limit of a write to a device, milliseconds. After that it counts as failed until the write ends. */
export const deviceLimit = 5000

/** The time until lines without waiting requests are on disk, milliseconds. */
const lazySync = 100

/** The device of a queue. */
export interface WriteTarget {
  /** The time limit of a write, milliseconds. */
  readonly limit: number
  /** Every line waits for the disk. */
  readonly alwaysSync: boolean
  /**
   * Writes lines. Those that were lost before them have to be mentioned first.
   * @throws if the lines cannot be written: then none of them counts as written
   */
  write(lines: readonly string[], lost: number): void | Promise<void>
  /** Resolves when everything written before is on disk. */
  sync(): Promise<void>
  /** Aborts the write in progress. */
  abort(): void
  /** A write or a sync failed. */
  failed(why: unknown): void
}

/** `stuck`: the write in progress has exceeded its limit; until it ends, no line is accepted. */
type State =
  { readonly is: 'idle' } | { readonly is: 'writing'; readonly settled: Promise<void> } | { readonly is: 'stuck' }

/**
 * Group commit: lines that come while a write is under way, or in the same turn of the event loop, are one batch, which is
 * written at once. Whoever pushed a line waits until its batch is written or, for a durable line, on disk. Lines are
 * written in the order in which they were pushed, or lost and counted.
 */
export class WriteQueue {
  readonly #target: WriteTarget
  readonly #clock: Clock
  #state: State = { is: 'idle' }
  #batch: Batch | undefined
  #lost = 0
  #syncIsDue = false

  constructor(target: WriteTarget, clock: Clock) {
    this.#target = target
    this.#clock = clock
  }

  /** Lines that were lost since the last write that succeeded. */
  get lost(): number {
    return this.#lost
  }

  /** Lines that wait for the next write. */
  get length(): number {
    return this.#batch?.lines.length ?? 0
  }

  get isEmpty(): boolean {
    return this.#batch === undefined
  }

  /** Queues a line for the next write. @throws Fault if it was not written */
  push(line: string, durable: boolean): Promise<void> {
    if (this.#state.is === 'stuck') return this.lose(notAudited('an earlier write has not ended'))
    const batch = (this.#batch ??= new Batch())
    batch.lines.push(line)
    if (!durable && !this.#target.alwaysSync) return batch.written.promise
    return (batch.synced ??= new Deferred()).promise
  }

  /** Counts a line as lost. @throws Fault `why` */
  lose(why: Fault): Promise<never> {
    this.#lost++
    return Promise.reject(why)
  }

  /** Writes the queued lines. Called once per event-loop turn. */
  flush(): void {
    const batch = this.#batch
    if (batch === undefined || this.#state.is !== 'idle') return
    this.#batch = undefined
    try {
      const pending = this.#write(batch)
      if (pending) this.#await(batch, pending)
    } catch (thrown) {
      this.#failed(batch, thrown)
    }
  }

  /** Calls the target even if no line is queued, so that it can write lines of its own. */
  wake(): void {
    this.#batch ??= new Batch()
    this.flush()
  }

  /** Writes the queued lines, and waits for the write unless it exceeds its limit. */
  async drain(): Promise<void> {
    this.flush()
    while (this.#state.is === 'writing') await this.#state.settled
  }

  /** Passes a batch to the device: done if it returns undefined. */
  #write(batch: Batch): Promise<void> | undefined {
    const lost = this.#lost
    const done = (): void => {
      this.#lost -= lost
      this.#written(batch)
    }
    const pending = this.#target.write(batch.lines, lost)
    if (pending) return pending.then(done)
    done()
    return undefined
  }

  #written({ written, synced }: Batch): void {
    written.resolve()
    if (!synced) return this.#syncSoon()
    const timer = this.#clock.after(deviceLimit, () => synced.reject(notAudited('sync timed out')))
    const ended = (why?: unknown): void => {
      timer.cancel()
      if (why === undefined) return synced.resolve()
      this.#target.failed(why)
      synced.reject(notAudited(why))
    }
    this.#target.sync().then(() => ended(), ended)
  }

  #syncSoon(): void {
    if (this.#syncIsDue) return
    this.#syncIsDue = true
    this.#clock.after(lazySync, () => {
      this.#syncIsDue = false
      this.#target.sync().catch((thrown: unknown) => this.#target.failed(thrown))
    })
  }

  #await(batch: Batch, pending: Promise<void>): void {
    const settled = new Deferred()
    this.#state = { is: 'writing', settled: settled.promise }
    const timer = this.#clock.after(this.#target.limit, () => {
      this.#giveUp(batch)
      settled.resolve()
    })
    const ended = (): void => {
      timer.cancel()
      this.#state = { is: 'idle' }
      this.flush()
      settled.resolve()
    }
    pending.catch((thrown: unknown) => this.#failed(batch, thrown)).then(ended, ended)
  }

  /** The write in progress has exceeded its limit: its lines count as lost when it ends, those after it at once. */
  #giveUp(batch: Batch): void {
    this.#state = { is: 'stuck' }
    this.#target.failed('a write has not ended in time')
    batch.fail(notAudited('a write has not ended in time'))
    const queued = this.#batch
    this.#batch = undefined
    if (queued) this.#drop(queued, 'behind a write that has not ended')
    this.#target.abort()
  }

  #failed(batch: Batch, thrown: unknown): void {
    this.#target.failed(thrown)
    this.#drop(batch, thrown)
  }

  #drop(batch: Batch, why: unknown): void {
    this.#lost += batch.lines.length
    batch.fail(notAudited(why))
  }
}
