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

/** The most characters of a duration string, including spaces at its ends. */
const maxLength = 256

/** The longest duration in Go's 64-bit nanoseconds, in seconds. */
export const longestDuration = 9_223_372_036

/**
 * A duration in whole seconds from `30`, `"30"`, `"90s"`, `"1h30m"`, `"1.5h"` or `"5d"`; fractions of a second are cut.
 * Returns undefined for anything else: negative, empty, NaN, infinite, too large for Go's int64 nanoseconds, and for values
 * between 0 and 1 second: cut to 0 they would mean "no limit".
 */
export function parseDuration(value: string | number): number | undefined {
  const seconds = typeof value === 'number' ? value : value.length > maxLength ? undefined : secondsOf(value.trim())
  if (seconds === undefined || !Number.isFinite(seconds) || seconds < 0 || seconds > longestDuration) return undefined
  if (seconds > 0 && seconds < 1) return undefined
  return Math.floor(seconds)
}

function secondsOf(input: string): number | undefined {
  if (/^\d+$/.test(input)) return Number(input)
  if (!/^(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/.test(input)) return undefined
  let rest = input
  let sum = 0
  while (rest !== '') {
    const part = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/.exec(rest)
    if (!part) return undefined
    sum += Number(part[1]) * (units[part[2] as string] as number)
    rest = rest.slice(part[0].length)
  }
  return sum
}

/** A duration of whole seconds in Go's format: `0s`, `45s`, `1m30s`, `48h0m0s`. */
export function formatDuration(seconds: number): string {
  const total = Math.floor(seconds)
  const [h, m, s] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60]
  if (h > 0) return `${h}h${m}m${s}s`
  return m > 0 ? `${m}m${s}s` : `${s}s`
}
