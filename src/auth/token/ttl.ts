import { formatDuration } from '../../util/duration.ts'

/** The bounds of a token's lifetime in seconds; 0 is "not set". */
export interface Bounds {
  readonly period: number
  readonly explicitMaxTtl: number
  readonly defaultTtl: number
  readonly maxTtl: number
}

/** A TTL in force, with a warning if it is shorter than what was asked for. */
export interface Ttl {
  readonly ttl: number
  readonly warnings: readonly string[]
}

/**
 * The TTL of a token at creation (`age` 0) or renewal, seconds from now. A period takes precedence, and only an explicit
 * maximum bounds it; else the TTL asked for, or the default, is cut to what is left of the maxima, which count from the issue.
 */
export function effectiveTtl(requested: number, bounds: Bounds, age: number): Ttl {
  const { period, explicitMaxTtl, defaultTtl, maxTtl } = bounds
  const wanted = period > 0 ? period : requested > 0 ? requested : defaultTtl
  const most = Math.min(period > 0 ? Infinity : maxTtl, explicitMaxTtl > 0 ? explicitMaxTtl : Infinity)
  const left = period > 0 ? Math.min(maxTtl, most - age) : most - age
  if (wanted <= left) return { ttl: Math.floor(wanted), warnings: [] }
  const warning = `TTL of "${formatDuration(wanted)}" exceeded the effective max_ttl of "${formatDuration(Math.max(0, left))}"; TTL value is capped accordingly`
  return { ttl: Math.floor(left), warnings: [warning] }
}
