import { randomUUID } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import {
  changedTokenParams,
  noTokenParams,
  normalisedPolicies,
  olderNamesAfter,
  refuseReservedPolicies,
  underNewerNames,
} from '../../contract/token-params.ts'
import { formatDuration } from '../../util/duration.ts'
import { isText } from '../../util/stored/shape.ts'
import { listOf } from './claims.ts'
import { isBound, isConstrained, olderNames } from './role.ts'
import type { Role } from './role.ts'
import type { RoleValues } from './role-fields.ts'

/** The most values of all bound claims of a role together, and the most metadata that a role maps. */
const mostBound = 256
const mostMapped = 63

const newRole = (): Role => ({
  uid: randomUUID(),
  type: 'oidc',
  boundAudiences: null,
  boundSubject: '',
  boundClaims: null,
  boundClaimsType: 'string',
  userClaim: '',
  userClaimJsonPointer: false,
  groupsClaim: '',
  claimMappings: null,
  clockSkewLeeway: 0,
  expirationLeeway: 0,
  notBeforeLeeway: 0,
  maxAge: 0,
  verboseLogging: false,
  redirectUris: null,
  scopes: null,
  params: noTokenParams,
  older: [],
})

/**
 * A role with the given parameters; the others stay, except `role_type` and `bound_claims_type`, which are reset to their
 * defaults, as in OpenBao.
 * @param maxTtl of the mount, seconds
 * @throws Fault invalid_request
 */
export function changedRole(stored: Role | undefined, values: RoleValues, maxTtl: number): Role {
  refuseUnsupported(values)
  const { ceiling: oldCeiling, ...old }: Role = stored ?? newRole()
  const next: Role = {
    ...old,
    ...ceilingOf(values.ceiling, oldCeiling),
    type: oneOf('role_type', ['oidc', 'jwt', 'bearer'], values.role_type),
    boundAudiences: values.bound_audiences ?? old.boundAudiences,
    boundSubject: values.bound_subject ?? old.boundSubject,
    boundClaims: values.bound_claims ?? old.boundClaims,
    boundClaimsType: oneOf('bound_claims_type', ['string', 'glob'], values.bound_claims_type),
    userClaim: values.user_claim ?? old.userClaim,
    userClaimJsonPointer: values.user_claim_json_pointer ?? old.userClaimJsonPointer,
    groupsClaim: values.groups_claim ?? old.groupsClaim,
    claimMappings: values.claim_mappings ?? old.claimMappings,
    clockSkewLeeway: values.clock_skew_leeway ?? old.clockSkewLeeway,
    expirationLeeway: values.expiration_leeway ?? old.expirationLeeway,
    notBeforeLeeway: values.not_before_leeway ?? old.notBeforeLeeway,
    maxAge: values.max_age ?? old.maxAge,
    verboseLogging: values.verbose_oidc_logging ?? old.verboseLogging,
    redirectUris: values.allowed_redirect_uris ?? old.redirectUris,
    scopes: values.oidc_scopes ?? old.scopes,
    params: changedTokenParams(old.params, underNewerNames(olderNames, values)),
    older: olderNamesAfter(olderNames, values, old.older),
  }
  checkRole(next, maxTtl)
  return next
}

/** An empty list removes the restriction. */
function ceilingOf(names: readonly string[] | undefined, old: Role['ceiling']): Pick<Role, 'ceiling'> {
  const ceiling = names ? normalisedPolicies(names) : (old ?? [])
  return ceiling.length > 0 ? { ceiling } : {}
}

/** The first one by default. @throws Fault invalid_request */
function oneOf<T extends string>(name: string, allowed: readonly [T, ...T[]], input: string | undefined): T {
  const chosen = input === undefined || input === '' ? allowed[0] : allowed.find((one) => one === input)
  if (chosen === undefined) throw refuse(`invalid '${name}': ${input}`)
  return chosen
}

function refuseUnsupported(values: RoleValues): void {
  if ((values.callback_mode ?? 'client') !== 'client')
    throw refuse("'callback_mode' must be client: the command line or a page of yours receives the callback")
  if ((values.oauth2_metadata ?? []).length > 0)
    throw refuse("'oauth2_metadata' is not supported: it would show tokens of the provider in audit lines and lookups")
  if (values.token_policies_template_claims)
    throw refuse("'token_policies_template_claims' is not supported: a claim could choose any policy")
  if (values.oidc_disable_confirmation || (values.poll_interval ?? 0) > 0)
    throw refuse("'oidc_disable_confirmation' and 'poll_interval' are for callback modes that are not supported")
}

function checkRole(role: Role, maxTtl: number): void {
  if (role.userClaim === '') throw refuse('a user claim must be defined on the role')
  if (!isConstrained(role))
    throw refuse('must have at least one bound constraint when creating/updating a role: bound_audiences, bound_subject, bound_claims or token_bound_cidrs') // prettier-ignore
  if (role.type === 'oidc' && (role.redirectUris ?? []).length === 0)
    throw refuse("'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified.")
  if (role.params.period > maxTtl)
    throw refuse(`'token_period' cannot be greater than the maximum TTL of the mount, ${formatDuration(maxTtl)}`)
  checkClaims(role)
  checkBearer(role)
}

/** Their JWTs belong to an entity, expire by themselves, and are not counted. */
function checkBearer({ type, boundAudiences, ceiling = [], params }: Role): void {
  if (type !== 'bearer') {
    if (ceiling.length > 0)
      throw refuse("'ceiling' is for roles with role_type bearer: other roles issue their own tokens")
    return
  }
  if ((boundAudiences ?? []).length === 0)
    throw refuse("'bound_audiences' must be set if 'role_type' is 'bearer': a JWT for somebody else is no token here")
  if (params.numUses > 0 || params.period > 0 || params.strictlyBindIp || params.type === 'service')
    throw refuse("a role with role_type bearer cannot have 'token_num_uses', 'token_period', 'token_strictly_bind_ip' or the token_type service: nothing is stored of its tokens") // prettier-ignore
  refuseReservedPolicies(ceiling)
}

function checkClaims({ boundClaims, boundClaimsType, claimMappings }: Role): void {
  const bound = Object.entries(boundClaims ?? {})
  for (const [name, value] of bound) {
    if (!isBound(value))
      throw refuse(`bound claim "${name}" must be a string, number or boolean, or a list of these that is not empty`)
    if (boundClaimsType === 'glob' && !listOf(value).every(isText))
      throw refuse(`bound claim "${name}" must have strings only, because 'bound_claims_type' is glob`)
  }
  if (bound.reduce((sum, [, value]) => sum + listOf(value).length, 0) > mostBound)
    throw refuse(`'bound_claims' has at most ${mostBound} values`)
  const names = Object.values(claimMappings ?? {})
  if (names.length > mostMapped) throw refuse(`'claim_mappings' has at most ${mostMapped} members`)
  for (const [at, name] of names.entries()) {
    if (name === 'role') throw refuse('metadata key "role" is reserved and may not be a mapping destination')
    if (names.indexOf(name) < at) throw refuse(`multiple keys are mapped to metadata key "${name}"`)
    if (name === '' || Buffer.byteLength(name) > 128) throw refuse('a metadata key has 1 to 128 bytes')
  }
}

/** Warnings for the caller about a role. @param maxTtl of the mount, seconds */
export function warningsOf({ params, verboseLogging }: Role, maxTtl: number): readonly string[] {
  return [
    ...(params.maxTtl > maxTtl
      ? [`token_max_ttl is greater than the maximum TTL of the mount, ${formatDuration(maxTtl)}, which holds`]
      : []),
    ...(verboseLogging
      ? ["verbose_oidc_logging writes the names of the claims of each login to the server's log, never their values"]
      : []),
  ]
}
