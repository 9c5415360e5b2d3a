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
  /** The ids of the entities to merge, which are removed. */
  readonly from: readonly string[]
  /** The id of the entity to merge into. */
  readonly to: string
  /** The ids of the aliases to keep where several entities have one of the same mount. */
  readonly keep: readonly string[]
}

const maxEntities = 1000

/**
 * Merges entities into one, which gets their aliases, memberships and tokens. Their policies and metadata are lost. It is one
 * commit, so a crash leaves either all or nothing of it.
 * @param mayChange checks that the caller may change an entity; throws permission_denied
 * @throws Fault invalid_request; with the conflicting aliases as its payload
 */
export async function merge(
  identity: Identity,
  tx: Transaction,
  { from, to, keep }: Merge,
  mayChange: (entity: EntityRecord) => void,
): Promise<void> {
  const ids = [...new Set(from)]
  if (ids.length === 0) throw refuse('missing entity ids: from_entity_ids has the entities to merge')
  if (ids.length > maxEntities)
    throw refuse(`one request can merge at most ${maxEntities} entities: send several requests`)
  const target = await entityById(tx, to)
  if (!target) throw refuse('there is no entity with the id in to_entity_id')
  mayChange(target)
  const others: EntityRecord[] = []
  for (const id of ids) {
    if (id === to) throw refuse('to_entity_id cannot be among from_entity_ids')
    const entity = await entityById(tx, id)
    if (!entity) throw refuse(`there is no entity with the id "${id}" in from_entity_ids`)
    // Otherwise its tokens and logins would be valid again, as those of the target.
    if (entity.disabled && !target.disabled)
      throw refuse(`the entity "${id}" is disabled: enable it first, or remove it`)
    mayChange(entity)
    others.push(entity)
  }
  const dropped = droppedAliases(identity, [target, ...others], keep)
  for (const alias of dropped) dropAlias(tx, alias)
  const moved = others.flatMap(({ id, aliases }) =>
    aliases
      .filter((alias) => !dropped.has(alias))
      .map((alias) => ({ ...alias, mergedFrom: [...alias.mergedFrom, id] })),
  )
  for (const alias of moved) writeAlias(tx, to, alias)
  for (const entity of others) await removeMerged(identity, tx, entity, to)
  tx.put(at.entity(to), {
    ...target,
    aliases: [...target.aliases.filter((alias) => !dropped.has(alias)), ...moved],
    mergedIds: [...target.mergedIds, ...others.flatMap(({ id, mergedIds }) => [...mergedIds, id])],
    updatedAt: identity.clock.now(),
  })
}

/** The aliases to drop where several are of one mount. @throws Fault invalid_request unless exactly one of them is to be kept */
function droppedAliases(
  identity: Identity,
  entities: readonly EntityRecord[],
  keep: readonly string[],
): Set<AliasRecord> {
  const byMount = new Map<string, { readonly alias: AliasRecord; readonly entity: EntityRecord }[]>()
  for (const entity of entities)
    for (const alias of entity.aliases)
      byMount.set(alias.mountAccessor, [...(byMount.get(alias.mountAccessor) ?? []), { alias, entity }])
  const conflicts = [...byMount.values()].filter(({ length }) => length > 1)
  const keepIds = new Set(keep)
  const dropped = new Set<AliasRecord>()
  for (const conflict of conflicts) {
    const [kept, ...more] = conflict.filter(({ alias }) => keepIds.has(alias.id))
    if (!kept || more.length > 0) throw conflicting(identity, conflicts.flat())
    for (const { alias } of conflict) if (alias !== kept.alias) dropped.add(alias)
  }
  return dropped
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

/** Moves the memberships and tokens of a merged entity to the target, and removes the entity. */
async function removeMerged(identity: Identity, tx: Transaction, { id, name, mergedIds }: EntityRecord, to: string) {
  for (const { id: groupId, generation } of await guardedGroups(identity, tx, id)) {
    leave(tx, { id: groupId, generation }, id)
    const group = await tx.get(at.group(groupId), groupShape)
    if (group?.generation !== generation) continue
    join(tx, group, to)
    // A concurrent write of the group's members conflicts and is retried.
    tx.put(at.group(groupId), { ...group, modifyIndex: group.modifyIndex + 1 })
  }
  tx.del(at.entity(id))
  tx.del(at.entityName(name))
  // Its second factors are removed too: those of the target apply.
  tx.del(atMfa.entity(id))
  for (const merged of [...mergedIds, id]) tx.put(at.merged(merged), { id: to })
}
