import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { folded, isPathName } from '../../contract/names.ts'
import { isTokenParams, renderedTokenParams } from '../../contract/token-params.ts'
import type { TokenParams } from '../../contract/token-params.ts'
import { isCount, isFlag, isListOf, isMapOf, isName, isOneOf, isText, isWhole, orAbsent, orNull, shapeOf } from '../../util/stored/shape.ts' // prettier-ignore
import { listOf, scalarKey } from './claims.ts'
import type { Bounds } from './claims.ts'
import type { Leeways } from '../../crypto/jwt/times.ts'

/** Deprecated names of token parameters, which responses also have. */
export const olderNames = {
  policies: 'token_policies',
  ttl: 'token_ttl',
  max_ttl: 'token_max_ttl',
  period: 'token_period',
  num_uses: 'token_num_uses',
  bound_cidrs: 'token_bound_cidrs',
} as const
type OlderName = keyof typeof olderNames

/** A role as stored, at `role/<name>`. */
export interface Role extends Bounds, Leeways {
  /** Never used again: a token of a role that was removed is no token of a later one of its name. */
  readonly uid: string
  /** How its users log in: with a JWT, in a browser, or not at all, because their JWTs are the tokens of requests. */
  readonly type: 'jwt' | 'oidc' | 'bearer'
  /** Policies that limit all others of the caller; of `bearer` only. Absent: no limit. */
  readonly ceiling?: readonly string[]
  readonly userClaim: string
  readonly userClaimJsonPointer: boolean
  /** Empty: no groups. */
  readonly groupsClaim: string
  /** Claims and the metadata that they become. */
  readonly claimMappings: Readonly<Record<string, string>> | null
  /** The most seconds since the user has authenticated at the provider; 0: no limit. */
  readonly maxAge: number
  readonly verboseLogging: boolean
  readonly redirectUris: readonly string[] | null
  readonly scopes: readonly string[] | null
  readonly params: TokenParams
  /** Deprecated names with which a parameter was last set; responses have these as well. */
  readonly older: readonly OlderName[]
}

/** Whether a bound claim can have this value: a non-empty value to compare with. */
export const isBound = (value: unknown): boolean =>
  listOf(value).length > 0 && listOf(value).every((one) => scalarKey(one) !== undefined)

/** The shape of that record. */
export const roleShape = shapeOf<Role>(
  'a role',
  {
    uid: isName,
    type: isOneOf('jwt', 'oidc', 'bearer'),
    ceiling: orAbsent(isListOf(isName)),
    boundAudiences: orNull(isListOf(isName)),
    boundSubject: isText,
    boundClaims: orNull(isMapOf(isBound)),
    boundClaimsType: isOneOf('string', 'glob'),
    userClaim: isName,
    userClaimJsonPointer: isFlag,
    groupsClaim: isText,
    claimMappings: orNull(isMapOf(isText)),
    clockSkewLeeway: isWhole(-1),
    expirationLeeway: isWhole(-1),
    notBeforeLeeway: isWhole(-1),
    maxAge: isCount,
    verboseLogging: isFlag,
    redirectUris: orNull(isListOf(isName)),
    scopes: orNull(isListOf(isName)),
    params: isTokenParams,
    older: isListOf(isOneOf(...Object.keys(olderNames))),
  },
  isConstrained,
)

/** A role without requirements would accept every user of the issuer. */
export function isConstrained({ type, boundAudiences, boundSubject, boundClaims, params }: Role): boolean {
  const bounds = [boundAudiences ?? [], Object.keys(boundClaims ?? {}), params.boundCidrs]
  return type === 'oidc' || boundSubject !== '' || bounds.some((some) => some.length > 0)
}

/** The path parameter of all paths of a role. Letter case does not matter. */
export const roleName = { name: f.string('Name of the role.').or('') }
export const canonical = { name: folded }

/** The record name of a role. @throws Fault unsupported_path for an invalid name */
export function keyOf(name: string): string {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `role/${name}`
}

/** The response for a role. */
export function rendered(role: Role): Readonly<Record<string, unknown>> {
  const params = renderedTokenParams(role.params)
  return {
    role_type: role.type,
    ...(role.type === 'bearer' && { ceiling: role.ceiling ?? [] }),
    bound_audiences: role.boundAudiences,
    bound_subject: role.boundSubject,
    bound_claims: role.boundClaims,
    bound_claims_type: role.boundClaimsType,
    user_claim: role.userClaim,
    user_claim_json_pointer: role.userClaimJsonPointer,
    groups_claim: role.groupsClaim,
    claim_mappings: role.claimMappings,
    clock_skew_leeway: role.clockSkewLeeway,
    expiration_leeway: role.expirationLeeway,
    not_before_leeway: role.notBeforeLeeway,
    max_age: role.maxAge,
    verbose_oidc_logging: role.verboseLogging,
    allowed_redirect_uris: role.redirectUris,
    oidc_scopes: role.scopes,
    callback_mode: 'client',
    oauth2_metadata: null,
    oidc_disable_confirmation: false,
    token_policies_template_claims: false,
    ...params,
    ...Object.fromEntries(role.older.map((name) => [name, params[olderNames[name]]])),
  }
}
