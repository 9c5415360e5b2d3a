const units: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86400,
}

/** Characters of a written duration, blanks at its ends included. */
const mostLetters = 256

/** The longest duration that Go's 64-bit nanoseconds hold, in seconds. */
export const longestDuration = 9_223_372_036

/**
 * A duration in whole seconds from `30`, `"30"`, `"90s"`, `"1h30m"`, `"1.5h"` or `"5d"`; fractions of a second are cut.
 * Gives undefined for anything else: negative, empty, NaN, infinite, too large for Go's int64 nanoseconds, and what is more
 * than nothing but less than a second: cut to 0 it would say "no limit".
 */
export function parseDuration(value: string | number): number | undefined {
  const seconds = typeof value === 'number' ? value : value.length > mostLetters ? undefined : secondsOf(value.trim())
  if (seconds === undefined || !Number.isFinite(seconds) || seconds < 0 || seconds > longestDuration) return undefined
  if (seconds > 0 && seconds < 1) return undefined
  return Math.floor(seconds)
}

function secondsOf(written: string): number | undefined {
  if (/^\d+$/.test(written)) return Number(written)
  if (!/^(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/.test(written)) return undefined
  let rest = written
  let sum = 0
  while (rest !== '') {
    const part = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/.exec(rest)
    if (!part) return undefined
    sum += Number(part[1]) * (units[part[2] as string] as number)
    rest = rest.slice(part[0].length)
  }
  return sum
}

/** Go's way of writing a duration of whole seconds: `0s`, `45s`, `1m30s`, `48h0m0s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.floor(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  if (h > 0) return `${h}h${m}m${s}s`
  return m > 0 ? `${m}m${s}s` : `${s}s`
}
