import { Fault, refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Values } from '../../../contract/field.ts'
import { isPathName } from '../../../contract/names.ts'
import { answer, done } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import type { Transaction } from '../../../contract/view.ts'
import { entityById } from '../entities.ts'
import { groupById } from '../groups.ts'
import type { Identity } from '../identity.ts'
import { isId } from '../names.ts'
import { infoOf, listed, mustExist } from '../routes/shared.ts'
import { enforcementsIn } from './demands.ts'
import { methodById } from './methods.ts'
import { atMfa, enforcementShape, methodShape, selects } from './records.ts'
import type { EnforcementRecord } from './records.ts'

const { read, list, write, remove } = routesOf<Identity>()

const name = { name: f.string('Name of the enforcement.').or('') }
const settings = {
  mfa_method_ids: f.list('The methods, any of which proves the login.').limiting(),
  auth_method_accessors: f.list('Logins through the mounts with these accessors.').limiting(),
  auth_method_types: f.list('Logins through mounts of these types.').limiting(),
  identity_group_ids: f.list('Logins of the members of these groups.').limiting(),
  identity_entity_ids: f.list('Logins of these entities.').limiting(),
}
type Settings = Values<typeof settings>

const enforcementMembers = {
  auth_method_accessors: f.list('Logins through the mounts with these accessors.'),
  auth_method_types: f.list('Logins through mounts of these types.'),
  id: f.string('Its id.'),
  identity_entity_ids: f.list('Logins of these entities.'),
  identity_group_ids: f.list('Logins of the members of these groups.'),
  mfa_method_ids: f.list('The methods, any of which proves the login.'),
  name: f.string('Its name.'),
  namespace_id: f.string('Its namespace.'),
  namespace_path: f.string('The path of its namespace.'),
}

/** `mfa/login-enforcement`. */
export const enforcementRoutes = [
  list('mfa/login-enforcement', {
    about: 'List the login enforcements of this namespace.',
    returns: listed,
    handle: async ({ engine }) => {
      const found = await enforcementsIn(engine)
      if (found.length === 0) throw new Fault('not_found', 'no login enforcements')
      return answer(infoOf(found.map((one) => [one.name, renderedEnforcement(engine, one)])))
    },
  }),
  read('mfa/login-enforcement/:name', {
    about: 'Read a login enforcement.',
    fields: name,
    returns: enforcementMembers,
    handle: async ({ engine }, { name: named }) =>
      answer(renderedEnforcement(engine, mustExist(await engine.view.get(keyOf(named), enforcementShape)))),
  }),
  write('mfa/login-enforcement/:name', {
    about:
      'Create or change an enforcement: logins in this namespace and those below it need a second factor. Fields that are not sent are unchanged.',
    fields: { ...name, ...settings },
    handle: async ({ engine }, values) => {
      const key = keyOf(values.name)
      await engine.view.transaction(async (tx) => {
        const old = await tx.get(key, enforcementShape)
        tx.put(key, await checked(engine, tx, values, old))
      })
      return done()
    },
  }),
  remove('mfa/login-enforcement/:name', {
    about: 'Remove a login enforcement.',
    fields: name,
    handle: async ({ engine }, { name: named }) => {
      await engine.view.del(keyOf(named))
      return done()
    },
  }),
]

/** @throws Fault invalid_request for an invalid name */
function keyOf(named: string): string {
  if (!isPathName(named) || named.length > 128)
    throw refuse('the name of an enforcement can have letters, digits, "_", "." and "-", at most 128 characters')
  return atMfa.enforcement(named)
}

function renderedEnforcement({ namespace, path }: Identity, enforcement: EnforcementRecord) {
  const { id, name: named, methods, accessors, types, groups, entities } = enforcement
  return {
    id,
    name: named,
    mfa_method_ids: methods,
    auth_method_accessors: accessors,
    auth_method_types: types,
    identity_group_ids: groups,
    identity_entity_ids: entities,
    namespace_id: namespace,
    namespace_path: path(),
  }
}

/** The enforcement after a write. @throws Fault invalid_request if it names a missing record, requires no method, or applies to no login */
async function checked(
  identity: Identity,
  tx: Transaction,
  values: Settings & { readonly name: string },
  old: EnforcementRecord | undefined,
): Promise<EnforcementRecord> {
  const next = merged(values, old, identity.uuid)
  if (next.methods.length === 0) throw refuse('missing method ids: mfa_method_ids has one or more')
  if (!selects(next))
    throw refuse(
      'One of auth_method_accessors, auth_method_types, identity_group_ids, identity_entity_ids must be specified',
    )
  if ([next.methods, next.accessors, next.types, next.groups, next.entities].some(({ length }) => length > maxMembers))
    throw refuse(`each list can have at most ${maxMembers} members`)
  await mustBeMethods(identity, tx, next.methods)
  mustBeLoginMounts(identity, values)
  await mustBeIdentities(tx, values)
  return next
}

/** Fields that were not sent are unchanged, except for the methods. Stored references may be dangling: they match no login. */
function merged(
  values: Settings & { readonly name: string },
  old: EnforcementRecord | undefined,
  uuid: () => string,
): EnforcementRecord {
  const { id, accessors, types, groups, entities } = old ?? { ...empty, id: uuid() }
  return {
    id,
    name: values.name,
    methods: unique(values.mfa_method_ids ?? []),
    accessors: unique(values.auth_method_accessors ?? accessors),
    types: unique(values.auth_method_types ?? types),
    groups: unique(values.identity_group_ids ?? groups),
    entities: unique(values.identity_entity_ids ?? entities),
  }
}

const empty = { accessors: [], types: [], groups: [], entities: [] } as const
const maxMembers = 1000
const unique = (names: readonly string[]): readonly string[] => [...new Set(names)]

/** Methods of this namespace are read in the transaction, so that none of them can be removed in the meantime. */
async function mustBeMethods(identity: Identity, tx: Transaction, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const own = isId(id) ? await tx.get(atMfa.method(id), methodShape) : undefined
    if (!own && !(await methodById(identity, id))) throw refuse("one of the provided method ids doesn't exist")
  }
}

/** Tokens of `auth/token` are not created by a login, so an enforcement on them would have no effect. */
function mustBeLoginMounts(identity: Identity, values: Settings): void {
  const mounts = [...identity.mounts().values()].filter(({ type }) => type !== 'token')
  if (values.auth_method_accessors?.some((one) => !mounts.some(({ accessor }) => accessor === one)))
    throw refuse(
      'one of the auth method accessors provided is invalid: no login method of this namespace has this accessor',
    )
  if (values.auth_method_types?.some((one) => !mounts.some(({ type }) => type === one)))
    throw refuse('one of the auth method types provided is invalid: no login method of this namespace has this type')
}

async function mustBeIdentities(tx: Transaction, values: Settings): Promise<void> {
  for (const id of values.identity_group_ids ?? [])
    if (!(await groupById(tx, id))) throw refuse("one of the provided group ids doesn't exist")
  for (const id of values.identity_entity_ids ?? [])
    if (!(await entityById(tx, id))) throw refuse("one of the provided entity ids doesn't exist")
}
