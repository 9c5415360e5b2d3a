import { formatDuration } from '../../util/duration.ts'

/** The bounds of a token's life, seconds; 0 is "not set". */
export interface Bounds {
  readonly period: number
  readonly explicitMaxTtl: number
  readonly defaultTtl: number
  readonly maxTtl: number
}

/** A TTL in force and what was cut off. */
export interface Ttl {
  readonly ttl: number
  readonly warnings: readonly string[]
}

/**
 * The TTL of a token at creation (`age` 0) or renewal, seconds from now. A period wins and is endless but for an explicit
 * maximum; else the wish, or the default, is cut to what is left of the maxima, which count from the issue.
 */
export function effectiveTtl(wished: number, bounds: Bounds, age: number): Ttl {
  const { period, explicitMaxTtl, defaultTtl, maxTtl } = bounds
  const wanted = period > 0 ? period : wished > 0 ? wished : defaultTtl
  const most = Math.min(period > 0 ? Infinity : maxTtl, explicitMaxTtl > 0 ? explicitMaxTtl : Infinity)
  const left = period > 0 ? Math.min(maxTtl, most - age) : most - age
  if (wanted <= left) return { ttl: Math.floor(wanted), warnings: [] }
  const warning = `TTL of "${formatDuration(wanted)}" exceeded the effective max_ttl of "${formatDuration(Math.max(0, left))}"; TTL value is capped accordingly`
  return { ttl: Math.floor(left), warnings: [warning] }
}
