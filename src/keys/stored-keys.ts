import { Fault, refuse } from '../contract/fault.ts'
import type { Transaction } from '../contract/view.ts'
import { isTime, shapeOf } from '../util/stored/shape.ts'
import { dropEntries, nameOf, putEntries, uuidOfAlias } from './key-index.ts'
import { storedKey, upgraded } from './record.ts'
import type { KeyRecord } from './record.ts'
import { isKeyName, mustBeKey } from './rules.ts'
import { purgeAt } from './state.ts'
import { usageAt } from './usage-counter.ts'

/** Aliases of one key; as many as clouds allow. */
const mostAliases = 50

/** When something is to happen to a key by itself, epoch milliseconds. */
interface Due {
  readonly at: number
}

/** Its shape. */
export const dueShape = shapeOf<Due>('the time at which something happens to a key', { at: isTime })

/** When a key is to be rotated by itself; undefined for never. */
export function dueAt({
  autoRotatePeriod,
  state,
  origin,
  importRotates,
  versions,
  latest,
}: KeyRecord): number | undefined {
  if (autoRotatePeriod === 0 || state.is !== 'enabled' || (origin === 'imported' && !importRotates)) return undefined
  return (versions[latest]?.createdAt ?? 0) + autoRotatePeriod * 1000
}

/** The key with this uuid, in a transaction. */
export async function keyWithUuid(tx: Transaction, uuid: string): Promise<KeyRecord | undefined> {
  const name = await nameOf(tx, uuid)
  const stored = name === undefined ? undefined : await tx.get(keyAt(name), storedKey)
  const key = stored && upgraded(stored)
  return key?.uuid === uuid ? key : undefined
}

/** The key that has an alias, in a transaction. */
export async function aliasOwner(tx: Transaction, alias: string): Promise<KeyRecord | undefined> {
  const uuid = await uuidOfAlias(tx, alias)
  const key = uuid === undefined ? undefined : await keyWithUuid(tx, uuid)
  return key?.aliases.includes(alias) ? key : undefined
}

/** The key without one of its aliases. */
export function withoutAlias(key: KeyRecord, alias: string): KeyRecord {
  return { ...key, aliases: key.aliases.filter((one) => one !== alias) }
}

/**
 * All writes to the storage go through here. @param before the key as it was stored
 * @throws Fault invalid_request for an invalid key, and for an alias of another key
 */
export async function putKey(tx: Transaction, before: KeyRecord | undefined, key: KeyRecord): Promise<void> {
  mustBeKey(key)
  if (key.aliases.length > mostAliases) throw refuse(`a key has at most ${mostAliases} aliases: remove one first`)
  for (const alias of key.aliases) {
    if (before?.aliases.includes(alias)) continue
    if (await aliasOwner(tx, alias)) throw refuse(`the alias ${alias} belongs to another key of this mount`)
  }
  await putEntries(tx, before, key)
  tx.put(keyAt(key.name), key)
  for (const [folder, at] of [
    ['rotation', dueAt(key)],
    ['purge', purgeAt(key)],
  ] as const) {
    if (at === undefined) tx.del(`${folder}/${key.name}`)
    else tx.put(`${folder}/${key.name}`, { at } satisfies Due)
  }
}

/** Removes a key with everything that leads to it. */
export async function deleteKey(tx: Transaction, key: KeyRecord): Promise<void> {
  const { name, uuid } = key
  await dropEntries(tx, key)
  for (const record of [keyAt(name), `rotation/${name}`, `purge/${name}`, usageAt(uuid)]) tx.del(record)
}

/** The record name of a key. @throws Fault unsupported_path for an invalid name */
export function keyAt(name: string): string {
  if (!isKeyName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `key/${name}`
}
