import { refuse } from '../../contract/fault.ts'
import { Numeral } from '../../util/json.ts'
import { fitsGlob } from '../../util/glob.ts'
import { isObject } from '../../util/stored/shape.ts'
import type { Claims } from '../../crypto/jwt/token.ts'

/** The value of a claim or JSON pointer (RFC 6901); undefined if there is none. */
const claimAt = (claims: Claims, name: string): unknown =>
  name.startsWith('/') ? pointedAt(claims, name) : memberOf(claims, name)

/** The value that a JSON pointer leads to. */
function pointedAt(claims: Claims, pointer: string): unknown {
  let value: unknown = claims
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(value)) value = /^(?:0|[1-9]\d{0,8})$/.test(name) ? value[Number(name)] : undefined
    else value = isObject(value) ? memberOf(value, name) : undefined
  }
  return value
}

const memberOf = (object: Claims, name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined)

/** A string, number or boolean with its type, so that 1 and "1" differ; undefined for other types. */
export function scalarKey(value: unknown): string | undefined {
  if (value instanceof Numeral) return `number ${value.literal}`
  const isScalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  return isScalar ? `${typeof value} ${value}` : undefined
}

/** The values of a claim, or of a bound one: one, or a list of them. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value])

/** The claims that a role requires. */
export interface Bounds {
  readonly boundAudiences: readonly string[] | null
  readonly boundSubject: string
  readonly boundClaims: Claims | null
  readonly boundClaimsType: 'string' | 'glob'
}

/** @throws Fault invalid_request for the first demand that the claims do not meet */
export function checkBounds(bounds: Bounds, claims: Claims): void {
  checkAudience(bounds.boundAudiences ?? [], claims['aud'])
  const { sub } = claims
  if (sub !== undefined && typeof sub !== 'string') throw refuse('error validating token: "sub" is not a string')
  if (bounds.boundSubject !== '' && sub !== bounds.boundSubject)
    throw refuse('error validating token: the role is bound to another subject ("sub")')
  for (const [name, allowed] of Object.entries(bounds.boundClaims ?? {})) {
    const value = claimAt(claims, name)
    if (value === undefined || value === null) throw refuse(`error validating claims: claim "${name}" is missing`)
    const matches = bounds.boundClaimsType === 'glob' ? matchesGlob : matchesExactly
    if (!matches(listOf(allowed), listOf(value)))
      throw refuse(`error validating claims: claim "${name}" does not match any associated bound claim values`)
  }
}

/** A token for another audience is refused, even if the role has no audience (CVE-2024-5798). @throws Fault invalid_request */
export function checkAudience(bound: readonly string[], aud: unknown): void {
  const audiences = aud === undefined ? [] : listOf(aud)
  if (!audiences.every((one) => typeof one === 'string'))
    throw refuse('error validating token: "aud" is neither a string nor a list of strings')
  if (bound.length === 0 && audiences.length > 0)
    throw refuse('error validating token: it has an audience ("aud"), but the role has no bound_audiences')
  if (bound.length > 0 && !audiences.some((one) => bound.includes(one)))
    throw refuse('error validating token: its audience ("aud") is none of the bound_audiences of the role')
}

function matchesExactly(allowed: readonly unknown[], values: readonly unknown[]): boolean {
  const keys = new Set(allowed.map(scalarKey))
  return values.some((value) => {
    const key = scalarKey(value)
    return key !== undefined && keys.has(key)
  })
}

const matchesGlob = (allowed: readonly unknown[], values: readonly unknown[]): boolean =>
  allowed.some(
    (glob) => typeof glob === 'string' && values.some((value) => typeof value === 'string' && fitsGlob(glob, value)),
  )

/** The user name of a login. @throws Fault invalid_request if the claim is missing or not a string */
export function userOf(claims: Claims, claim: string, isPointer: boolean): string {
  const value = isPointer ? claimAt(claims, claim) : memberOf(claims, claim)
  if (value === undefined || value === null) throw refuse(`claim "${claim}" not found in token`)
  if (typeof value !== 'string') throw refuse(`claim "${claim}" is not a string: user_claim must name one`)
  if (value.trim() === '' || Buffer.byteLength(value) > longestUser)
    throw refuse(`claim "${claim}" must have 1 to ${longestUser} bytes: it identifies the user`)
  return value
}

const longestUser = 512

/** The limits that entities have for their metadata, bytes of a value. */
const longestValue = 512

/** Metadata from claims; missing claims are left out. @throws Fault invalid_request for a claim that is not a string */
export function mappedClaims(
  claims: Claims,
  mappings: Readonly<Record<string, string>> | null,
): Readonly<Record<string, string>> {
  const metadata = Object.entries(mappings ?? {}).flatMap(([claim, name]) => {
    const value = claimAt(claims, claim)
    if (value === undefined || value === null) return []
    if (typeof value !== 'string')
      throw refuse(`claim "${claim}" is not a string: claim_mappings can name strings only`)
    if (Buffer.byteLength(value) > longestValue)
      throw refuse(`claim "${claim}" is longer than ${longestValue} bytes, which is the most that metadata can have`)
    return [[name, value] as const]
  })
  return Object.fromEntries(metadata)
}

const mostGroups = 1000

/** The groups that a token names; none without a claim for them. @throws Fault invalid_request when the claim is missing or no list of strings */
export function groupsOf(claims: Claims, claim: string): readonly string[] {
  if (claim === '') return []
  const value = claimAt(claims, claim)
  if (value === undefined || value === null) throw refuse(`failed to fetch groups: "${claim}" claim not found in token`)
  const names = listOf(value)
  if (!names.every((name) => typeof name === 'string'))
    throw refuse(`failed to fetch groups: claim "${claim}" is no list of strings`)
  if (names.length > mostGroups) throw refuse(`failed to fetch groups: claim "${claim}" has more than ${mostGroups}`)
  return [...new Set(names)]
}
