import { parseCidr, showCidr } from '../util/cidr.ts'
import { formatDuration } from '../util/duration.ts'
import { hasMembers, isCount, isFlag, isListOf, isName, isOneOf } from '../util/stored/shape.ts'
import { refuse } from './fault.ts'
import { f } from './field.ts'
import type { Values } from './field.ts'

/** The types of a role's tokens. The `default` ones leave the choice to the mount or, on auth/token, to the caller. */
const tokenTypes = ['default', 'service', 'batch', 'default-service', 'default-batch'] as const
export type TokenType = (typeof tokenTypes)[number]

/** The `token_*` parameters of a role or user, for its tokens. TTLs in seconds; 0: not set. */
export interface TokenParams {
  readonly ttl: number
  readonly maxTtl: number
  readonly period: number
  readonly explicitMaxTtl: number
  /** Normalised names; without those that the core adds. */
  readonly policies: readonly string[]
  /** From `parseCidr`; empty: every address. */
  readonly boundCidrs: readonly string[]
  /** 0: unlimited. */
  readonly numUses: number
  readonly type: TokenType
  readonly noDefaultPolicy: boolean
  /** The token works only from the address of its login. */
  readonly strictlyBindIp: boolean
}

/** The `token_*` fields of the route that writes a role or user. */
export const tokenParamFields = {
  token_ttl: f.duration('TTL of the tokens; 0: the default of the mount.').limiting().initially(0),
  token_max_ttl: f.duration('The limit of renewals; 0: the maximum of the mount.').limiting().initially(0),
  token_period: f.duration('The TTL of every renewal, without a limit.').initially(0),
  token_explicit_max_ttl: f.duration('Tokens expire after this time, renewed or not.').limiting().initially(0),
  token_policies: f.list('Policies of the tokens.'),
  token_bound_cidrs: f.list('Addresses that tokens work from.').limiting(),
  token_num_uses: f.int('Uses of a token; 0: no limit.').limiting().initially(0),
  token_type: f.string('service, batch or default.').initially('default'),
  token_no_default_policy: f.bool('Tokens do not get the default policy.').limiting().initially(false),
  token_strictly_bind_ip: f.bool('A token works only from the address of its login.').limiting().initially(false),
}

/** The values of `tokenParamFields`; undefined: left out. */
type TokenParamValues = Values<typeof tokenParamFields>

/** The parameters of a new role. */
export const noTokenParams: TokenParams = {
  ttl: 0,
  maxTtl: 0,
  period: 0,
  explicitMaxTtl: 0,
  policies: [],
  boundCidrs: [],
  numUses: 0,
  type: 'default',
  noDefaultPolicy: false,
  strictlyBindIp: false,
}

/** The parameters after a write; those that were left out stay. @throws Fault invalid_request for a combination that no token can have */
export function changedTokenParams(old: TokenParams, values: Partial<TokenParamValues>): TokenParams {
  const params: TokenParams = {
    ttl: values.token_ttl ?? old.ttl,
    maxTtl: values.token_max_ttl ?? old.maxTtl,
    period: values.token_period ?? old.period,
    explicitMaxTtl: values.token_explicit_max_ttl ?? old.explicitMaxTtl,
    policies: values.token_policies ? normalisedPolicies(values.token_policies) : old.policies,
    boundCidrs: cidrsOf(values.token_bound_cidrs) ?? old.boundCidrs,
    numUses: values.token_num_uses ?? old.numUses,
    type: tokenTypeOf(values.token_type, ['default', 'service', 'batch']) ?? old.type,
    noDefaultPolicy: values.token_no_default_policy ?? old.noDefaultPolicy,
    strictlyBindIp: values.token_strictly_bind_ip ?? old.strictlyBindIp,
  }
  checkTokenParams(params)
  return params
}

/** Values with those that were sent under an older name only under the newer one, too. @param names the newer name of each */
export function underNewerNames<V extends object>(names: Readonly<Record<string, string>>, values: V): V {
  const sent = values as Readonly<Record<string, unknown>>
  const moved = Object.entries(names).filter(([older, newer]) => sent[newer] === undefined && sent[older] !== undefined)
  return { ...values, ...Object.fromEntries(moved.map(([older, newer]) => [newer, sent[older]])) }
}

/**
 * The older names of parameters under which a role or user was last written: its route shows those as well.
 * @param names the newer name of each
 * @param before those of the last write
 */
export function olderNamesAfter<T extends string>(
  names: Readonly<Record<T, string>>,
  values: Readonly<Record<string, unknown>>,
  before: readonly T[],
): readonly T[] {
  return (Object.keys(names) as T[]).filter(
    (name) => values[name] !== undefined || (values[names[name]] === undefined && before.includes(name)),
  )
}

function checkTokenParams({ ttl, maxTtl, period, numUses, type, policies, ...addresses }: TokenParams): void {
  if (numUses < 0) throw refuse("'token_num_uses' cannot be negative")
  if (maxTtl > 0 && ttl > maxTtl) throw refuse("'token_ttl' cannot be greater than 'token_max_ttl'")
  if (type === 'batch' && period > 0)
    throw refuse("'token_type' cannot be 'batch' when 'token_period' is set: batch tokens cannot be renewed")
  if (type === 'batch' && numUses > 0)
    throw refuse("'token_type' cannot be 'batch' when 'token_num_uses' is set: batch tokens are not counted")
  if (addresses.strictlyBindIp && addresses.boundCidrs.length > 0)
    throw refuse("'token_strictly_bind_ip' and 'token_bound_cidrs' exclude each other: set one of them")
  refuseReservedPolicies(policies)
}

/** @throws Fault invalid_request for policies that a login cannot give */
export function refuseReservedPolicies(policies: readonly string[]): void {
  const reserved = ['root', 'response-wrapping'].find((name) => policies.includes(name))
  if (reserved !== undefined) throw refuse(`auth methods cannot create tokens with the policy "${reserved}"`)
}

/** Whether a stored value is valid `TokenParams`. */
export function isTokenParams(value: unknown): value is TokenParams {
  const valid = hasMembers<TokenParams>(value, {
    ttl: isCount,
    maxTtl: isCount,
    period: isCount,
    explicitMaxTtl: isCount,
    policies: isListOf(isName),
    boundCidrs: isListOf((cidr) => typeof cidr === 'string' && parseCidr(cidr) !== undefined),
    numUses: isCount,
    type: isOneOf(...tokenTypes),
    noDefaultPolicy: isFlag,
    strictlyBindIp: isFlag,
  })
  if (!valid) return false
  try {
    checkTokenParams(value)
    return true
  } catch {
    return false
  }
}

/** The parameters in the response of a role's route. */
export function renderedTokenParams(params: TokenParams): Readonly<Record<string, unknown>> {
  return {
    token_bound_cidrs: params.boundCidrs.map(showCidr),
    token_explicit_max_ttl: params.explicitMaxTtl,
    token_max_ttl: params.maxTtl,
    token_no_default_policy: params.noDefaultPolicy,
    token_num_uses: params.numUses,
    token_period: params.period,
    token_policies: params.policies,
    token_strictly_bind_ip: params.strictlyBindIp,
    token_ttl: params.ttl,
    token_type: params.type,
  }
}

/** Address blocks in canonical form; undefined: left out. @throws Fault invalid_request */
export function cidrsOf(inputs: readonly string[] | undefined): readonly string[] | undefined {
  return inputs?.map((input) => {
    const cidr = parseCidr(input)
    if (cidr === undefined)
      throw refuse(`"${input}" is not an address or an address block; write one such as 10.0.0.0/8`)
    return cidr
  })
}

/** One of these token types; undefined: left out. An empty string is `default` where that is allowed. @throws Fault invalid_request */
export function tokenTypeOf<T extends TokenType>(input: string | undefined, allowed: readonly T[]): T | undefined {
  if (input === undefined) return undefined
  const type = allowed.find((one) => one === (input || 'default'))
  if (type === undefined) throw refuse(`invalid 'token_type' value "${input}"`)
  return type
}

/** Policy names trimmed, in lower case, once each, sorted. `root` replaces all others. Comes before any check (CVE-2025-5999). */
export function normalisedPolicies(names: readonly string[]): string[] {
  const clean = [...new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))].sort()
  return clean.includes('root') ? ['root'] : clean
}

/** The limits of a token's lifetime in seconds; 0: not set. */
export interface Bounds {
  readonly period: number
  readonly explicitMaxTtl: number
  readonly defaultTtl: number
  readonly maxTtl: number
}

/** An effective TTL, with a warning if it is shorter than the requested one. */
export interface Ttl {
  readonly ttl: number
  readonly warnings: readonly string[]
}

/**
 * The TTL of a token at creation (`age` 0) or renewal, seconds from now. A period takes precedence, and only an explicit
 * maximum bounds it; else the requested TTL, or the default, is cut to what is left of the maxima, which count from the issue.
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

/** The smaller of two limits; 0: no limit. */
export const smallerLimit = (a: number, b: number): number => (a === 0 ? b : b === 0 ? a : Math.min(a, b))
