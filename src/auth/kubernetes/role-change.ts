import { randomUUID } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import {
  changedTokenParams,
  noTokenParams,
  olderNamesAfter,
  tokenParamFields,
  underNewerNames,
} from '../../contract/token-params.ts'
import { formatDuration } from '../../util/duration.ts'
import { aliasSources, olderNames } from './role.ts'
import type { Role } from './role.ts'

/** The fields of a role, with their older names. */
export const roleFields = {
  bound_service_account_names: f.list('Names of service accounts; * matches any characters.').limiting(),
  bound_service_account_namespaces: f.list('Namespaces of service accounts; * matches any characters.').limiting(),
  bound_service_account_namespace_selector: f.string('Labels that a namespace must have to be allowed as well: {"matchLabels": {…}} as JSON or YAML. A write without it removes it.').limiting(),
  audience: f.string('The audience (aud) that tokens must have; that of the API server when left out.').limiting(),
  alias_name_source: f.string(`The source of the alias name of a login: ${aliasSources.join(' or ')}.`).initially(aliasSources[0]),
  ...tokenParamFields,
  policies: f.list('Older name of token_policies.').alias('token_policies'),
  ttl: f.duration('Older name of token_ttl.').limiting().alias('token_ttl'),
  max_ttl: f.duration('Older name of token_max_ttl.').limiting().alias('token_max_ttl'),
  period: f.duration('Older name of token_period.').alias('token_period'),
  num_uses: f.int('Older name of token_num_uses.').limiting().alias('token_num_uses'),
  bound_cidrs: f.list('Older name of token_bound_cidrs.').limiting().alias('token_bound_cidrs'),
} // prettier-ignore

/** Values of these fields; undefined: left out. */
type RoleValues = Partial<Values<typeof roleFields>>

/** The most names and namespaces of a role, each. */
const mostNames = 1000

const newRole = (): Omit<Role, 'selector'> => ({
  uid: randomUUID(),
  names: [],
  namespaces: [],
  audience: '',
  aliasSource: aliasSources[0],
  params: noTokenParams,
  older: [],
})

/**
 * A role with the given parameters; the others stay, except the selector, which is removed if it is not given, as in OpenBao.
 * @param maxTtl of the mount, seconds
 * @throws Fault invalid_request
 */
export function changedRole(
  stored: Role | undefined,
  values: RoleValues,
  selector: Role['selector'],
  maxTtl: number,
): Role {
  const { selector: _, ...old }: Role = stored ?? newRole()
  const next: Role = {
    ...old,
    names: values.bound_service_account_names ?? old.names,
    namespaces: values.bound_service_account_namespaces ?? old.namespaces,
    ...(selector && { selector }),
    audience: values.audience ?? old.audience,
    aliasSource: sourceOf(values.alias_name_source) ?? old.aliasSource,
    params: changedTokenParams(old.params, underNewerNames(olderNames, values)),
    older: olderNamesAfter(olderNames, values, old.older),
  }
  checkRole(next, maxTtl)
  return next
}

/** The default for an empty one; undefined: left out. @throws Fault invalid_request */
function sourceOf(input: string | undefined): Role['aliasSource'] | undefined {
  if (input === undefined) return undefined
  const source = input === '' ? aliasSources[0] : aliasSources.find((one) => one === input)
  if (!source) throw refuse(`invalid alias_name_source, must be one of: ${aliasSources.join(', ')}`)
  return source
}

function checkRole({ names, namespaces, selector, params }: Role, maxTtl: number): void {
  if (names.length === 0) throw refuse('"bound_service_account_names" can not be empty')
  if (namespaces.length === 0 && !selector)
    throw refuse('"bound_service_account_namespaces" can not be empty if "bound_service_account_namespace_selector" is not set') // prettier-ignore
  for (const list of [names, namespaces]) {
    if (list.length > 1 && list.includes('*')) throw refuse('can not mix "*" with values')
    if (list.length > mostNames || list.some((name) => name.length > 253))
      throw refuse(`a role has at most ${mostNames} names and namespaces, of up to 253 characters`)
  }
  if (params.period > maxTtl)
    throw refuse(`'token_period' cannot be greater than the maximum TTL of the mount, ${formatDuration(maxTtl)}`)
}

/** Warnings for the caller about a role. @param maxTtl of the mount, seconds */
export const warningsOf = ({ params }: Role, maxTtl: number): readonly string[] =>
  params.maxTtl > maxTtl
    ? [`token_max_ttl is greater than the maximum TTL of the mount, ${formatDuration(maxTtl)}, which holds`]
    : []
