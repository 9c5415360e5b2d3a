import { Fault, refuse } from '../../contract/fault.ts'
import { rootNamespace } from '../../contract/identity.ts'
import type { Identities, NamespaceId, Principal, TokenRecord, TokenSpec } from '../../contract/identity.ts'
import type { MountRecord } from '../../contract/mount.ts'
import type { MfaDemand, Passcodes } from '../../contract/wire/mfa.ts'
import { authBlock } from '../../contract/response.ts'
import type { Login, FormedResponse } from '../../contract/response.ts'
import { effectiveTtl, normalisedPolicies, refuseReservedPolicies, smallerLimit } from '../../contract/token-params.ts'
import type { Ttl } from '../../contract/token-params.ts'
import type { TokenStore } from '../../tokens/store.ts'
import { inCidrs, parseCidr } from '../../util/cidr.ts'
import { Secret } from '../../util/secret.ts'
import type { Mounts } from '../mounts/mounts.ts'
import type { Decision } from '../request/decision/decision.ts'
import { noToken } from '../request/decision/disclosure.ts'
import type { PendingLogins } from './pending-logins.ts'
import { passcodesIn, prove, secondFactorMissing, waiting } from './second-factor.ts'

/** The parts that a login needs. */
export interface IssuingParts {
  readonly tokens: Pick<TokenStore, 'create'>
  readonly pendingLogins: PendingLogins
  readonly identities: (namespace: NamespaceId) => Identities | undefined
}

/** A login that has waited for its second factor. */
interface SecondPhase {
  readonly passcodes: Passcodes
  /** Called once the token may be created. Throws when the login was completed meanwhile. */
  readonly claim: () => void
}

/**
 * Creates the token of a successful login: the only place where a login becomes a token. The response gets its `auth`, and
 * the token for its audit line. A login that lacks a required second factor waits for it: see `pending-logins.ts`.
 * @throws Fault if the login is not allowed from this address, asks for unsupported parameters, or fails its second factor; then
 * nothing was created
 */
export async function issueToken(
  parts: IssuingParts,
  decision: Decision,
  full: LoginResponse,
  second?: SecondPhase,
): Promise<FormedResponse> {
  const { login, ...response } = full
  const type = typeOf(login, authMountOf(decision))
  const { spec, principal, warnings, demands } = await admitted(parts, decision, login, type)
  if (demands.length > 0) {
    const passcodes = second?.passcodes ?? passcodesIn(decision.request)
    if (!passcodes)
      return waiting(
        parts.pendingLogins,
        { decision, response: full, ...placeOf(decision), entity: spec.entityId },
        demands,
      )
    await prove(parts.identities(spec.namespace), spec.entityId, demands, passcodes)
  }
  second?.claim()
  const { token, record } = await parts.tokens.create(spec)
  return {
    ...response,
    auth: authBlock(record, token, spec.ttl, principal),
    issued: { token: record, bearer: new Secret(token) },
    warnings: [...(response.warnings ?? []), ...warnings],
  }
}

/**
 * The token of a login that serves one request and is not stored: it can do what a batch token can. The response is for the
 * audit log; its `auth` has no token.
 * @param now epoch milliseconds
 * @throws Fault as `issueToken` does
 */
export async function passingToken(
  parts: Pick<IssuingParts, 'identities'>,
  decision: Decision,
  { login, ...response }: LoginResponse,
  now: number,
): Promise<FormedResponse & { readonly record: TokenRecord }> {
  const { spec, principal, demands } = await admitted(parts, decision, { ...login, numUses: 0 }, 'batch')
  if (demands.length > 0) {
    const passcodes = passcodesIn(decision.request)
    if (!passcodes) throw secondFactorMissing(demands)
    await prove(parts.identities(spec.namespace), spec.entityId, demands, passcodes)
  }
  const { ttl, ...members } = spec
  const record: TokenRecord = {
    ...members,
    id: decision.request.id,
    accessor: '',
    issuedAt: now,
    creationTtl: ttl,
    expiresAt: now + ttl * 1000,
  }
  return { ...response, record, auth: authBlock(record, '', ttl, principal) }
}

/** The response of the route of a login method. */
type LoginResponse = FormedResponse & { readonly login: Login }

/** A login that may have a token. */
interface Admitted {
  readonly spec: Omit<TokenSpec, 'parent'>
  readonly principal: Principal
  readonly warnings: readonly string[]
  /** The second factors that it has to prove. */
  readonly demands: readonly MfaDemand[]
}

async function admitted(
  { identities }: Pick<IssuingParts, 'identities'>,
  decision: Decision,
  login: Login,
  type: TokenSpec['type'],
): Promise<Admitted> {
  const { request, mount, namespace } = decision
  const record = authMountOf(decision)
  if (login.boundCidrs.length > 0 && !inCidrs(login.boundCidrs, request.client.address)) throw noToken()
  const { ttl, warnings } = lifetimeOf(login, namespace?.mounts.limits(record))
  const home = namespace?.id ?? rootNamespace
  const policies = policiesOf(login)
  const boundCidrs = addressesOf(login, request.client.address)
  const principal = await principalOf(identities(home), record, login)
  const spec = {
    type,
    namespace: home,
    policies,
    path: request.path,
    meta: login.metadata,
    displayName: displayNameOf(record, login),
    ttl,
    explicitMaxTtl: type === 'batch' ? 0 : login.explicitMaxTtl,
    period: type === 'batch' ? 0 : login.period,
    numUses: login.numUses,
    renewable: type === 'service' && login.renewable && mount?.engine.renew !== undefined,
    boundCidrs,
    entityId: principal.entity.id,
    mount: record.uuid,
    ...(login.data && type === 'service' && { loginData: login.data }),
  }
  const demands = await identitiesOf(identities(home)).mfa.demands(principal, record)
  return { spec, principal, warnings, demands }
}

/** The continuation of a login after it has waited. */
const placeOf = (decision: Decision) => ({
  namespace: decision.namespace?.id ?? rootNamespace,
  mount: authMountOf(decision).uuid,
})

function authMountOf({ mount }: Decision): MountRecord {
  if (mount?.record.kind !== 'auth') throw new Fault('internal', 'internal error')
  return mount.record
}

function identitiesOf(identities: Identities | undefined): Identities {
  if (!identities) throw new Fault('internal', 'internal error')
  return identities
}

/** The principal of the login. The last of the checks: a refused login creates no entity. */
async function principalOf(
  identities: Identities | undefined,
  { accessor }: MountRecord,
  { alias: { name, metadata = {} }, groupAliases }: Login,
): Promise<Principal> {
  return identitiesOf(identities).arrive({
    mountAccessor: accessor,
    name,
    metadata,
    ...(groupAliases && { groups: groupAliases }),
  })
}

/**
 * The type that the mount enforces; otherwise that of the login; otherwise the mount's default. @throws Fault invalid_request for
 * a counted batch token
 */
function typeOf(login: Login, { config }: MountRecord): TokenSpec['type'] {
  const byMount = config.token_type ?? 'default-service'
  const chosen = [byMount, login.type, byMount].find((type) => type === 'service' || type === 'batch')
  const byDefault = login.type === 'default' ? byMount : login.type
  const type = chosen ?? (byDefault === 'default-batch' ? 'batch' : 'service')
  // Without its count the token would have more rights than its role.
  if (type === 'batch' && login.numUses > 0)
    throw refuse('this mount creates batch tokens, whose uses are not counted: set token_num_uses of the role to 0')
  return type
}

/** The policies of the token of a login. @throws Fault invalid_request for those that a login cannot give */
export function policiesOf({ policies, noDefaultPolicy }: Login): string[] {
  const names = normalisedPolicies(noDefaultPolicy ? policies : [...policies, 'default'])
  refuseReservedPolicies(names)
  return names
}

type MountLimits = ReturnType<Mounts['limits']>

/** @throws Fault internal without limits: a token of no namespace */
function lifetimeOf(login: Login, limits: MountLimits | undefined): Ttl {
  if (!limits) throw new Fault('internal', 'internal error')
  const { period, explicitMaxTtl } = login
  const maxTtl = smallerLimit(limits.maxTtl, login.maxTtl)
  return effectiveTtl(login.ttl, { period, explicitMaxTtl, defaultTtl: limits.defaultTtl, maxTtl }, 0)
}

/** `userpass-anna`, and `deep-er-people-anna` of a mount at `deep/er/people/`. */
function displayNameOf({ path }: MountRecord, { displayName }: Login): string {
  return `${path.slice(0, -1).replaceAll('/', '-')}${displayName === '' ? '' : '-'}${displayName}`
}

function addressesOf({ strictlyBindIp, boundCidrs }: Login, address: string): readonly string[] {
  if (!strictlyBindIp) return boundCidrs
  const own = parseCidr(address)
  if (own === undefined) throw noToken()
  return [own]
}
