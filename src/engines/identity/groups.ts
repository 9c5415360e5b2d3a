import { refuse } from '../../contract/fault.ts'
import type { Transaction } from '../../contract/view.ts'
import { Slices } from '../../util/slices.ts'
import { entityById } from './entities.ts'
import type { Identity } from './identity.ts'
import { join, leave } from './memberships.ts'
import { at, automaticName, checkedMetadata, checkedName, checkedPolicies, isId } from './names.ts'
import { groupShape, pointerShape } from './records.ts'
import type { GroupRecord, Metadata } from './records.ts'

/** The parameters of a write of a group; undefined: not sent. */
interface GroupChange {
  readonly name: string | undefined
  readonly type: string | undefined
  readonly metadata: Metadata | undefined
  readonly policies: readonly string[] | undefined
  readonly memberEntities: readonly string[] | undefined
  readonly memberGroups: readonly string[] | undefined
}

/** The group with an id; undefined if there is none. */
export async function groupById(tx: Pick<Transaction, 'get'>, id: string): Promise<GroupRecord | undefined> {
  return isId(id) ? tx.get(at.group(id), groupShape) : undefined
}

/** The group with a name, case-insensitive. */
export async function groupByName(tx: Pick<Transaction, 'get'>, name: string): Promise<GroupRecord | undefined> {
  const pointer = await tx.get(at.groupName(name), pointerShape)
  return pointer && groupById(tx, pointer.id)
}

/** A new group with an id and a type only, not stored yet. */
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

/** Creates or changes a group. @throws Fault invalid_request */
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
  if (memberGroups) await putParents(tx, before, next)
  if (memberEntities) await setMembers(identity, tx, next, memberEntities)
  return next
}

/** The members to set; undefined: unchanged. @throws Fault invalid_request for members of an external group */
function membersOf(
  { memberEntities, memberGroups }: GroupChange,
  type: GroupRecord['type'],
): Pick<GroupChange, 'memberEntities' | 'memberGroups'> {
  if (type === 'internal') return { memberEntities, memberGroups }
  if ([memberEntities, memberGroups].some((members) => members && members.length > 0))
    throw refuse('the members of an external group come from its alias and cannot be set')
  return { memberEntities: undefined, memberGroups: undefined }
}

function typeOf(type: string | undefined, old: GroupRecord | undefined): GroupRecord['type'] {
  const next = type || (old?.type ?? 'internal')
  if (next !== 'internal' && next !== 'external') throw refuse(`invalid group type "${next}"`)
  if (old && old.type !== next) throw refuse(`group type cannot be changed: this group is ${old.type}`)
  return next
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

const limits = { members: 10_000, groups: 1000 } as const

/** Updates the parent index of subgroups. @throws Fault invalid_request for a cycle, or a group that does not exist */
async function putParents(tx: Transaction, before: GroupRecord, next: GroupRecord): Promise<void> {
  if (next.subgroups.length > limits.groups) throw refuse(`a group can have at most ${limits.groups} subgroups`)
  await refuseCycle(tx, next)
  for (const id of before.subgroups) if (!next.subgroups.includes(id)) tx.del(at.parents(id) + next.id)
  for (const id of next.subgroups) if (!before.subgroups.includes(id)) tx.put(at.parents(id) + next.id, true)
}

/** Reads every group below in the transaction, so that a concurrent change of one of them makes the commit fail. */
async function refuseCycle(tx: Transaction, { id, subgroups }: GroupRecord): Promise<void> {
  const seen = new Set<string>()
  const slices = new Slices()
  for (const queue = [...subgroups]; queue.length > 0;) {
    const below = queue.pop() as string
    if (below === id) throw refuse('a group cannot contain itself, neither directly nor through other groups')
    if (seen.has(below)) continue
    seen.add(below)
    const group = await groupById(tx, below)
    if (!group) throw refuse(`there is no group with the id "${below}"`)
    queue.push(...group.subgroups)
    await slices.pause()
  }
}

async function setMembers(
  { view }: Identity,
  tx: Transaction,
  group: GroupRecord,
  members: readonly string[],
): Promise<void> {
  // The record of the group is written in the same commit, so that concurrent writes of members conflict.
  const current = new Set(await view.list(at.members(group.id, group.generation)))
  const next = new Set(members)
  const joins = [...next].filter((id) => !current.has(id))
  const leaves = [...current].filter((id) => !next.has(id))
  if (joins.length + leaves.length > limits.members)
    throw refuse(`one request can change at most ${limits.members} members: send several requests`)
  const slices = new Slices()
  for (const id of joins) {
    if (!(await entityById(tx, id))) throw refuse(`there is no entity with the id "${id}"`)
    join(tx, group, id)
    await slices.pause()
  }
  for (const id of leaves) leave(tx, group, id)
}

/** Removes a group. Its memberships become invalid in the same commit; their records are removed later. */
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
