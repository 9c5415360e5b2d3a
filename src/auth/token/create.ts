import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import type { Request } from '../../contract/request.ts'
import type { AuthBlock, Response } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Call } from '../../contract/route.ts'
import { formatDuration } from '../../util/duration.ts'
import { normalised, policiesFor } from './policies.ts'
import type { NewToken } from './port.ts'
import { roleNamed } from './roles.ts'
import type { Role } from './roles.ts'
import type { TokenState } from './state.ts'
import { effectiveTtl } from './ttl.ts'

const { write } = routesOf<TokenState>()

const fields = {
  id: f.string('The token itself; root only.').secret().or(''),
  policies: f.texts('Policies; left out: those of the caller; an empty list: default alone.').or([]),
  meta: f.map('Texts that audit lines and lookups show.'),
  no_parent: f.bool('The token has no parent; needs sudo.').or(false),
  no_default_policy: f.bool('Without the default policy.').or(false),
  renewable: f.bool('It can be renewed.').or(true),
  ttl: f.duration('How long it lives.').limiting().or(0),
  lease: f.duration('Older name of ttl.').limiting().alias('ttl').or(0),
  type: f.string('service or batch.').or(''),
  explicit_max_ttl: f.duration('It ends after this, renewed or not.').limiting().or(0),
  display_name: f.string('Shown in audit lines, after "token-".').or('token'),
  num_uses: f.int('How often it can be used; 0: no limit.').limiting().or(0),
  period: f.duration('Every renewal gives this TTL, for ever; needs sudo.').or(0),
  entity_alias: f.string('Needs a role that allows it.').or(''),
}
const roleFields = { ...fields, role_name: f.string('The role to create through.').or('') }

type Wish = { readonly [K in keyof typeof fields]: (typeof fields)[K]['fallback'] }

/** `auth/token/create`, `create-orphan` and `create/:role`. */
export const createRoutes = [
  write('create', {
    about: 'Create a token.',
    fields,
    handle: async (call, wish) => {
      if (wish.no_parent && call.caller.denies(`${call.mountPath}create-orphan`))
        throw new Fault('permission_denied', 'permission denied')
      return create(call, wish, undefined, wish.no_parent)
    },
  }),
  write('create-orphan', {
    about: 'Create a token without a parent.',
    fields,
    handle: async (call, wish) => create(call, wish, undefined, true),
  }),
  write('create/:role_name', {
    about: 'Create a token through a role.',
    fields: roleFields,
    handle: async (call, wish) => {
      const role = await roleNamed(call.engine.view, wish.role_name)
      if (!role) throw refuse(`unknown role ${wish.role_name}`)
      return create(call, wish, role, role.orphan)
    },
  }),
]

async function create(call: Call<TokenState>, wish: Wish, role: Role | undefined, orphan: boolean): Promise<Response> {
  const parent = call.caller.token
  if (!parent) throw new Fault('unauthenticated', 'permission denied', { bare: true })
  refuseParent(parent)
  // Whoever comes from a namespace above gives nothing of its own away: it hands out what is here, as its administrator.
  const above = !call.engine.tokens.owns(parent)
  // A parentless token from the plain endpoint outlives its maker: that needs sudo. The orphan endpoint has its own ACL path.
  const sudo = call.caller.root || call.caller.sudo
  if (above && !sudo) throw refuse('root or sudo privileges required to directly generate a token in a child namespace')
  refusePrivileged(wish, role, sudo)
  if (wish.id !== '' && !call.engine.tokens.inRoot)
    throw refuse('token IDs can only be manually specified in the root namespace')
  const type = typeOf(wish, role)
  const asked = { policies: wish.policies, named: namesPolicies(call.request), noDefault: wish.no_default_policy }
  const policies = policiesFor(asked, { sudo, above, policies: parent.policies }, role)
  if (type === 'batch') refuseForBatch(wish, policies)
  const life = lifeOf(call, wish, role, parent, { type, policies })
  const spec = specOf(call, wish, role, orphan ? undefined : parent, { type, policies, life })
  const { token, record } = await call.engine.tokens.create(spec)
  return {
    auth: authBlock(record, token, life.ttl),
    warnings: [...life.warnings, ...chosenId(wish.id), ...(await missing(call.engine, policies))],
  }
}

/** Only what was left out asks for the caller's policies: a list that came out empty must not make a root token. */
function namesPolicies({ data }: Request): boolean {
  return Object.hasOwn(data, 'policies')
}

function refuseParent(parent: TokenRecord): void {
  if (parent.type === 'batch') throw refuse('batch tokens cannot create more tokens')
  if (parent.numUses > 0) throw refuse('restricted use token cannot generate child tokens')
}

function refusePrivileged(wish: Wish, role: Role | undefined, sudo: boolean): void {
  if (wish.num_uses < 0) throw refuse('number of uses cannot be negative')
  if (wish.entity_alias !== '')
    throw refuse(role ? "invalid 'entity_alias' value" : "'entity_alias' is only allowed in combination with a role")
  if (sudo) return
  if (wish.no_parent && !role) throw refuse('root or sudo privileges required to create orphan token')
  if (wish.period > 0) throw refuse('root or sudo privileges required to create periodic token')
  if (wish.id !== '') throw refuse('root or sudo privileges required to specify token id')
}

function typeOf(wish: Wish, role: Role | undefined): 'service' | 'batch' {
  if (!['', 'service', 'batch'].includes(wish.type)) throw refuse("invalid 'token_type' value")
  const fixed = role?.tokenType
  if (fixed === 'service' || fixed === 'batch') return fixed
  if (wish.type === 'service' || wish.type === 'batch') return wish.type
  return fixed === 'default-batch' ? 'batch' : 'service'
}

function refuseForBatch(wish: Wish, policies: readonly string[]): void {
  const given: readonly (readonly [string, boolean])[] = [
    ['period', wish.period > 0],
    ['explicit_max_ttl', wish.explicit_max_ttl > 0],
    ['id', wish.id !== ''],
    ['num_uses', wish.num_uses > 0],
  ]
  const bad = given.find(([, set]) => set)
  if (bad) throw refuse(`batch tokens cannot have "${bad[0]}" set`)
  if (policies.includes('root')) throw refuse('batch tokens cannot be root tokens')
}

interface Life {
  readonly ttl: number
  readonly warnings: readonly string[]
}

function lifeOf(
  call: Call<TokenState>,
  wish: Wish,
  role: Role | undefined,
  parent: TokenRecord,
  { type, policies }: Pick<Made, 'type' | 'policies'>,
): Life {
  const limits = call.engine.tokens.limits()
  const through = type === 'service' ? role : undefined
  const period = smaller(through?.period ?? 0, wish.period)
  const explicitMaxTtl = smaller(through?.explicitMaxTtl ?? 0, wish.explicit_max_ttl)
  const asked = wish.ttl || wish.lease
  const warnings = [
    ...bothBounds('explicit max TTL', wish.explicit_max_ttl, through?.explicitMaxTtl),
    ...bothBounds('period', wish.period, through?.period),
  ]
  if (policies.includes('root') && asked === 0 && period === 0) {
    if (explicitMaxTtl === 0 && parent.expiresAt !== null)
      throw refuse('expiring root tokens cannot create non-expiring root tokens')
    return { ttl: explicitMaxTtl, warnings }
  }
  const { ttl, warnings: cut } = effectiveTtl(asked, { period, explicitMaxTtl, ...limits }, 0)
  return { ttl, warnings: [...warnings, ...cut] }
}

function bothBounds(name: string, wished: number, ofRole = 0): string[] {
  if (wished === 0 || ofRole === 0) return []
  return [`The role has a ${name}, too; the shorter one of ${formatDuration(smaller(wished, ofRole))} counts`]
}

function chosenId(id: string): string[] {
  return id === '' ? [] : ['A token whose text was chosen is only as safe as that text is hard to guess']
}

/** The smaller of two limits of which 0 is none. */
export const smaller = (a: number, b: number): number => (a === 0 ? b : b === 0 ? a : Math.min(a, b))

interface Made {
  readonly type: 'service' | 'batch'
  readonly policies: readonly string[]
  readonly life: Life
}

function specOf(
  call: Call<TokenState>,
  wish: Wish,
  role: Role | undefined,
  parent: TokenRecord | undefined,
  made: Made,
): NewToken {
  const { type, policies, life } = made
  if (wish.id.includes('.')) throw refuse('custom token ID cannot have a "." in it')
  if (/[\s\u0000-\u001f]/.test(wish.id)) throw refuse('custom token ID cannot have blanks in it')
  const suffix = role ? `/${role.name}${role.pathSuffix ? `/${role.pathSuffix}` : ''}` : ''
  // A token without a parent is bound like its maker, too: a stolen one could shed its addresses otherwise.
  const bound = (role ?? call.caller.token)?.boundCidrs ?? []
  return {
    type,
    policies,
    path: role ? `auth/token/create${suffix}` : call.request.path,
    ...(role && { role: role.name }),
    meta: wish.meta ?? null,
    displayName: displayName(wish.display_name),
    ttl: life.ttl,
    // The token's own bounds. Those of its role are read there at each renewal, so that they can be changed.
    explicitMaxTtl: wish.explicit_max_ttl,
    period: wish.period,
    numUses: type === 'batch' ? 0 : role?.numUses ? smaller(role.numUses, wish.num_uses) : wish.num_uses,
    renewable: type === 'service' && life.ttl > 0 && wish.renewable && (role?.renewable ?? true),
    ...(parent && { parent }),
    boundCidrs: bound,
    entityId: '',
    ...(wish.id !== '' && { opaque: wish.id }),
  }
}

/** `token`, or `token-` and the wish with odd characters as `-`, one `-` at the end cut. */
export function displayName(wish: string): string {
  if (wish === 'token' || wish === '') return 'token'
  return `token-${wish}`.replace(/[^a-zA-Z0-9-]/g, '-').replace(/-$/, '')
}

/** The `auth` part of an answer about a token. */
export function authBlock(record: TokenRecord, token: string, ttl: number): AuthBlock {
  return {
    client_token: token,
    accessor: record.accessor,
    policies: normalised(record.policies),
    token_policies: normalised(record.policies),
    metadata: record.meta,
    lease_duration: ttl,
    renewable: record.renewable,
    entity_id: record.entityId,
    token_type: record.type,
    orphan: record.parent === undefined,
    mfa_requirement: null,
    num_uses: record.numUses,
  }
}

async function missing({ tokens }: TokenState, policies: readonly string[]): Promise<string[]> {
  const known = await Promise.all(policies.map(async (name) => tokens.policyExists(name)))
  return policies.filter((_, at) => !known[at]).map((name) => `Policy "${name}" does not exist`)
}
