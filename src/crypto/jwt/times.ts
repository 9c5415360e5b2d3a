import { Numeral } from '../../util/json.ts'
import { invalidToken } from './token.ts'
import type { Claims } from './token.ts'

/** The leeways of a role in seconds; 0: the default, -1: none. */
export interface Leeways {
  /** For clocks that differ; by default 60. */
  readonly clockSkewLeeway: number
  /** The life of a token without `exp`, from `iat` or `nbf`; by default 150. */
  readonly expirationLeeway: number
  /** The life of a token without `nbf` and `iat`, before `exp`; by default 150. */
  readonly notBeforeLeeway: number
}

/** The last second that RFC 3339 can write. */
const endOfTime = 253_402_300_799

/** Whether the token is valid now. @param now epoch seconds. @throws Fault invalid_request */
export function checkTimes(claims: Claims, leeways: Leeways, now: number): void {
  const [iat, nbf, exp] = ['iat', 'nbf', 'exp'].map((name) => timeOf(claims, name))
  const latest = Math.max(iat ?? -Infinity, nbf ?? -Infinity)
  const end = exp ?? latest + leewayOf(leeways.expirationLeeway, 150)
  const begin = nbf ?? iat ?? end - leewayOf(leeways.notBeforeLeeway, 150)
  if (end === -Infinity) throw invalidToken('it has none of "iat", "nbf" and "exp"')
  const skew = leewayOf(leeways.clockSkewLeeway, 60)
  if (now > end + skew) throw invalidToken('it has expired ("exp")')
  if (now + skew < begin) throw invalidToken('it is not valid yet ("nbf")')
  if (iat !== undefined && now + skew < iat) throw invalidToken('it was issued in the future ("iat")')
}

const leewayOf = (leeway: number, byDefault: number): number => (leeway === 0 ? byDefault : Math.max(0, leeway))

/** Whether the user authenticated at the provider recently enough. @param now epoch seconds. @throws Fault invalid_request */
export function checkAge(
  claims: Claims,
  { maxAge, ...leeways }: Leeways & { readonly maxAge: number },
  now: number,
): void {
  if (maxAge === 0) return
  const at = timeOf(claims, 'auth_time')
  if (at === undefined) throw invalidToken('it does not say when the user authenticated ("auth_time"), but the role has max_age') // prettier-ignore
  if (now > at + maxAge + leewayOf(leeways.clockSkewLeeway, 60)) throw invalidToken('the user authenticated longer ago than max_age of the role') // prettier-ignore
}

/** A time in epoch seconds; undefined when the token lacks it. @throws Fault invalid_request when it is none */
export function timeOf(claims: Claims, name: string): number | undefined {
  const value = claims[name]
  if (value === undefined) return undefined
  const seconds = value instanceof Numeral ? Number(value.literal) : value
  if (typeof seconds !== 'number' || !(Math.abs(seconds) <= endOfTime))
    throw invalidToken(`"${name}" is no time in seconds until the year 9999`)
  return seconds
}
