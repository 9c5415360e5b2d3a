import type { Transaction, View } from '../contract/view.ts'
import { isName, isObject, isOneOf, shapeOf } from '../util/stored/shape.ts'
import { othersTurn } from '../util/slices.ts'
import { isAlias } from './rules.ts'
import type { KeyRecord } from './record.ts'

// `uuid/<uuid>` has the name of a key, `alias/<alias>` its uuid. Both change in one commit with the key. Lookups
// compare them with the key's record: an older release may have removed a key without its entries.

/** `uuid/<uuid>`. */
interface NameEntry {
  readonly name: string
}

/** `alias/<alias>`. */
interface AliasEntry {
  readonly uuid: string
}

const nameShape = shapeOf<NameEntry>('the name of a key', { name: isName })
const aliasShape = shapeOf<AliasEntry>('the uuid of a key', { uuid: isName })
const completeShape = shapeOf<{ readonly format: 1 }>('the state of the index of keys', { format: isOneOf(1) })
const completeRecord = 'config/indexed'

const uuidPattern = /^[\w-]{1,64}$/
/** Keys that are read in one transaction when old keys get their entries. */
const batch = 100

const uuidAt = (uuid: string): string => `uuid/${uuid}`
/** One segment, with any slashes of the alias encoded. */
const aliasAt = (alias: string): string => `alias/${encodeURIComponent(alias)}`

/** Reads of records, in a transaction or outside of one. */
type Reader = Pick<Transaction, 'get'>

/** The name of the key with this uuid, as the index has it. */
export async function nameOf(reader: Reader, uuid: string): Promise<string | undefined> {
  return uuidPattern.test(uuid) ? (await reader.get(uuidAt(uuid), nameShape))?.name : undefined
}

/** The uuid of the key with this alias, as the index has it. */
export async function uuidOfAlias(reader: Reader, alias: string): Promise<string | undefined> {
  return isAlias(alias) ? (await reader.get(aliasAt(alias), aliasShape))?.uuid : undefined
}

/** Writes the changes of the index for a stored key. The caller has checked that its new aliases are free. */
export async function putEntries(tx: Transaction, before: KeyRecord | undefined, after: KeyRecord): Promise<void> {
  const { uuid, name } = after
  if ((await nameOf(tx, uuid)) !== name) tx.put(uuidAt(uuid), { name } satisfies NameEntry)
  if (before?.aliases === after.aliases) return
  for (const alias of before?.aliases ?? []) if (!after.aliases.includes(alias)) await dropAlias(tx, alias, uuid)
  for (const alias of after.aliases) tx.put(aliasAt(alias), { uuid } satisfies AliasEntry)
}

/** Removes the entries of a key that is removed. Its record may be damaged. */
export async function dropEntries(
  tx: Transaction,
  { uuid, aliases }: Pick<KeyRecord, 'uuid' | 'aliases'>,
): Promise<void> {
  tx.del(uuidAt(uuid))
  for (const alias of Array.isArray(aliases) ? aliases : []) await dropAlias(tx, String(alias), uuid)
}

async function dropAlias(tx: Transaction, alias: string, uuid: string): Promise<void> {
  if ((await uuidOfAlias(tx, alias)) === uuid) tx.del(aliasAt(alias))
}

/** Whether every key of the mount is in the index: keys of older releases get their entries later. */
export async function isComplete(view: View): Promise<boolean> {
  return (await view.get(completeRecord, completeShape)) !== undefined
}

/** Writes the entry of every stored key. Other requests are served meanwhile; after a crash the next call does the rest. */
export async function completeIndex(view: View): Promise<void> {
  let after: string | undefined
  for (;;) {
    const names = await view.list('key/', { limit: batch, ...(after !== undefined && { after }) })
    if (names.length === 0) break
    await view.transaction(async (tx) => addMissing(tx, names))
    after = names.at(-1)
    await othersTurn()
  }
  await view.put(completeRecord, { format: 1 })
}

async function addMissing(tx: Transaction, names: readonly string[]): Promise<void> {
  for (const name of names) {
    // Read without a shape: a damaged record of one key must not hide the others.
    const record = await tx.get(`key/${name}`)
    const uuid = isObject(record) ? record['uuid'] : undefined
    if (typeof uuid !== 'string' || !uuidPattern.test(uuid)) continue
    if ((await nameOf(tx, uuid)) !== name) tx.put(uuidAt(uuid), { name } satisfies NameEntry)
  }
}
