/** Where time comes from. Tests pass one that they move by hand. */
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
  const whole = Math.floor(ms / 1000)
  // Every line and every answer has a time, and most are of the present second.
  if (whole !== lately.second) lately = { second: whole, text: new Date(whole * 1000).toISOString().slice(0, -4) }
  return `${lately.text}${String(Math.trunc(ms - whole * 1000)).padStart(3, '0')}000000Z`
}

let lately = { second: NaN, text: '' }
