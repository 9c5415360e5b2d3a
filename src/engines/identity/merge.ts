import { refuse } from '../../contract/fault.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { Transaction } from '../../contract/view.ts'
import { dropAlias, entityById, guardedGroups, writeAlias } from './entities.ts'
import type { Identity } from './identity.ts'
import { join, leave } from './memberships.ts'
import { atMfa } from './mfa/records.ts'
import { at } from './names.ts'
import { groupShape } from './records.ts'
import type { AliasRecord, EntityRecord } from './records.ts'

/** The parameters of a merge. */
interface Merge {
  /** The ids of the entities that go. */
  readonly from: readonly string[]
  /** The id of the entity that stays. */
  readonly to: string
  /** The ids of the aliases that stay where two entities have one of the same mount. */
  readonly keep: readonly string[]
}

const most = 1000

/**
 * Gives one entity the aliases and memberships of others, which are removed; their tokens become its tokens. Policies and
 * metadata of the others are gone. One commit: a crash leaves all or nothing of it.
 * @param mayChange judges whether the caller may change an entity; throws permission_denied
 * @throws Fault invalid_request; with the aliases that exclude each other as its payload
 */
export async function merge(
  identity: Identity,
  tx: Transaction,
  { from, to, keep }: Merge,
  mayChange: (entity: EntityRecord) => void,
): Promise<void> {
  const ids = [...new Set(from)]
  if (ids.length === 0) throw refuse('missing entity ids: from_entity_ids names those to be merged')
  if (ids.length > most) throw refuse(`one request merges ${most} entities at most: use several`)
  const target = await entityById(tx, to)
  if (!target) throw refuse('there is no entity with the id in to_entity_id')
  mayChange(target)
  const others: EntityRecord[] = []
  for (const id of ids) {
    if (id === to) throw refuse('to_entity_id cannot be among from_entity_ids')
    const entity = await entityById(tx, id)
    if (!entity) throw refuse(`there is no entity with the id "${id}" in from_entity_ids`)
    // Its tokens and logins would work again as those of the other one.
    if (entity.disabled && !target.disabled)
      throw refuse(`the entity "${id}" is disabled: enable it first, or remove it`)
    mayChange(entity)
    others.push(entity)
  }
  const lost = lostAliases(identity, [target, ...others], keep)
  for (const alias of lost) dropAlias(tx, alias)
  const moved = others.flatMap(({ id, aliases }) =>
    aliases.filter((alias) => !lost.has(alias)).map((alias) => ({ ...alias, mergedFrom: [...alias.mergedFrom, id] })),
  )
  for (const alias of moved) writeAlias(tx, to, alias)
  for (const entity of others) await dissolve(identity, tx, entity, to)
  tx.put(at.entity(to), {
    ...target,
    aliases: [...target.aliases.filter((alias) => !lost.has(alias)), ...moved],
    mergedIds: [...target.mergedIds, ...others.flatMap(({ id, mergedIds }) => [...mergedIds, id])],
    updatedAt: identity.clock.now(),
  })
}

/** Those that go where several aliases are of one mount. @throws Fault invalid_request when it is not clear which one stays */
function lostAliases(identity: Identity, entities: readonly EntityRecord[], keep: readonly string[]): Set<AliasRecord> {
  const byMount = new Map<string, { readonly alias: AliasRecord; readonly entity: EntityRecord }[]>()
  for (const entity of entities)
    for (const alias of entity.aliases)
      byMount.set(alias.mountAccessor, [...(byMount.get(alias.mountAccessor) ?? []), { alias, entity }])
  const conflicts = [...byMount.values()].filter(({ length }) => length > 1)
  const kept = new Set(keep)
  const lost = new Set<AliasRecord>()
  for (const conflict of conflicts) {
    const staying = conflict.filter(({ alias }) => kept.has(alias.id))
    if (staying.length !== 1) throw conflicting(identity, conflicts.flat())
    for (const { alias } of conflict) if (alias !== staying[0]?.alias) lost.add(alias)
  }
  return lost
}

function conflicting(
  identity: Identity,
  conflicts: readonly { readonly alias: AliasRecord; readonly entity: EntityRecord }[],
) {
  const mounts = identity.mounts()
  const aliases = conflicts.map(({ alias, entity }) => {
    const mount = mounts.get(alias.mountAccessor)
    return {
      alias: alias.name,
      entity: entity.name,
      entity_id: entity.id,
      mount: mount?.type ?? '',
      mount_path: mount ? apiPathOf(mount) : '',
    }
  })
  const text =
    'toEntity and at least one fromEntity have aliases of the same mount: name those to keep in conflicting_alias_ids_to_keep'
  return refuse(text, { data: { aliases } })
}

/** Removes an entity whose aliases have moved, and moves its memberships and its tokens. */
async function dissolve(identity: Identity, tx: Transaction, { id, name, mergedIds }: EntityRecord, to: string) {
  for (const { id: groupId, generation } of await guardedGroups(identity, tx, id)) {
    leave(tx, { id: groupId, generation }, id)
    const group = await tx.get(at.group(groupId), groupShape)
    if (group?.generation !== generation) continue
    join(tx, group, to)
    // Whoever sets the members of the group at the same time begins again.
    tx.put(at.group(groupId), { ...group, modifyIndex: group.modifyIndex + 1 })
  }
  tx.del(at.entity(id))
  tx.del(at.entityName(name))
  // Its second factors go with it: those of the other one count.
  tx.del(atMfa.entity(id))
  for (const merged of [...mergedIds, id]) tx.put(at.merged(merged), { id: to })
}
