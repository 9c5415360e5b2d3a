import { hasMembers, isCount, isListOf, isName, isText, isTime, orAbsent, shapeOf } from '../../../util/stored/shape.ts'
import type { Shape } from '../../../util/stored/shape.ts'
import { placeOf } from './config.ts'
import type { ScheduledConfig } from './config.ts'

/** A snapshot that was read back, and is kept. */
export interface Kept {
  readonly name: string
  /** Bytes of the file, and its SHA-256 in hexadecimal. */
  readonly size: number
  readonly sha256: string
  /** When it was begun, epoch milliseconds. */
  readonly at: number
}

/** What became of the snapshots of one configuration. Times are epoch milliseconds. */
export interface ScheduledState {
  /** See `placeOf`: those of another place are not touched any more. */
  readonly place: string
  /** The oldest first. */
  readonly kept: readonly Kept[]
  /** The last good one, wherever it is. */
  readonly good?: Kept
  /** How long it took, milliseconds. */
  readonly took: number
  /** The last attempt; `why` is empty when it was successful. */
  readonly started: number
  readonly ended: number
  readonly why: string
  /** Attempts that failed since the last good one. */
  readonly failures: number
}

const kept = {
  name: isName,
  size: isCount,
  sha256: isName,
  at: isTime,
}
const isKept = (value: unknown): boolean => hasMembers<Kept>(value, kept)

export const scheduledState: Shape<ScheduledState> = shapeOf<ScheduledState>('the state of scheduled snapshots', {
  place: isText,
  kept: isListOf(isKept),
  good: orAbsent(isKept),
  took: isCount,
  started: isTime,
  ended: isTime,
  why: isText,
  failures: isCount,
})

/** The first retry after a failure, and the longest wait for one, milliseconds. */
const [firstRetry, longestRetry] = [60_000, 3_600_000]

/**
 * When the next one is due, epoch milliseconds; in the past for one that was missed. It is never further away than an interval:
 * a clock that was ahead when the last one was made must not stop the backups until it is as late as that again.
 */
export function nextOf(config: ScheduledConfig, state: ScheduledState | undefined, now: number): number {
  const due = dueOf(config, state)
  return due > now + config.interval * 1000 ? now : due
}

function dueOf(config: ScheduledConfig, state: ScheduledState | undefined): number {
  if (!state) return config.created
  const interval = config.interval * 1000
  if (state.failures > 0) {
    // A change may be what it needed.
    if (config.changed >= state.started) return config.changed
    return state.ended + Math.min(interval, longestRetry, firstRetry * 2 ** Math.min(state.failures - 1, 10))
  }
  if (!state.good || state.place !== placeOf(config)) return config.changed
  return state.good.at + interval
}

/** Since when nothing was saved, epoch milliseconds. A time in the future tells nothing. */
export function lastGood({ created }: ScheduledConfig, state: ScheduledState | undefined, now: number): number {
  const at = state?.good?.at
  return at === undefined || at > now ? created : at
}
