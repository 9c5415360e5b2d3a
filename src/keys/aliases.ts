import { refuse } from '../contract/fault.ts'
import type { Transaction } from '../contract/view.ts'
import type { KeyRecord } from './record.ts'
import { mustBeAlias, mustLeaveRoom } from './rules.ts'
import { aliasOwner, keyWithUuid, putKey, withoutAlias } from './stored-keys.ts'

/** The message without a key of this uuid. */
export const noSuchUuid = 'there is no key with this uuid'

/**
 * Adds an alias to a key. With `move` it is removed from another key that has it.
 * @throws Fault invalid_request if there is no such key, for an invalid alias, and for the alias of another key without `move`
 */
export async function giveAlias(tx: Transaction, alias: string, uuid: string, move: boolean): Promise<KeyRecord> {
  mustBeAlias(alias)
  return changeAliases(tx, uuid, async (key) => {
    if (key.aliases.includes(alias)) return key
    const other = await aliasOwner(tx, alias)
    if (other) {
      if (!move) throw refuse(`the alias ${alias} belongs to another key of this mount`)
      await putKey(tx, other, withoutAlias(other, alias))
    }
    return { ...key, aliases: [...key.aliases, alias] }
  })
}

/** Removes an alias from a key, if the key has it. @throws Fault invalid_request if there is no such key */
export async function takeAlias(tx: Transaction, alias: string, uuid: string): Promise<KeyRecord> {
  return changeAliases(tx, uuid, async (key) => (key.aliases.includes(alias) ? withoutAlias(key, alias) : key))
}

async function changeAliases(
  tx: Transaction,
  uuid: string,
  change: (key: KeyRecord) => Promise<KeyRecord>,
): Promise<KeyRecord> {
  const key = await keyWithUuid(tx, uuid)
  if (!key) throw refuse(noSuchUuid)
  const changed = await change(key)
  if (changed === key) return key
  mustLeaveRoom(key, changed)
  await putKey(tx, key, changed)
  return changed
}
