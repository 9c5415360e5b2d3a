import { Fault } from '../../contract/fault.ts'
import type { FaultCode } from '../../contract/fault.ts'
import type { Operation, Request } from '../../contract/request.ts'
import type { Clock } from '../../util/clock.ts'

/** A request in progress. */
interface InFlight {
  readonly request: Request
  /** Epoch milliseconds. */
  readonly since: number
}

/** All requests of one operation with the same outcome. Times in milliseconds. */
interface Handled {
  readonly operation: Operation
  readonly outcome: 'ok' | FaultCode
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  /** How many took at most as long as each of `bounds`; not cumulative, longer ones are in none. */
  readonly buckets: readonly number[]
}

/** The upper bounds of the histogram of request times, milliseconds. */
export const bounds: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

type Tally = { -readonly [K in keyof Omit<Handled, 'buckets'>]: Handled[K] } & { readonly buckets: number[] }

/** The requests in progress, and their number since the start of the process. In memory only. */
export class Traffic {
  readonly #clock: Clock
  /** Since when, epoch milliseconds. */
  readonly #open = new Map<Request, number>()
  readonly #tallies = new Map<string, Tally>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(request: Request): void {
    this.#open.set(request, this.#clock.now())
  }

  /** @param request the same object as at its start. @param outcome the thrown error, if any. */
  end(request: Request, outcome: unknown): void {
    const since = this.#open.get(request)
    if (since === undefined) return
    this.#open.delete(request)
    // Integer milliseconds: a single short request counts 0 or 1, the sum of many is accurate.
    const took = Math.max(0, this.#clock.now() - since)
    const tally = this.#tally(request.operation, outcomeOf(outcome))
    tally.count++
    tally.sum += took
    tally.min = Math.min(tally.min, took)
    tally.max = Math.max(tally.max, took)
    const bucket = bounds.findIndex((bound) => took <= bound)
    if (bucket >= 0) tally.buckets[bucket] = (tally.buckets[bucket] ?? 0) + 1
  }

  /** The requests in progress, oldest first. */
  inFlight(): InFlight[] {
    return [...this.#open].map(([request, since]) => ({ request, since }))
  }

  /** The requests handled so far. */
  handled(): readonly Handled[] {
    return [...this.#tallies.values()]
  }

  #tally(operation: Operation, outcome: Handled['outcome']): Tally {
    const key = `${operation} ${outcome}`
    const tally = this.#tallies.get(key)
    if (tally) return tally
    const fresh: Tally = { operation, outcome, count: 0, sum: 0, min: Infinity, max: 0, buckets: bounds.map(() => 0) }
    this.#tallies.set(key, fresh)
    return fresh
  }
}

function outcomeOf(thrown: unknown): Handled['outcome'] {
  if (thrown === undefined) return 'ok'
  return thrown instanceof Fault ? thrown.code : 'internal'
}
