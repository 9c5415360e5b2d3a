import { refuse } from '../../contract/fault.ts'
import type { Transaction } from '../../contract/view.ts'
import { dropAlias, entityById, entityOfAlias, freshAlias, freshEntity, newEntity, writeAlias } from './entities.ts'
import type { Identity } from './identity.ts'
import { at, checkedName, isAccessor } from './names.ts'
import { pointerShape } from './records.ts'
import type { AliasRecord, EntityRecord, Metadata } from './records.ts'

/** The parameters of a write of an alias; undefined: not sent. */
interface AliasChange {
  readonly name: string | undefined
  readonly mountAccessor: string | undefined
  /** The id of the entity. */
  readonly canonicalId: string | undefined
  readonly customMetadata: Metadata | undefined
}

/** An alias and its entity after a write, and whether anything changed. */
export interface WrittenAlias {
  readonly alias: AliasRecord
  readonly entity: EntityRecord
  readonly changed: boolean
}

/** Checks that the caller may change an entity. @throws Fault permission_denied */
type MayChange = (entity: EntityRecord) => void

/** Creates an alias, or changes the one with the same mount and name. @throws Fault invalid_request */
export async function setAlias(
  identity: Identity,
  tx: Transaction,
  change: AliasChange,
  mayChange: MayChange,
): Promise<WrittenAlias> {
  const { name = '', mountAccessor = '' } = change
  if (name === '') throw refuse('missing alias name: it is the name of the entity in the login method')
  if (mountAccessor === '') throw refuse('missing mount_accessor: sys/auth lists the accessors of login methods')
  identity.mustBeMount(mountAccessor)
  const pointer = await tx.get(at.aliasName(mountAccessor, checkedName(name)), pointerShape)
  const entity = pointer && (await entityById(tx, pointer.id))
  const alias = entity?.aliases.find((one) => one.mountAccessor === mountAccessor && one.name === name)
  if (alias) return changeAlias(identity, tx, alias.id, change, mayChange)
  const { canonicalId = '', customMetadata = {} } = change
  const fresh = freshAlias(identity, { name, mountAccessor, metadata: null, customMetadata })
  if (canonicalId === '') {
    const owner = await newEntity(identity, tx, { ...freshEntity(identity), aliases: [fresh] })
    writeAlias(tx, owner.id, fresh)
    return { alias: fresh, entity: owner, changed: true }
  }
  const owner = await mustBeEntity(tx, canonicalId)
  mayChange(owner)
  return { alias: fresh, entity: addAlias(identity, tx, owner, fresh), changed: true }
}

/** Changes the alias with an id; another entity in `change` moves it there. @throws Fault invalid_request */
export async function changeAlias(
  identity: Identity,
  tx: Transaction,
  id: string,
  change: AliasChange,
  mayChange: MayChange,
): Promise<WrittenAlias> {
  const found = await entityOfAlias(tx, id)
  if (!found) throw refuse('invalid alias ID provided')
  const { alias, entity } = found
  mayChange(entity)
  const next: AliasRecord = {
    ...alias,
    name: checkedName(change.name || alias.name),
    mountAccessor: change.mountAccessor || alias.mountAccessor,
    customMetadata: change.customMetadata ?? alias.customMetadata,
    updatedAt: identity.clock.now(),
  }
  const owner = await entityById(tx, change.canonicalId || entity.id)
  if (!owner) throw refuse('there is no entity with the id in canonical_id')
  mayChange(owner)
  if (isUnchanged(alias, next) && owner.id === entity.id) return { alias, entity, changed: false }
  if (next.mountAccessor !== alias.mountAccessor) identity.mustBeMount(next.mountAccessor)
  await refuseTaken(tx, next)
  dropAlias(tx, alias)
  const rest = { ...entity, aliases: entity.aliases.filter((one) => one.id !== id) }
  if (owner.id !== entity.id) tx.put(at.entity(entity.id), rest)
  return { alias: next, entity: addAlias(identity, tx, owner.id === entity.id ? rest : owner, next), changed: true }
}

/** Removes an alias. */
export function removeAlias(tx: Transaction, entity: EntityRecord, alias: AliasRecord): void {
  dropAlias(tx, alias)
  tx.put(at.entity(entity.id), { ...entity, aliases: entity.aliases.filter(({ id }) => id !== alias.id) })
}

const batchSize = 100

/** Removes all aliases of a mount, in batches. A call after a crash continues. */
export async function removeAliasesOf({ view }: Identity, accessor: string): Promise<void> {
  if (!isAccessor(accessor)) return
  for (;;) {
    const names = await view.list(`alias-name/${accessor}/`, { limit: batchSize })
    if (names.length === 0) return
    await view.transaction(async (tx) => {
      for (const name of names) {
        const pointer = await tx.get(`alias-name/${accessor}/${name}`, pointerShape)
        const entity = pointer && (await entityById(tx, pointer.id))
        tx.del(`alias-name/${accessor}/${name}`)
        for (const alias of entity?.aliases.filter(({ mountAccessor }) => mountAccessor === accessor) ?? [])
          if (entity) removeAlias(tx, entity, alias)
      }
    })
  }
}

/** Adds an alias to an entity, which has at most one alias for each mount. */
function addAlias({ clock }: Identity, tx: Transaction, entity: EntityRecord, alias: AliasRecord): EntityRecord {
  if (entity.aliases.some(({ mountAccessor }) => mountAccessor === alias.mountAccessor))
    throw refuse('the entity already has an alias of this mount: change that one, or remove it first')
  const next = { ...entity, aliases: [...entity.aliases, alias], updatedAt: clock.now() }
  tx.put(at.entity(entity.id), next)
  writeAlias(tx, entity.id, alias)
  return next
}

async function mustBeEntity(tx: Transaction, id: string): Promise<EntityRecord> {
  const entity = await entityById(tx, id)
  if (!entity) throw refuse('invalid canonical ID')
  return entity
}

async function refuseTaken(tx: Transaction, { id, mountAccessor, name }: AliasRecord): Promise<void> {
  const pointer = await tx.get(at.aliasName(mountAccessor, name), pointerShape)
  const owner = pointer && (await entityById(tx, pointer.id))
  const taken = owner?.aliases.find((one) => one.mountAccessor === mountAccessor && one.name === name)
  if (taken && taken.id !== id) throw refuse('another alias of this mount has this name')
}

const isUnchanged = (a: AliasRecord, b: AliasRecord): boolean =>
  a.name === b.name &&
  a.mountAccessor === b.mountAccessor &&
  JSON.stringify(a.customMetadata) === JSON.stringify(b.customMetadata)
