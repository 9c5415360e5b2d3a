import { refuse } from '../../contract/fault.ts'
import type { Transaction } from '../../contract/view.ts'
import { Slices } from '../../util/slices.ts'
import { entityById } from './entities.ts'
import type { Identity } from './identity.ts'
import { join, leave } from './memberships.ts'
import { at, automaticName, checkedMetadata, checkedName, checkedPolicies, isId } from './names.ts'
import { groupShape, pointerShape } from './records.ts'
import type { GroupRecord, Metadata } from './records.ts'

/** The parameters of a write of a group; undefined: left out. */
interface GroupChange {
  readonly name: string | undefined
  readonly type: string | undefined
  readonly metadata: Metadata | undefined
  readonly policies: readonly string[] | undefined
  readonly memberEntities: readonly string[] | undefined
  readonly memberGroups: readonly string[] | undefined
}

/** The group of an id; undefined when there is none. */
export async function groupById(tx: Pick<Transaction, 'get'>, id: string): Promise<GroupRecord | undefined> {
  return isId(id) ? tx.get(at.group(id), groupShape) : undefined
}

/** The group of a name, whose letter case does not count. */
export async function groupByName(tx: Pick<Transaction, 'get'>, name: string): Promise<GroupRecord | undefined> {
  const pointer = await tx.get(at.groupName(name), pointerShape)
  return pointer && groupById(tx, pointer.id)
}

/** A group to be, with nothing but an id and a type. */
export function freshGroup({ clock, uuid }: Identity, type: GroupRecord['type']): GroupRecord {
  const now = clock.now()
  return {
    id: uuid(),
    name: '',
    type,
    metadata: null,
    policies: null,
    createdAt: now,
    updatedAt: now,
    modifyIndex: 0,
    subgroups: [],
    generation: 0,
    alias: null,
  }
}

/** Makes a group, or changes one. @throws Fault invalid_request */
export async function setGroup(
  identity: Identity,
  tx: Transaction,
  old: GroupRecord | undefined,
  change: GroupChange,
): Promise<GroupRecord> {
  const type = typeOf(change.type, old)
  const { memberEntities, memberGroups } = membersOf(change, type)
  const before = old ?? freshGroup(identity, type)
  const next: GroupRecord = {
    ...before,
    name: await groupName(identity, tx, checkedName(change.name || before.name)),
    metadata: change.metadata ? checkedMetadata(change.metadata) : before.metadata,
    policies: change.policies ? checkedPolicies(change.policies) : before.policies,
    subgroups: memberGroups ? [...new Set(memberGroups)] : before.subgroups,
    updatedAt: identity.clock.now(),
    modifyIndex: before.modifyIndex + 1,
  }
  await putGroup(tx, old, next)
  if (memberGroups) await nest(tx, before, next)
  if (memberEntities) await setMembers(identity, tx, next, memberEntities)
  return next
}

/** The members to be set; undefined: they stay. @throws Fault invalid_request for an external group, whose members cannot be set */
function membersOf(
  { memberEntities, memberGroups }: GroupChange,
  type: GroupRecord['type'],
): Pick<GroupChange, 'memberEntities' | 'memberGroups'> {
  if (type === 'internal') return { memberEntities, memberGroups }
  if ([memberEntities, memberGroups].some((members) => members && members.length > 0))
    throw refuse('the members of an external group come from its alias: they cannot be set')
  return { memberEntities: undefined, memberGroups: undefined }
}

function typeOf(type: string | undefined, old: GroupRecord | undefined): GroupRecord['type'] {
  const wanted = type || (old?.type ?? 'internal')
  if (wanted !== 'internal' && wanted !== 'external') throw refuse(`invalid group type "${wanted}"`)
  if (old && old.type !== wanted) throw refuse(`group type cannot be changed: this group is ${old.type}`)
  return wanted
}

async function groupName({ random, namespace }: Identity, tx: Transaction, name: string): Promise<string> {
  if (name !== '') return name
  for (;;) {
    const free = automaticName('group', namespace, random)
    if (!(await tx.get(at.groupName(free), pointerShape))) return free
  }
}

/** Writes a group and the index of its name. @throws Fault invalid_request when the name is taken */
async function putGroup(tx: Transaction, old: GroupRecord | undefined, next: GroupRecord): Promise<void> {
  const key = at.groupName(next.name)
  const owner = await tx.get(key, pointerShape)
  if (owner && owner.id !== next.id) throw refuse(`the name "${next.name}" belongs to another group`)
  if (old && at.groupName(old.name) !== key) tx.del(at.groupName(old.name))
  if (!owner) tx.put(key, { id: next.id })
  tx.put(at.group(next.id), next)
}

const most = { members: 10_000, groups: 1000 } as const

/** Brings the index of parents to the groups in a group. @throws Fault invalid_request for a circle, or a group that does not exist */
async function nest(tx: Transaction, before: GroupRecord, next: GroupRecord): Promise<void> {
  if (next.subgroups.length > most.groups) throw refuse(`a group has ${most.groups} groups in it at most`)
  await refuseCircle(tx, next)
  for (const id of before.subgroups) if (!next.subgroups.includes(id)) tx.del(at.parents(id) + next.id)
  for (const id of next.subgroups) if (!before.subgroups.includes(id)) tx.put(at.parents(id) + next.id, true)
}

/** Every group below is read in the transaction: whoever changes one of them meanwhile, both cannot succeed. */
async function refuseCircle(tx: Transaction, { id, subgroups }: GroupRecord): Promise<void> {
  const seen = new Set<string>()
  const slices = new Slices()
  for (const waiting = [...subgroups]; waiting.length > 0;) {
    const below = waiting.pop() as string
    if (below === id) throw refuse('a group cannot be in itself, neither directly nor through other groups')
    if (seen.has(below)) continue
    seen.add(below)
    const group = await groupById(tx, below)
    if (!group) throw refuse(`there is no group with the id "${below}"`)
    waiting.push(...group.subgroups)
    await slices.pause()
  }
}

async function setMembers(
  { view }: Identity,
  tx: Transaction,
  group: GroupRecord,
  wanted: readonly string[],
): Promise<void> {
  // The record of the group is written in the same commit, so that two writes of members cannot mix.
  const now = new Set(await view.list(at.members(group.id, group.generation)))
  const next = new Set(wanted)
  const joins = [...next].filter((id) => !now.has(id))
  const leaves = [...now].filter((id) => !next.has(id))
  if (joins.length + leaves.length > most.members)
    throw refuse(`one request changes ${most.members} members at most: use several`)
  const slices = new Slices()
  for (const id of joins) {
    if (!(await entityById(tx, id))) throw refuse(`there is no entity with the id "${id}"`)
    join(tx, group, id)
    await slices.pause()
  }
  for (const id of leaves) leave(tx, group, id)
}

/** Removes a group. Its memberships end in the same commit; their records are removed later. */
export async function removeGroup({ view }: Identity, tx: Transaction, group: GroupRecord): Promise<void> {
  const { id, name, alias, subgroups, generation } = group
  tx.del(at.group(id))
  tx.del(at.groupName(name))
  if (alias) {
    tx.del(at.groupAlias(alias.id))
    tx.del(at.groupAliasName(alias.mountAccessor, alias.name))
  }
  for (const below of subgroups) tx.del(at.parents(below) + id)
  tx.unchanged(at.parents(id))
  for (const above of await view.list(at.parents(id))) {
    const parent = await tx.get(at.group(above), groupShape)
    tx.del(at.parents(id) + above)
    if (parent) tx.put(at.group(above), { ...parent, subgroups: parent.subgroups.filter((one) => one !== id) })
  }
  tx.put(at.cleanup(id, generation), true)
}
