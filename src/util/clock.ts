/** The source of time. Tests pass one that they set by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `task` once after `ms` milliseconds; the timer never keeps the process alive. */
  after(ms: number, task: () => void): Timer
}

/** A pending call of `Clock.after`. */
export interface Timer {
  cancel(): void
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms).unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

/** RFC 3339 in UTC with nine decimals, as Go prints a time (`2026-11-23T14:02:11.123000000Z`). */
export function rfc3339(ms: number): string {
  const second = Math.floor(ms / 1000)
  // Every line and every response has a time, and most are in the current second.
  if (second !== latest.second) latest = { second, text: new Date(second * 1000).toISOString().slice(0, -4) }
  return `${latest.text}${String(Math.trunc(ms - second * 1000)).padStart(3, '0')}000000Z`
}

let latest = { second: NaN, text: '' }
