import { Fault, refuse } from '../../contract/fault.ts'
import type { Field } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Alias, Route } from '../../contract/route.ts'
import type { AppRole } from './mount.ts'
import { canonical, changedRole, keyOf, localField, rendered, roleFields, roleName, roleShape, warningsOf } from './role.ts' // prettier-ignore
import type { Role, RoleValues } from './role.ts'

const { read, write, remove } = routesOf<AppRole>()
type FieldName = keyof typeof roleFields

/** One parameter of a role with a path of its own. */
interface Part {
  readonly field: FieldName
  /** Its deprecated name, which the same path accepts. */
  readonly older?: FieldName
  /** Absent: the addresses of logins, which are then null. */
  readonly initial?: RoleValues
  /** Its name in the error if it is missing. Absent: then nothing is changed. */
  readonly missing?: string
}

/** By the last segment of its path: `role/:role_name/<segment>`. */
const parts: Readonly<Record<string, Part>> = {
  policies: { field: 'token_policies', older: 'policies', initial: { token_policies: [] }, missing: 'token_policies' },
  'bind-secret-id': { field: 'bind_secret_id', initial: { bind_secret_id: true }, missing: 'bind_secret_id' },
  'secret-id-num-uses': { field: 'secret_id_num_uses', initial: { secret_id_num_uses: 0 }, missing: 'secret_id_num_uses' },
  'secret-id-ttl': { field: 'secret_id_ttl', initial: { secret_id_ttl: 0 }, missing: 'secret_id_ttl' },
  'secret-id-bound-cidrs': { field: 'secret_id_bound_cidrs' },
  'bound-cidr-list': { field: 'bound_cidr_list' },
  'token-bound-cidrs': { field: 'token_bound_cidrs', initial: { token_bound_cidrs: [] } },
  'token-ttl': { field: 'token_ttl', initial: { token_ttl: 0 }, missing: 'token_ttl' },
  'token-max-ttl': { field: 'token_max_ttl', initial: { token_max_ttl: 0 }, missing: 'token_max_ttl' },
  'token-num-uses': { field: 'token_num_uses', initial: { token_num_uses: 0 }, missing: 'token_num_uses' },
  period: { field: 'token_period', older: 'period', initial: { token_period: 0 }, missing: 'period' },
} // prettier-ignore

/** The two paths of the allowed addresses of logins. */
const addressPaths = ['secret-id-bound-cidrs', 'bound-cidr-list']

/** A rule that denies one of these paths denies its parameters at the path of the role as well. */
export const ownPaths: Alias = ({ role_name: name = '' }, data) => [
  ...Object.keys(parts)
    .filter((end) => pathsOf(end).some((path) => fieldsOf(path).some((field) => Object.hasOwn(data, field))))
    .map((end) => `role/${name}/${end}`),
  ...(Object.hasOwn(data, 'role_id') ? [`role/${name}/role-id`] : []),
]

/** The last segments of all paths of the same parameter. */
const pathsOf = (end: string): readonly string[] => (addressPaths.includes(end) ? addressPaths : [end])

const fieldsOf = (end: string): readonly FieldName[] => {
  const part = parts[end]
  return part ? [part.field, ...(part.older ? [part.older] : [])] : []
}

/** A path for each parameter of a role: read, write, and remove, which sets the default. */
export const partRoutes: readonly Route<AppRole>[] = [
  ...Object.entries(parts).flatMap(([end, part]) => routesOfPart(end, part)),
  read('role/:role_name/local-secret-ids', {
    about: 'Read local_secret_ids of a role.',
    canonical,
    fields: roleName,
    returns: localField,
    handle: async ({ engine }, { role_name: name }) =>
      answer({ local_secret_ids: (await readRole(engine, name)).localSecretIds }),
  }),
]

function routesOfPart(end: string, part: Part): readonly Route<AppRole>[] {
  const names = fieldsOf(end)
  const fields: Readonly<Record<string, Field<unknown>>> = Object.fromEntries(
    names.map((name) => [name, roleFields[name]]),
  )
  const returns = Object.fromEntries(
    names.map((name) => [name, name.includes('cidr') ? roleFields[name].orNull() : roleFields[name]]),
  )
  const pattern = `role/:role_name/${end}`
  const others = pathsOf(end).filter((path) => path !== end)
  const alias: Alias = ({ role_name: name = '' }) => others.map((path) => `role/${name}/${path}`)
  return [
    read(pattern, {
      about: `Read ${part.field} of a role.`,
      canonical,
      alias,
      fields: roleName,
      returns,
      handle: async ({ engine }, { role_name: name }) => answer(shownPart(await readRole(engine, name), part)),
    }),
    write(pattern, {
      about: `Set ${part.field} of a role.`,
      canonical,
      alias,
      fields: { ...roleName, ...fields },
      handle: async ({ engine }, { role_name: name, ...values }) => setPart(engine, name, part, values),
    }),
    remove(pattern, {
      about: `Set ${part.field} of a role to its default.`,
      canonical,
      alias,
      fields: roleName,
      handle: async ({ engine }, { role_name: name }) => resetPart(engine, name, part),
    }),
  ]
}

async function setPart(engine: AppRole, name: string, { missing }: Part, values: RoleValues): Promise<Response> {
  if (missing !== undefined && Object.values(values).every((value) => value === undefined))
    throw refuse(`missing ${missing}`)
  const { maxTtl } = engine.limits()
  const role = await change(engine, name, (old) => changedRole(old, values, maxTtl))
  if (!role) throw new Fault('unsupported_path', 'unsupported path')
  return done(warningsOf(role, values, maxTtl))
}

async function resetPart(engine: AppRole, name: string, { initial }: Part): Promise<Response> {
  const { maxTtl } = engine.limits()
  await change(engine, name, (old) =>
    changedRole(initial ? old : { ...old, secretIdBoundCidrs: null }, initial ?? {}, maxTtl),
  )
  return done()
}

/** The parameter, and its deprecated name if it was set with that. An empty list of addresses is shown as null. */
function shownPart(role: Role, { field, older }: Part): Readonly<Record<string, unknown>> {
  const members = rendered(role)
  const value = field === 'bound_cidr_list' ? members['secret_id_bound_cidrs'] : members[field]
  const isEmptyAddresses = field.includes('cidr') && Array.isArray(value) && value.length === 0
  return {
    [field]: isEmptyAddresses ? null : value,
    ...(older && older in members && { [older]: members[older] }),
  }
}

/** @throws Fault not_found */
async function readRole({ view }: AppRole, name: string): Promise<Role> {
  const role = await view.get(keyOf(name), roleShape)
  if (!role) throw new Fault('not_found', 'no such role')
  return role
}

/** The changed role; undefined if it does not exist. */
async function change({ view }: AppRole, name: string, next: (role: Role) => Role): Promise<Role | undefined> {
  return view.transaction(async (tx) => {
    const old = await tx.get(keyOf(name), roleShape)
    if (!old) return undefined
    const role = next(old)
    tx.put(keyOf(name), role)
    return role
  })
}
