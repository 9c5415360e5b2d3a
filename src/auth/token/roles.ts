import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { isPathName } from '../../contract/names.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { cidrsOf, tokenParamFields, tokenTypeOf } from '../../contract/token-params.ts'
import { showCidr } from '../../util/cidr.ts'
import { formatDuration } from '../../util/duration.ts'
import type { TokenState } from './state.ts'
import type { Role } from './role.ts'
import { tokenTypes, roleShape, empty, roleNamed, mustBeRole } from './role.ts'

const { read, list, write, remove } = routesOf<TokenState>()

const { token_period, token_explicit_max_ttl, token_bound_cidrs, token_no_default_policy, token_num_uses } =
  tokenParamFields

const roleName = { role_name: f.string('Name of the role.').or('') }

const fields = {
  ...roleName,
  allowed_policies: f.list('Policies that tokens may have; empty: those of the caller.').limiting(),
  allowed_policies_glob: f.list('The same as patterns with *.').limiting(),
  disallowed_policies: f.list('Policies that tokens may not have.').limiting(),
  disallowed_policies_glob: f.list('The same as patterns with *.').limiting(),
  orphan: f.bool('Tokens have no parent.').initially(empty.orphan),
  renewable: f.bool('Tokens can be renewed.').initially(empty.renewable),
  path_suffix: f.string('Goes behind the path that the tokens carry.'),
  allowed_entity_aliases: f.list('Aliases that may be asked for.').limiting(),
  period: f.duration('Older name of token_period.').alias('token_period'),
  token_period,
  explicit_max_ttl: f.duration('Older name of token_explicit_max_ttl.').limiting().alias('token_explicit_max_ttl'),
  token_explicit_max_ttl,
  bound_cidrs: f.list('Older name of token_bound_cidrs.').limiting().alias('token_bound_cidrs'),
  token_bound_cidrs,
  token_type: f.string('service, batch, default-service or default-batch.').initially(empty.tokenType),
  token_no_default_policy,
  token_num_uses,
}

const { role_name, ...settings } = fields

const roleMembers = {
  ...settings,
  name: role_name,
  allowed_entity_aliases: f.list('Aliases that may be asked for.').orNull(),
}

/** `auth/token/roles`. */
export const roleRoutes = [
  list('roles', {
    about: 'List roles.',
    returns: { keys: f.list('The names.') },
    handle: async ({ engine }) => {
      const keys = await engine.view.list('role/')
      if (keys.length === 0) throw new Fault('not_found', 'no roles')
      return answer({ keys })
    },
  }),
  read('roles/:role_name', {
    about: 'Read a role.',
    returns: roleMembers,
    fields: roleName,
    handle: async ({ engine }, values) => {
      const role = await roleNamed(engine.view, values.role_name)
      if (!role) throw new Fault('not_found', 'no such role')
      return answer(rendered(role))
    },
  }),
  write('roles/:role_name', {
    about: 'Create or change a role.',
    fields,
    exists: async ({ engine }, { role_name: name = '' }) => (await roleNamed(engine.view, name)) !== undefined,
    handle: async ({ engine, confirm }, values) => {
      if (!isPathName(values.role_name)) throw new Fault('unsupported_path', 'unsupported path')
      const role = await engine.view.transaction(async (tx) => {
        const old = await tx.get(`role/${values.role_name}`, roleShape)
        confirm(old !== undefined)
        const next = changed(old ?? { ...empty, name: values.role_name }, values)
        tx.put(`role/${values.role_name}`, next)
        return next
      })
      return done([...ignoredOldNames(values), ...warningsAbout(role, engine.tokens.limits().maxTtl)])
    },
  }),
  remove('roles/:role_name', {
    about: 'Remove a role. Its tokens live on.',
    fields: roleName,
    handle: async ({ engine }, values) => {
      await engine.view.del(`role/${values.role_name}`)
      return done()
    },
  }),
]

type RoleParameters = {
  readonly [K in keyof typeof fields]: (typeof fields)[K] extends { readonly fallback: infer T } ? T : never
}

/** The role with the parameters that were sent. @throws Fault invalid_request for an invalid role */
function changed(old: Role, params: RoleParameters): Role {
  const role: Role = {
    name: old.name,
    ...changedPolicies(old, params),
    ...changedLifetime(old, params),
    ...changedAddresses(old, params),
    orphan: params.orphan ?? old.orphan,
    pathSuffix: params.path_suffix ?? old.pathSuffix,
    tokenType: tokenTypeOf(params.token_type, tokenTypes) ?? old.tokenType,
    numUses: params.token_num_uses ?? old.numUses,
    allowedEntityAliases: lowered(params.allowed_entity_aliases) ?? old.allowedEntityAliases,
  }
  mustBeRole(role)
  return role
}

function changedPolicies(old: Role, params: RoleParameters) {
  return {
    allowedPolicies: lowered(params.allowed_policies) ?? old.allowedPolicies,
    allowedGlobs: lowered(params.allowed_policies_glob) ?? old.allowedGlobs,
    disallowedPolicies: lowered(params.disallowed_policies) ?? old.disallowedPolicies,
    disallowedGlobs: lowered(params.disallowed_policies_glob) ?? old.disallowedGlobs,
    noDefaultPolicy: params.token_no_default_policy ?? old.noDefaultPolicy,
  }
}

/** A value under its newer name counts, and resets the one that was set under the older name. */
function changedLifetime(old: Role, params: RoleParameters) {
  const { period: oldPeriod, token_period: period } = params
  const { explicit_max_ttl: oldMaxTtl, token_explicit_max_ttl: maxTtl } = params
  return {
    renewable: params.renewable ?? old.renewable,
    period: period ?? oldPeriod ?? old.period,
    explicitMaxTtl: maxTtl ?? oldMaxTtl ?? old.explicitMaxTtl,
    oldPeriod: period === undefined ? (oldPeriod ?? old.oldPeriod) : 0,
    oldExplicitMaxTtl: maxTtl === undefined ? (oldMaxTtl ?? old.oldExplicitMaxTtl) : 0,
  }
}

function changedAddresses(old: Role, { token_bound_cidrs: blocks, bound_cidrs: oldBlocks }: RoleParameters) {
  return {
    boundCidrs: cidrsOf(blocks ?? oldBlocks) ?? old.boundCidrs,
    oldBoundCidrs: blocks === undefined && (oldBlocks !== undefined || (old.oldBoundCidrs ?? false)),
  }
}

/** Warnings about older names that were sent beside the newer ones. */
function ignoredOldNames(params: RoleParameters): string[] {
  const pairs = [
    ['token_period', 'period'],
    ['token_bound_cidrs', 'bound_cidrs'],
    ['token_explicit_max_ttl', 'explicit_max_ttl'],
  ] as const
  return pairs
    .filter(([name, old]) => params[name] !== undefined && params[old] !== undefined)
    .map(([name, old]) => `Both "${name}" and its older name "${old}" were given; the older one is ignored`)
}

function warningsAbout(role: Role, maxTtl: number): string[] {
  if (role.explicitMaxTtl <= maxTtl) return []
  const [configured, effective] = [role.explicitMaxTtl, maxTtl].map(formatDuration)
  return [
    `The explicit max TTL of ${configured} is longer than the longest TTL in force, ${effective}; tokens expire by the latter`,
  ]
}

const lowered = (names: readonly string[] | undefined): readonly string[] | undefined =>
  names && [...new Set(names.map((item) => item.trim().toLowerCase()))].sort()

function rendered(role: Role): Record<string, unknown> {
  const blocks = role.boundCidrs.map(showCidr)
  return {
    name: role.name,
    allowed_policies: role.allowedPolicies,
    allowed_policies_glob: role.allowedGlobs,
    disallowed_policies: role.disallowedPolicies,
    disallowed_policies_glob: role.disallowedGlobs,
    allowed_entity_aliases: role.allowedEntityAliases,
    orphan: role.orphan,
    renewable: role.renewable,
    path_suffix: role.pathSuffix,
    period: role.oldPeriod,
    token_period: role.period,
    explicit_max_ttl: role.oldExplicitMaxTtl,
    token_explicit_max_ttl: role.explicitMaxTtl,
    token_type: role.tokenType,
    token_no_default_policy: role.noDefaultPolicy,
    ...(blocks.length > 0 && role.oldBoundCidrs && { bound_cidrs: blocks }),
    ...(blocks.length > 0 && { token_bound_cidrs: blocks }),
    ...(role.numUses > 0 && { token_num_uses: role.numUses }),
  }
}
