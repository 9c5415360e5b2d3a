import { Fault } from '../../contract/fault.ts'
import type { Arrival } from '../../contract/identity.ts'
import type { Transaction } from '../../contract/view.ts'
import { freshAlias, freshEntity, newEntity, writeAlias } from './entities.ts'
import type { Identity } from './identity.ts'
import { directGroups, join, leave } from './memberships.ts'
import { at, checkedName, isEncodable } from './names.ts'
import { entityShape, groupShape, pointerShape } from './records.ts'
import type { EntityRecord, GroupRecord, Metadata } from './records.ts'

/** The id of the entity of a login. The first login creates the entity; later ones write only changes. */
export async function arrive(identity: Identity, arrival: Arrival): Promise<string> {
  const { mountAccessor, groups } = arrival
  const entity = (await unchangedEntity(identity, arrival)) ?? (await putArrival(identity, arrival))
  if (groups && !entity.disabled) await regroup(identity, entity.id, mountAccessor, groups)
  return entity.id
}

/** The entity of a login that needs no write; undefined: it needs one. */
async function unchangedEntity({ view }: Identity, arrival: Arrival): Promise<EntityRecord | undefined> {
  const pointer = await view.get(at.aliasName(arrival.mountAccessor, arrival.name), pointerShape)
  const entity = pointer && (await view.get(at.entity(pointer.id), entityShape))
  if (!entity || entity.disabled) return entity
  // Without the alias: it was merged or changed between the two reads.
  const alias = aliasIn(entity, arrival)
  return alias && isSame(alias.metadata, arrival.metadata) ? entity : undefined
}

/** Creates the entity and its alias, or updates the metadata of the alias, in one commit. */
async function putArrival(identity: Identity, arrival: Arrival): Promise<EntityRecord> {
  const { view, clock } = identity
  const { mountAccessor, name, metadata } = arrival
  return view.transaction(async (tx) => {
    const pointer = await tx.get(at.aliasName(mountAccessor, name), pointerShape)
    if (!pointer) {
      const alias = freshAlias(identity, { name: checkedName(name), mountAccessor, metadata })
      const entity = await newEntity(identity, tx, { ...freshEntity(identity), aliases: [alias] })
      writeAlias(tx, entity.id, alias)
      return entity
    }
    const entity = await tx.get(at.entity(pointer.id), entityShape)
    if (!entity) throw damaged()
    if (entity.disabled) return entity
    const alias = aliasIn(entity, arrival)
    if (!alias) throw damaged()
    const changed = { ...alias, metadata, updatedAt: clock.now() }
    const aliases = entity.aliases.map((one) => (one.id === changed.id ? changed : one))
    const next = { ...entity, aliases }
    tx.put(at.entity(entity.id), next)
    return next
  })
}

function aliasIn({ aliases }: EntityRecord, { mountAccessor, name }: Arrival) {
  return aliases.find((alias) => alias.mountAccessor === mountAccessor && alias.name === name)
}

const damaged = (): Fault =>
  new Fault('internal', 'the index of entity aliases does not match the entities; restore a backup')

function isSame(a: Metadata | null, b: Metadata): boolean {
  const [before, after] = [Object.entries(a ?? {}), Object.entries(b)]
  return before.length === after.length && after.every(([key, value]) => a !== null && a[key] === value)
}

/** Makes an entity a member of exactly the external groups of a mount that the login method reported. */
export async function regroup(
  { view }: Identity,
  entity: string,
  accessor: string,
  names: readonly string[],
): Promise<void> {
  const reported = new Set<string>()
  for (const name of new Set(names)) {
    if (name === '' || !isEncodable(name)) continue
    const pointer = await view.get(at.groupAliasName(accessor, name), pointerShape)
    if (pointer) reported.add(pointer.id)
  }
  const current = (await directGroups(view, entity)).filter(({ alias }) => alias?.mountAccessor === accessor)
  const joins = [...reported].filter((id) => !current.some((group) => group.id === id))
  const leaves = current.filter(({ id }) => !reported.has(id))
  if (joins.length === 0 && leaves.length === 0) return
  await view.transaction(async (tx) => {
    if (!(await tx.get(at.entity(entity), entityShape))) return
    for (const { id } of leaves) {
      const group = await tx.get(at.group(id), groupShape)
      if (group) leave(tx, group, entity)
    }
    for (const id of joins) {
      const group = await aliasedGroup(tx, id, accessor)
      if (group && names.includes(group.alias?.name ?? '')) join(tx, group, entity)
    }
  })
}

/** The group, if it still has an alias of the mount. */
async function aliasedGroup(tx: Transaction, id: string, accessor: string): Promise<GroupRecord | undefined> {
  const group = await tx.get(at.group(id), groupShape)
  return group?.alias?.mountAccessor === accessor ? group : undefined
}
