import { Fault, asFault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Principal, TokenRecord, TokenSpec } from '../../contract/identity.ts'
import type { Request } from '../../contract/request.ts'
import { authBlock } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { newToken } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Call } from '../../contract/route.ts'
import { effectiveTtl, smallerLimit } from '../../contract/token-params.ts'
import { formatDuration } from '../../util/duration.ts'
import { fitsGlob } from '../../util/glob.ts'
import { policiesFor } from './policies.ts'
import { roleNamed } from './role.ts'
import type { Role } from './role.ts'
import { mustHave, principalOf } from './state.ts'
import type { TokenState } from './state.ts'

const { write } = routesOf<TokenState>()

const fields = {
  id: f.string('The token itself; root only.').secret().or(''),
  policies: f.texts('Policies. Default: those of the caller. An empty list: only "default".').or([]),
  meta: f.map('Metadata (strings), shown in audit lines and lookups.'),
  no_parent: f.bool('The token has no parent; needs sudo.').or(false),
  no_default_policy: f.bool('Without the default policy.').or(false),
  renewable: f.bool('It can be renewed.').or(true),
  ttl: f.duration('How long it lives.').limiting().or(0),
  lease: f.duration('Older name of ttl.').limiting().alias('ttl').or(0),
  type: f
    .string('service or batch.')
    .reads((value, { role_name: role }) => (value === undefined && role === undefined ? ['service'] : []))
    .or(''),
  explicit_max_ttl: f.duration('It expires after this time, renewed or not.').limiting().or(0),
  display_name: f.string('Shown in audit lines, after "token-".').or('token'),
  num_uses: f.int('How often it can be used; 0: no limit.').limiting().or(0),
  period: f.duration('The TTL of every renewal, without a limit; needs sudo.').or(0),
  entity_alias: f.string('Needs a role that allows it.').or(''),
}
const roleFields = { ...fields, role_name: f.string('The role to create through.').or('') }

type TokenOptions = { readonly [K in keyof typeof fields]: (typeof fields)[K]['fallback'] }

/** `auth/token/create`, `create-orphan` and `create/:role`. */
export const createRoutes = [
  write('create', {
    about: 'Create a token.',
    returns: newToken,
    fields,
    handle: async (call, options) => {
      if (options.no_parent && call.caller.denies(`${call.mountPath}create-orphan`))
        throw new Fault('permission_denied', 'permission denied')
      return create(call, options, undefined, options.no_parent)
    },
  }),
  write('create-orphan', {
    about: 'Create a token without a parent.',
    returns: newToken,
    fields,
    handle: async (call, options) => create(call, options, undefined, true),
  }),
  write('create/:role_name', {
    about: 'Create a token through a role.',
    returns: newToken,
    fields: roleFields,
    handle: async (call, options) => {
      const role = await roleNamed(call.engine.view, options.role_name)
      if (!role) throw refuse(`unknown role ${options.role_name}`)
      return create(call, options, role, role.orphan)
    },
  }),
]

async function create(
  call: Call<TokenState>,
  options: TokenOptions,
  role: Role | undefined,
  orphan: boolean,
): Promise<Response> {
  const parent = call.caller.token
  if (!parent) throw new Fault('unauthenticated', 'permission denied')
  refuseParent(parent)
  // A caller from a parent namespace passes on none of its own policies: it issues policies of this namespace, as its
  // administrator.
  const above = !call.engine.tokens.owns(parent)
  // An orphan created at the plain endpoint outlives its creator, which needs sudo. The orphan endpoint has its own ACL path.
  const sudo = call.caller.root || call.caller.sudo
  if (above && !sudo) throw refuse('root or sudo privileges required to directly generate a token in a child namespace')
  refusePrivileged(options, role, sudo)
  if (options.id !== '' && !call.engine.tokens.inRoot)
    throw refuse('token IDs can only be manually specified in the root namespace')
  const type = typeOf(options, role)
  // Only the role has the type.
  if (call.caller.deniesValue('type', type)) throw new Fault('permission_denied', 'permission denied')
  const requested = {
    policies: options.policies,
    named: namesPolicies(call.request),
    noDefault: options.no_default_policy,
  }
  const policies = policiesFor(requested, { sudo, above, policies: parent.policies }, role)
  if (type === 'batch') refuseForBatch(options, policies)
  const lifetime = lifetimeOf(call, options, role, parent, { type, policies })
  const spec = specOf(call, options, role, orphan ? undefined : parent, { type, policies, ttl: lifetime.ttl })
  const principal = await principalFor(call.engine, options.entity_alias, spec.parent)
  const entityId = principal?.entity.id ?? ''
  const { token, record } = await call.engine.tokens.create({ ...spec, entityId })
  return {
    auth: authBlock(record, token, lifetime.ttl, principal),
    warnings: [...lifetime.warnings, ...chosenId(options.id), ...(await missingPolicies(call.engine, policies))],
  }
}

/** The principal of a new token: that of the alias, or of the parent. An orphan has none, nor has a token of an administrator from above. */
async function principalFor(
  state: TokenState,
  alias: string,
  parent: TokenRecord | undefined,
): Promise<Principal | undefined> {
  if (alias !== '') {
    const arrival = { mountAccessor: state.accessor, name: alias.toLowerCase(), metadata: {} }
    return mustHave(state.identities())
      .arrive(arrival)
      .catch((thrown: unknown) => {
        if (asFault(thrown).code !== 'unauthenticated') throw thrown
        throw new Fault('permission_denied', 'the entity of this alias is disabled', { cause: thrown })
      })
  }
  if (!parent || !state.tokens.owns(parent)) return undefined
  const principal = await principalOf(state, parent)
  // Removed since the parent was authenticated: a child without an entity would outlive it.
  if (!principal && parent.entityId !== '') throw new Fault('permission_denied', 'permission denied')
  return principal
}

/**
 * Whether policies were sent. Only an omitted parameter means the caller's policies: an empty list must not create a root token.
 */
function namesPolicies({ data }: Request): boolean {
  return Object.hasOwn(data, 'policies')
}

function refuseParent(parent: TokenRecord): void {
  if (parent.type === 'batch') throw refuse('batch tokens cannot create more tokens')
  if (parent.numUses > 0) throw refuse('restricted use token cannot generate child tokens')
}

function refusePrivileged(options: TokenOptions, role: Role | undefined, sudo: boolean): void {
  if (options.num_uses < 0) throw refuse('number of uses cannot be negative')
  if (options.entity_alias !== '') mustAllowAlias(role, options.entity_alias)
  if (sudo) return
  if (options.no_parent && !role) throw refuse('root or sudo privileges required to create orphan token')
  if (options.period > 0) throw refuse('root or sudo privileges required to create periodic token')
  if (options.id !== '') throw refuse('root or sudo privileges required to specify token id')
}

function mustAllowAlias(role: Role | undefined, alias: string): void {
  if (!role) throw refuse("'entity_alias' is only allowed in combination with a role")
  const allowed = role.allowedEntityAliases ?? []
  if (!allowed.some((pattern) => fitsGlob(pattern, alias.toLowerCase()))) throw refuse("invalid 'entity_alias' value")
}

function typeOf(options: TokenOptions, role: Role | undefined): 'service' | 'batch' {
  if (!['', 'service', 'batch'].includes(options.type)) throw refuse("invalid 'token_type' value")
  const fixed = role?.tokenType
  if (fixed === 'service' || fixed === 'batch') return fixed
  if (options.type === 'service' || options.type === 'batch') return options.type
  return fixed === 'default-batch' ? 'batch' : 'service'
}

function refuseForBatch(options: TokenOptions, policies: readonly string[]): void {
  const serviceOnly: readonly (readonly [string, boolean])[] = [
    ['period', options.period > 0],
    ['explicit_max_ttl', options.explicit_max_ttl > 0],
    ['id', options.id !== ''],
    ['num_uses', options.num_uses > 0],
  ]
  const refused = serviceOnly.find(([, isSet]) => isSet)
  if (refused) throw refuse(`batch tokens cannot have "${refused[0]}" set`)
  if (policies.includes('root')) throw refuse('batch tokens cannot be root tokens')
}

interface Lifetime {
  readonly ttl: number
  readonly warnings: readonly string[]
}

function lifetimeOf(
  call: Call<TokenState>,
  options: TokenOptions,
  role: Role | undefined,
  parent: TokenRecord,
  { type, policies }: Omit<Outcome, 'ttl'>,
): Lifetime {
  const limits = call.engine.tokens.limits()
  const roleLimits = type === 'service' ? role : undefined
  const period = smallerLimit(roleLimits?.period ?? 0, options.period)
  const explicitMaxTtl = smallerLimit(roleLimits?.explicitMaxTtl ?? 0, options.explicit_max_ttl)
  const requestedTtl = options.ttl || options.lease
  const warnings = [
    ...bothBounds('explicit max TTL', options.explicit_max_ttl, roleLimits?.explicitMaxTtl),
    ...bothBounds('period', options.period, roleLimits?.period),
  ]
  if (policies.includes('root') && requestedTtl === 0 && period === 0) {
    if (explicitMaxTtl === 0 && parent.expiresAt !== null)
      throw refuse('expiring root tokens cannot create non-expiring root tokens')
    return { ttl: explicitMaxTtl, warnings }
  }
  const { ttl, warnings: cut } = effectiveTtl(requestedTtl, { period, explicitMaxTtl, ...limits }, 0)
  return { ttl, warnings: [...warnings, ...cut] }
}

function bothBounds(name: string, requested: number, ofRole = 0): string[] {
  if (requested === 0 || ofRole === 0) return []
  return [`The role has a ${name}, too; the shorter one of ${formatDuration(smallerLimit(requested, ofRole))} counts`]
}

function chosenId(id: string): string[] {
  return id === '' ? [] : ['A token with a chosen id is only as safe as the id is hard to guess']
}

/** The properties of a new token that follow from the options, the role and the parent together. */
interface Outcome {
  readonly type: 'service' | 'batch'
  readonly policies: readonly string[]
  readonly ttl: number
}

function specOf(
  call: Call<TokenState>,
  options: TokenOptions,
  role: Role | undefined,
  parent: TokenRecord | undefined,
  { type, policies, ttl }: Outcome,
): Omit<TokenSpec, 'namespace'> {
  checkId(options.id)
  return {
    type,
    policies,
    path: role ? pathOfRole(role) : call.request.path,
    ...(role && { role: role.name }),
    meta: options.meta ?? null,
    displayName: displayName(options.display_name),
    ttl,
    // The token's own bounds. Each renewal reads those of the role again, so that they can be changed.
    explicitMaxTtl: options.explicit_max_ttl,
    period: options.period,
    numUses: type === 'batch' ? 0 : smallerLimit(role?.numUses ?? 0, options.num_uses),
    renewable: type === 'service' && ttl > 0 && options.renewable && (role?.renewable ?? true),
    ...(parent && { parent }),
    boundCidrs: boundCidrs(role, call.caller.token),
    entityId: '',
    ...(options.id !== '' && { opaque: options.id }),
  }
}

/** An orphan is bound to the addresses of its creator as well: otherwise a stolen token could evade them. */
const boundCidrs = (role: Role | undefined, creator: TokenRecord | undefined): readonly string[] =>
  (role ?? creator)?.boundCidrs ?? []

function checkId(id: string): void {
  if (id.includes('.')) throw refuse('custom token ID cannot have a "." in it')
  if (/[\s\u0000-\u001f]/.test(id)) throw refuse('custom token ID cannot have spaces in it')
}

const pathOfRole = ({ name, pathSuffix }: Role): string =>
  `auth/token/create/${name}${pathSuffix ? `/${pathSuffix}` : ''}`

/** `token`, or `token-` and the name with each unusual character replaced by `-`, without one `-` at the end. */
function displayName(name: string): string {
  if (name === 'token' || name === '') return 'token'
  return `token-${name}`.replace(/[^a-zA-Z0-9-]/g, '-').replace(/-$/, '')
}

async function missingPolicies({ tokens }: TokenState, policies: readonly string[]): Promise<string[]> {
  const exists = await Promise.all(policies.map(async (name) => tokens.policyExists(name)))
  return policies.filter((_, at) => !exists[at]).map((name) => `Policy "${name}" does not exist`)
}
