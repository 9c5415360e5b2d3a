import { randomUUID } from 'node:crypto'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Forms, Values } from '../../contract/field.ts'
import { folded, isPathName } from '../../contract/names.ts'
import {
  changedTokenParams,
  cidrsOf,
  isTokenParams,
  noTokenParams,
  olderNamesAfter,
  underNewerNames,
  renderedTokenParams,
  tokenParamFields,
} from '../../contract/token-params.ts'
import type { TokenParams } from '../../contract/token-params.ts'
import { parseCidr } from '../../util/cidr.ts'
import { formatDuration } from '../../util/duration.ts'
import { isCount, isFlag, isListOf, isName, isOneOf, orNull, shapeOf } from '../../util/stored/shape.ts'

/** Deprecated names of parameters, which responses also have. */
const olderNames = { policies: 'token_policies', period: 'token_period' } as const
type OlderName = keyof typeof olderNames

/** A role as stored, at `role/<name>`. TTLs in seconds; 0: none. */
export interface Role {
  /** Unique for ever: records of a removed role never belong to a later role of the same name. */
  readonly uid: string
  readonly roleId: string
  /** A login needs a secret id. */
  readonly bindSecretId: boolean
  /** The allowed addresses of logins, from `parseCidr`; null or empty: all. */
  readonly secretIdBoundCidrs: readonly string[] | null
  /** The most uses of a secret id; 0: no limit. */
  readonly secretIdNumUses: number
  /** The longest TTL of a secret id; 0: no limit. */
  readonly secretIdTtl: number
  readonly localSecretIds: boolean
  readonly params: TokenParams
  /** Deprecated names with which a parameter was last set; responses have these as well. */
  readonly older: readonly OlderName[]
}

/** Whether a stored value is an address block. */
export const isCidr = (value: unknown): boolean => typeof value === 'string' && parseCidr(value) === value

/** The shape of that record. */
export const roleShape = shapeOf<Role>(
  'a role',
  {
    uid: isName,
    roleId: isName,
    bindSecretId: isFlag,
    secretIdBoundCidrs: orNull(isListOf(isCidr)),
    secretIdNumUses: isCount,
    secretIdTtl: isCount,
    localSecretIds: isFlag,
    params: isTokenParams,
    older: isListOf(isOneOf(...Object.keys(olderNames))),
  },
  isConstrained,
)

/** A role without a secret id and without addresses would accept every login. */
function isConstrained({ bindSecretId, secretIdBoundCidrs, params }: Role): boolean {
  return bindSecretId || (secretIdBoundCidrs?.length ?? 0) > 0 || params.boundCidrs.length > 0
}

/** The path parameter of all paths of a role. Letter case does not matter. */
export const roleName = { role_name: f.string('Name of the role.').or('') }
export const canonical = { role_name: folded }

/** The types of mounts are accepted for roles as well. */
const typeForms: Forms = (value) =>
  value === 'service' || value === 'batch'
    ? [`default-${value}`]
    : value === 'default-service' || value === 'default-batch'
      ? [value.slice('default-'.length)]
      : []

/** The fields of a role, with their older names. */
export const roleFields = {
  bind_secret_id: f.bool('A login needs a secret id.').limiting().initially(true),
  secret_id_bound_cidrs: f.list('Allowed addresses of logins.').limiting(),
  bound_cidr_list: f.list('Older name of secret_id_bound_cidrs.').limiting().alias('secret_id_bound_cidrs'),
  secret_id_num_uses: f.int('The most uses of a secret id; 0: no limit.').limiting().initially(0),
  secret_id_ttl: f.duration('The longest TTL of a secret id; 0: no limit.').limiting().initially(0),
  ...tokenParamFields,
  token_type: tokenParamFields.token_type.reads(typeForms),
  policies: f.list('Older name of token_policies.').alias('token_policies'),
  period: f.duration('Older name of token_period.').alias('token_period'),
}

/** Values of these fields; those that were left out stay. */
export type RoleValues = Partial<Values<typeof roleFields>>

/** A field that is set at creation only. */
export const localField = {
  local_secret_ids: f.bool('Secret ids stay on this cluster. Set at creation only; there is one cluster, so it has no other effect.').initially(false),
} // prettier-ignore

/** The record name of a role. @throws Fault unsupported_path for an invalid name */
export function keyOf(name: string): string {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `role/${name}`
}

/** A role with default values. */
export const newRole = (localSecretIds: boolean): Role => ({
  uid: randomUUID(),
  roleId: randomUUID(),
  bindSecretId: true,
  secretIdBoundCidrs: null,
  secretIdNumUses: 0,
  secretIdTtl: 0,
  localSecretIds,
  params: noTokenParams,
  older: [],
})

/** A role with the parameters that were sent. @param maxTtl of the mount, seconds. @throws Fault invalid_request */
export function changedRole(old: Role, values: RoleValues, maxTtl: number): Role {
  const next: Role = {
    ...old,
    bindSecretId: values.bind_secret_id ?? old.bindSecretId,
    secretIdBoundCidrs: cidrsOf(values.secret_id_bound_cidrs ?? values.bound_cidr_list) ?? old.secretIdBoundCidrs,
    secretIdNumUses: values.secret_id_num_uses ?? old.secretIdNumUses,
    secretIdTtl: values.secret_id_ttl ?? old.secretIdTtl,
    params: changedParams(old.params, values),
    older: olderNamesAfter(olderNames, values, old.older),
  }
  return checked(next, values, maxTtl)
}

/** The role, if it is a valid one. @throws Fault invalid_request */
function checked(role: Role, values: RoleValues, maxTtl: number): Role {
  if (role.secretIdNumUses < 0) throw refuse('secret_id_num_uses cannot be negative')
  if ((values.token_period ?? values.period ?? 0) > maxTtl)
    throw refuse(`'token_period' cannot be greater than the maximum TTL of the mount, ${formatDuration(maxTtl)}`)
  if (!isConstrained(role))
    throw refuse('a role needs bind_secret_id, secret_id_bound_cidrs or token_bound_cidrs: without them, anyone could log in') // prettier-ignore
  return role
}

function changedParams(old: TokenParams, values: RoleValues): TokenParams {
  const token_type = values.token_type?.replace(/^default-(?=service$|batch$)/, '')
  return changedTokenParams(old, { ...underNewerNames(olderNames, values), token_type })
}

/** Warnings for the caller about a role. @param maxTtl of the mount, seconds */
export function warningsOf({ params }: Role, { token_type: type }: RoleValues, maxTtl: number): readonly string[] {
  return [
    ...(type?.startsWith('default-')
      ? [`'token_type' "${type}" is for mounts; the role has "${params.type}" instead`]
      : []),
    ...(params.maxTtl > maxTtl
      ? [`token_max_ttl is greater than the maximum TTL of the mount, ${formatDuration(maxTtl)}, which holds`]
      : []),
  ]
}

/** The response for a role, without the role id. */
export function rendered(role: Role): Readonly<Record<string, unknown>> {
  const params = renderedTokenParams(role.params)
  const older = role.older.filter((name) => name !== 'policies' || role.params.policies.length > 0)
  return {
    bind_secret_id: role.bindSecretId,
    local_secret_ids: role.localSecretIds,
    secret_id_bound_cidrs: role.secretIdBoundCidrs,
    secret_id_num_uses: role.secretIdNumUses,
    secret_id_ttl: role.secretIdTtl,
    ...params,
    ...Object.fromEntries(older.map((name) => [name, params[olderNames[name]]])),
  }
}
