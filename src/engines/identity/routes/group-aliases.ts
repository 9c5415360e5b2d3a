import { f } from '../../../contract/field.ts'
import type { Values } from '../../../contract/field.ts'
import { answer, done } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { pageFields } from '../../../contract/wire/page.ts'
import type { Call } from '../../../contract/route.ts'
import { dropGroupAlias, findGroupAlias, groupOfAlias, setGroupAlias } from '../group-aliases.ts'
import type { Identity } from '../identity.ts'
import { removeStaleMemberships } from '../memberships.ts'
import { pointerShape } from '../records.ts'
import { listedGroupAlias, renderedGroupAlias } from '../render.ts'
import { aliasMembers, writtenAlias } from './aliases.ts'
import { groupGuard, infoOf, listed, mustExist, recordsIn } from './shared.ts'

const { read, list, write, remove } = routesOf<Identity>()

const id = { id: f.string('Id of the group alias.').or('') }
const settings = {
  name: f.string('The name of the group in the login method.').or(''),
  mount_accessor: f.string('The accessor of the mount, from sys/auth.').or(''),
  canonical_id: f.string('The id of the external group; a new group by default.').or(''),
}

/** `group-alias`. */
export const groupAliasRoutes = [
  write('group-alias', {
    about: 'Create an alias of an external group, or update the one with an id.',
    fields: { ...id, ...settings },
    returns: writtenAlias,
    handle: async (call, values) => writeAlias(call, values.id === '' ? undefined : values.id, values),
  }),
  list('group-alias/id', {
    about: 'List the aliases of groups.',
    fields: pageFields,
    returns: listed,
    handle: async ({ engine }, page) => {
      const mounts = engine.mounts()
      const pointers = await recordsIn(engine.view, 'group-alias/', pointerShape, page)
      const groups = await Promise.all(pointers.map(async ([key]) => findGroupAlias(engine, key)))
      const entries = groups.flatMap((group) =>
        group ? [[group.alias.id, listedGroupAlias(mounts, group.id, group.alias)] as const] : [],
      )
      return answer(infoOf(entries))
    },
  }),
  read('group-alias/id/:id', {
    about: 'Read an alias of a group.',
    fields: id,
    returns: aliasMembers,
    handle: async (call, values) => {
      const { engine } = call
      const group = mustExist(await findGroupAlias(engine, values.id))
      groupGuard(call)(group)
      return answer(renderedGroupAlias(engine, engine.mounts(), group, group.alias))
    },
  }),
  write('group-alias/id/:id', {
    about: 'Change an alias of a group. The group loses its members; later logins add new ones.',
    fields: { ...id, ...settings },
    returns: writtenAlias,
    handle: async (call, values) => writeAlias(call, values.id, values),
  }),
  remove('group-alias/id/:id', {
    about: 'Remove an alias of a group. The group loses its members.',
    fields: id,
    handle: async (call, values) => {
      const { engine } = call
      await engine.view.transaction(async (tx) => {
        const group = await groupOfAlias(tx, values.id)
        if (!group) return
        groupGuard(call)(group)
        dropGroupAlias(engine, tx, group)
      })
      await removeStaleMemberships(engine.view)
      return done()
    },
  }),
]

async function writeAlias(
  call: Call<Identity>,
  aliasId: string | undefined,
  values: Values<typeof settings>,
): Promise<Response> {
  const { engine } = call
  const change = { name: values.name, mountAccessor: values.mount_accessor, canonicalId: values.canonical_id }
  const group = await engine.view.transaction(async (tx) =>
    setGroupAlias(engine, tx, aliasId, change, groupGuard(call)),
  )
  await removeStaleMemberships(engine.view)
  return answer({ canonical_id: group.id, id: group.alias.id })
}
