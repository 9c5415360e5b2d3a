import { Fault, refuse } from '../../contract/fault.ts'
import type { Transaction } from '../../contract/view.ts'
import type { Identity } from './identity.ts'
import { leave } from './memberships.ts'
import { atMfa } from './mfa/records.ts'
import { at, automaticName, isId } from './names.ts'
import { entityShape, membershipShape, pointerShape } from './records.ts'
import type { AliasRecord, EntityRecord } from './records.ts'

/** A new entity with an id only, not stored yet. */
export function freshEntity({ clock, uuid }: Identity): EntityRecord {
  const now = clock.now()
  return {
    id: uuid(),
    name: '',
    metadata: null,
    policies: [],
    disabled: false,
    createdAt: now,
    updatedAt: now,
    mergedIds: [],
    aliases: [],
  }
}

/** A new alias, not stored yet. */
export function freshAlias(
  { clock, uuid }: Identity,
  alias: Pick<AliasRecord, 'name' | 'mountAccessor' | 'metadata'> & Partial<Pick<AliasRecord, 'customMetadata'>>,
): AliasRecord {
  const now = clock.now()
  return { customMetadata: {}, ...alias, id: uuid(), createdAt: now, updatedAt: now, mergedFrom: [] }
}

/** Stores a new entity, without the indexes of its aliases, and generates a missing name. @throws Fault invalid_request when the name is taken */
export async function newEntity(
  { random, namespace }: Identity,
  tx: Transaction,
  entity: EntityRecord,
): Promise<EntityRecord> {
  let { name } = entity
  while (name === '') {
    const free = automaticName('entity', namespace, random)
    if (!(await tx.get(at.entityName(free), pointerShape))) name = free
  }
  const named = { ...entity, name }
  await putName(tx, named, undefined)
  tx.put(at.entity(named.id), named)
  return named
}

/** Replaces an entity, including the index of its name. @throws Fault invalid_request when the name is taken */
export async function putEntity(tx: Transaction, old: EntityRecord, next: EntityRecord): Promise<void> {
  await putName(tx, next, old.name)
  tx.put(at.entity(next.id), next)
}

async function putName(tx: Transaction, { id, name }: EntityRecord, before: string | undefined): Promise<void> {
  const key = at.entityName(name)
  const owner = await tx.get(key, pointerShape)
  if (owner && owner.id !== id) throw refuse(`the name "${name}" belongs to another entity`)
  if (before !== undefined && at.entityName(before) !== key) tx.del(at.entityName(before))
  if (!owner) tx.put(key, { id })
}

/** The entity with an id; undefined if there is none. */
export async function entityById(tx: Pick<Transaction, 'get'>, id: string): Promise<EntityRecord | undefined> {
  return isId(id) ? tx.get(at.entity(id), entityShape) : undefined
}

/** The entity with a name, case-insensitive. */
export async function entityByName(tx: Pick<Transaction, 'get'>, name: string): Promise<EntityRecord | undefined> {
  const pointer = await tx.get(at.entityName(name), pointerShape)
  return pointer && entityById(tx, pointer.id)
}

/** An alias with its entity. */
interface OwnedAlias {
  readonly entity: EntityRecord
  readonly alias: AliasRecord
}

/** The alias with an id, and its entity. In a transaction, because two separate reads may be inconsistent. */
export async function entityOfAlias(tx: Transaction, id: string): Promise<OwnedAlias | undefined> {
  const pointer = isId(id) ? await tx.get(at.alias(id), pointerShape) : undefined
  const entity = pointer && (await entityById(tx, pointer.id))
  const alias = entity?.aliases.find((one) => one.id === id)
  if (pointer && (!entity || !alias)) throw new Fault('internal', 'an entity alias is damaged; restore a backup')
  return entity && alias && { entity, alias }
}

/** The same in a transaction of its own. */
export async function findAlias({ view }: Identity, id: string): Promise<OwnedAlias | undefined> {
  return view.transaction(async (tx) => entityOfAlias(tx, id))
}

/** Writes the index entries of an alias. */
export function writeAlias(tx: Transaction, entity: string, { id, mountAccessor, name }: AliasRecord): void {
  tx.put(at.alias(id), { id: entity })
  tx.put(at.aliasName(mountAccessor, name), { id: entity })
}

/** Removes the index entries of an alias. */
export function dropAlias(tx: Transaction, { id, mountAccessor, name }: AliasRecord): void {
  tx.del(at.alias(id))
  tx.del(at.aliasName(mountAccessor, name))
}

/** The groups of an entity, guarded: the commit fails if the entity joins or leaves a group in the meantime. */
export async function guardedGroups(
  { view }: Identity,
  tx: Transaction,
  entity: string,
): Promise<{ readonly id: string; readonly generation: number }[]> {
  tx.unchanged(at.groupsOf(entity))
  const memberships = []
  for (const id of await view.list(at.groupsOf(entity))) {
    const membership = await tx.get(at.groupsOf(entity) + id, membershipShape)
    if (membership) memberships.push({ id, generation: membership.generation })
  }
  return memberships
}

/** Removes an entity with its aliases and memberships. Its tokens are refused from then on. */
export async function removeEntity(identity: Identity, tx: Transaction, entity: EntityRecord): Promise<void> {
  tx.del(at.entity(entity.id))
  tx.del(at.entityName(entity.name))
  tx.del(atMfa.entity(entity.id))
  for (const alias of entity.aliases) dropAlias(tx, alias)
  for (const id of entity.mergedIds) tx.del(at.merged(id))
  for (const membership of await guardedGroups(identity, tx, entity.id)) leave(tx, membership, entity.id)
}
