import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Values } from '../../../contract/field.ts'
import { folded } from '../../../contract/names.ts'
import { answer, done } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { pageFields } from '../../../contract/wire/page.ts'
import type { Call } from '../../../contract/route.ts'
import type { Transaction } from '../../../contract/view.ts'
import { keys } from '../../../contract/wire/returns.ts'
import { groupById, groupByName, removeGroup, setGroup } from '../groups.ts'
import type { Identity } from '../identity.ts'
import { removeStaleMemberships } from '../memberships.ts'
import { afterName, checkedName } from '../names.ts'
import { groupShape, pointerShape } from '../records.ts'
import type { GroupRecord } from '../records.ts'
import { listedGroup, renderedGroup } from '../render.ts'
import { groupGuard, infoOf, listed, mustExist, recordsIn } from './shared.ts'

const { read, list, write, remove } = routesOf<Identity>()

const id = { id: f.string('Id of the group.').or('') }
const name = { name: f.string('Name of the group, case-insensitive.').or('') }
const settings = {
  type: f.string('internal, with members that are set here, or external, with members from its alias.'),
  metadata: f.map('Metadata of the group; replaces the previous metadata.'),
  policies: f.list('Policies of the tokens of its members, in addition to their own.'),
  member_entity_ids: f.list('The member entities; replaces the previous ones.'),
  member_group_ids: f.list('The subgroups; replaces the previous ones.'),
}
const created = { id: f.string('Its id.'), name: f.string('Its name.') }

/** The group in responses. */
export const groupMembers = {
  ...created,
  alias: f.object('The alias of an external group.'),
  creation_time: f.string('Creation time.'),
  last_update_time: f.string('Time of the last update.'),
  member_entity_ids: f.list('The member entities.').orNull(),
  member_group_ids: f.list('The subgroups.').orNull(),
  metadata: f.map('Its metadata.').orNull(),
  modify_index: f.int('Incremented with each change.'),
  namespace_id: f.string('Its namespace.'),
  parent_group_ids: f.list('The parent groups.').orNull(),
  policies: f.list('Its policies.').orNull(),
  type: f.string('internal or external.'),
}

/** `group`, by id and by name. */
export const groupRoutes = [
  write('group', {
    about: 'Create a group, or update the one with an id or a name.',
    fields: { ...id, ...name, ...settings },
    returns: created,
    handle: async (call, values) => writeGroup(call, values, values.name),
  }),
  list('group/id', {
    about: 'List groups by id.',
    fields: pageFields,
    returns: listed,
    handle: async ({ engine }, page) => {
      const found = await recordsIn(engine.view, 'group/', groupShape, page)
      return answer(
        infoOf(await Promise.all(found.map(async ([key, group]) => [key, await listedGroup(engine, group)] as const))),
      )
    },
  }),
  list('group/name', {
    about: 'List groups by name.',
    fields: pageFields,
    returns: keys('The names.'),
    handle: async ({ engine }, page) => {
      const found = await recordsIn(engine.view, 'group-name/', pointerShape, { ...page, after: afterName(page.after) })
      const groups = await Promise.all(found.map(async ([, pointer]) => groupById(engine.view, pointer.id)))
      return answer({ keys: groups.flatMap((group) => (group ? [group.name] : [])) })
    },
  }),
  read('group/id/:id', {
    about: 'Read a group.',
    fields: id,
    returns: groupMembers,
    handle: async (call, values) => show(call, await groupById(call.engine.view, values.id)),
  }),
  read('group/name/*name', {
    about: 'Read a group by its name.',
    canonical: { name: folded },
    fields: name,
    returns: groupMembers,
    handle: async (call, values) => show(call, await groupByName(call.engine.view, values.name)),
  }),
  write('group/id/:id', {
    about: 'Change a group.',
    fields: { ...id, ...name, ...settings },
    handle: async (call, values) => writeGroup(call, values, values.name),
  }),
  write('group/name/*name', {
    about: 'Create or change a group by its name.',
    canonical: { name: folded },
    fields: { ...name, ...settings },
    returns: created,
    handle: async (call, values) => writeGroup(call, { ...values, id: '' }, call.rawParams['name'] ?? values.name),
  }),
  remove('group/id/:id', {
    about: 'Remove a group.',
    fields: id,
    handle: async (call, values) => removeOne(call, async (tx) => groupById(tx, values.id)),
  }),
  remove('group/name/*name', {
    about: 'Remove a group by its name.',
    canonical: { name: folded },
    fields: name,
    handle: async (call, values) => removeOne(call, async (tx) => groupByName(tx, values.name)),
  }),
]

async function show(call: Call<Identity>, found: GroupRecord | undefined): Promise<Response> {
  const group = mustExist(found)
  groupGuard(call)(group)
  return answer(await renderedGroup(call.engine, group))
}

type Settings = Values<typeof settings & typeof id>

/** @param newName the new name; '' keeps the old one */
async function writeGroup(call: Call<Identity>, values: Settings, newName: string): Promise<Response> {
  const { engine } = call
  return engine.view.transaction(async (tx) => {
    const old = values.id === '' ? await byName(tx, newName) : await groupById(tx, values.id)
    if (values.id !== '' && !old) throw refuse('invalid group ID')
    if (old) groupGuard(call)(old)
    const group = await setGroup(engine, tx, old, {
      name: newName,
      type: values.type,
      metadata: values.metadata,
      policies: values.policies,
      memberEntities: values.member_entity_ids,
      memberGroups: values.member_group_ids,
    })
    groupGuard(call)(group)
    return old ? done() : answer({ id: group.id, name: group.name })
  })
}

const byName = async (tx: Transaction, sought: string) =>
  sought === '' ? undefined : groupByName(tx, checkedName(sought))

async function removeOne(
  call: Call<Identity>,
  find: (tx: Transaction) => Promise<GroupRecord | undefined>,
): Promise<Response> {
  const { engine } = call
  await engine.view.transaction(async (tx) => {
    const group = await find(tx)
    if (!group) return
    groupGuard(call)(group)
    await removeGroup(engine, tx, group)
  })
  await removeStaleMemberships(engine.view)
  return done()
}
