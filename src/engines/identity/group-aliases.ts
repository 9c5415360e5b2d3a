import { Fault, refuse } from '../../contract/fault.ts'
import type { Transaction } from '../../contract/view.ts'
import { freshGroup, groupById, setGroup } from './groups.ts'
import type { Identity } from './identity.ts'
import { at, checkedName, isAccessor, isId } from './names.ts'
import { pointerShape } from './records.ts'
import type { GroupAliasRecord, GroupRecord } from './records.ts'

/** A group with its alias. */
type AliasedGroup = GroupRecord & { readonly alias: GroupAliasRecord }

/** The parameters of a write of a group alias; '' if not sent. */
interface GroupAliasChange {
  readonly name: string
  readonly mountAccessor: string
  /** The id of the group. */
  readonly canonicalId: string
}

/** The group of a group alias. In a transaction, because two separate reads may be inconsistent. */
export async function groupOfAlias(tx: Transaction, id: string): Promise<AliasedGroup | undefined> {
  const pointer = isId(id) ? await tx.get(at.groupAlias(id), pointerShape) : undefined
  const group = pointer && (await groupById(tx, pointer.id))
  if (pointer && group?.alias?.id !== id) throw new Fault('internal', 'a group alias is damaged; restore a backup')
  return group?.alias ? { ...group, alias: group.alias } : undefined
}

/** The same in a transaction of its own. */
export async function findGroupAlias({ view }: Identity, id: string): Promise<AliasedGroup | undefined> {
  return view.transaction(async (tx) => groupOfAlias(tx, id))
}

/**
 * Creates a group alias, or changes the one with an id. Without a group in `change`, a new group is created.
 * @param mayChange checks that the caller may change a group; throws permission_denied
 * @throws Fault invalid_request
 */
export async function setGroupAlias(
  identity: Identity,
  tx: Transaction,
  id: string | undefined,
  change: GroupAliasChange,
  mayChange: (group: GroupRecord) => void,
): Promise<AliasedGroup> {
  const old = id === undefined ? undefined : await mustBeAlias(tx, id)
  const name = mustBeComplete(identity, change)
  const taken = await tx.get(at.groupAliasName(change.mountAccessor, name), pointerShape)
  const canonicalId = change.canonicalId || (old?.id ?? taken?.id ?? '')
  if (taken && taken.id !== (old?.id ?? canonicalId)) throw refuse('another group has this alias')
  const group = canonicalId === '' ? await newGroup(identity, tx) : await mustBeExternal(tx, canonicalId)
  refuseSecond(group, old, taken?.id)
  mayChange(group)
  if (old && old.id !== group.id) {
    mayChange(old)
    dropGroupAlias(identity, tx, old)
  }
  return putAlias(identity, tx, group, { ...change, name }, old?.alias)
}

async function mustBeAlias(tx: Transaction, id: string): Promise<AliasedGroup> {
  const group = await groupOfAlias(tx, id)
  if (!group) throw refuse('invalid group alias ID')
  return group
}

/** @returns the name. @throws Fault invalid_request when a parameter is missing, or the mount does not exist */
function mustBeComplete(identity: Identity, change: GroupAliasChange): string {
  const name = checkedName(change.name)
  if (name === '') throw refuse('missing alias name')
  if (change.mountAccessor === '') throw refuse('missing mount_accessor')
  identity.mustBeMount(change.mountAccessor)
  return name
}

/**
 * @param owner the group that has an alias of this mount and name already
 * @throws Fault invalid_request when the group would have two aliases
 */
function refuseSecond({ id, alias }: GroupRecord, old: AliasedGroup | undefined, owner: string | undefined): void {
  const isOwn = old ? alias?.id === old.alias.id : id === owner
  if (alias && !isOwn) throw refuse('the group already has an alias: change that one, or remove it first')
}

async function newGroup(identity: Identity, tx: Transaction): Promise<GroupRecord> {
  const { name, type, metadata, policies } = freshGroup(identity, 'external')
  const change = { name, type, metadata: metadata ?? undefined, policies: policies ?? undefined }
  return setGroup(identity, tx, undefined, { ...change, memberEntities: undefined, memberGroups: undefined })
}

function putAlias(
  { clock, uuid }: Identity,
  tx: Transaction,
  group: GroupRecord,
  { name, mountAccessor }: GroupAliasChange,
  moved: GroupAliasRecord | undefined,
): AliasedGroup {
  const now = clock.now()
  const before = moved ?? group.alias ?? { id: uuid(), createdAt: now }
  const alias = { id: before.id, createdAt: before.createdAt, name, mountAccessor, updatedAt: now }
  const isSame = group.alias?.name === name && group.alias.mountAccessor === mountAccessor
  if (group.alias) tx.del(at.groupAliasName(group.alias.mountAccessor, group.alias.name))
  const next = {
    ...(isSame ? group : withNewGeneration(tx, group)),
    alias,
    updatedAt: now,
    modifyIndex: group.modifyIndex + 1,
  }
  tx.put(at.group(group.id), next)
  tx.put(at.groupAlias(alias.id), { id: group.id })
  tx.put(at.groupAliasName(mountAccessor, name), { id: group.id })
  return next
}

/** The group in a new generation, without members: memberships by another alias must not remain valid (CVE-2020-10660). */
function withNewGeneration(tx: Transaction, group: GroupRecord): GroupRecord {
  tx.put(at.cleanup(group.id, group.generation), true)
  return { ...group, generation: group.generation + 1 }
}

/** Removes the alias of a group, and with it all its members. */
export function dropGroupAlias({ clock }: Identity, tx: Transaction, group: AliasedGroup): void {
  const { id, mountAccessor, name } = group.alias
  tx.del(at.groupAlias(id))
  tx.del(at.groupAliasName(mountAccessor, name))
  const modifyIndex = group.modifyIndex + 1
  tx.put(at.group(group.id), { ...withNewGeneration(tx, group), alias: null, updatedAt: clock.now(), modifyIndex })
}

/** Removes all group aliases of a mount. A call after a crash continues. */
export async function removeGroupAliasesOf(identity: Identity, accessor: string): Promise<void> {
  if (!isAccessor(accessor)) return
  for (const name of await identity.view.list(`group-alias-name/${accessor}/`))
    await identity.view.transaction(async (tx) => {
      const pointer = await tx.get(`group-alias-name/${accessor}/${name}`, pointerShape)
      const group = pointer && (await groupById(tx, pointer.id))
      tx.del(`group-alias-name/${accessor}/${name}`)
      if (group?.alias?.mountAccessor === accessor) dropGroupAlias(identity, tx, { ...group, alias: group.alias })
    })
}

async function mustBeExternal(tx: Transaction, id: string): Promise<GroupRecord> {
  const group = await groupById(tx, id)
  if (!group) throw refuse('there is no group with this canonical_id')
  if (group.type !== 'external') throw refuse('only external groups can have an alias: this group is internal')
  return group
}
