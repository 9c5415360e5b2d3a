import type { Level } from 'level'
import { storageLimits } from '../../contract/storage.ts'
import type { Entry, ListOptions, Piece, Storage } from '../../contract/storage.ts'
import { behind, beyond, fold, revKey, revOf } from './keys.ts'

/** An open database: values with their revisions in front, by key. */
export type Db = Level<string, Uint8Array>

export const encodings = { keyEncoding: 'utf8', valueEncoding: 'view' } as const

const entryOf = (key: string, bytes: Uint8Array): Entry => ({ key, value: bytes.subarray(8), rev: revOf(bytes) })

/** Takes no snapshot of the database. */
export function readEntry(db: Db | undefined, key: string): Entry | undefined {
  const bytes = db?.getSync(key, encodings)
  return bytes && entryOf(key, bytes)
}

/** @param db the one in use at each step: it is closed and opened again after a failed write */
export async function listKeys(
  db: () => Db | undefined,
  prefix: string,
  { after, limit, delimiter }: ListOptions,
): Promise<readonly string[]> {
  const max = Math.min(limit, storageLimits.page)
  const found: string[] = []
  let from = after !== undefined && after > prefix ? behind(after, delimiter) : prefix
  for (let open = db(); found.length < max && open; open = db()) {
    // Each step reads a short run and lets go of its iterator: one that outlives writes makes 1.20 return stale data.
    const keys = await open
      .keys({
        gte: from > revKey ? from : `${revKey}\0`,
        lt: beyond(prefix),
        limit: delimiter === undefined ? max - found.length : 64,
      })
      .all()
    if (keys.length === 0) break
    const { names, next } = fold(keys, prefix, delimiter, from)
    for (const key of names) if (found.length < max && (after === undefined || key > after)) found.push(key)
    from = next
  }
  return found
}

/** To be called while nothing is written. `read` of the piece is right until the next write. */
export async function readRange(
  db: Db | undefined,
  { prefix, from, limit }: Parameters<Storage['entries']>[0],
): Promise<Piece> {
  const max = Math.min(limit, storageLimits.page)
  const range = { gte: from > prefix ? from : prefix, lt: beyond(prefix), limit: max }
  const found = db ? await db.iterator({ ...range, ...encodings }).all() : []
  const entries = found.map(([key, bytes]) => entryOf(key, bytes))
  return { entries, more: found.length === max, read: (key) => readEntry(db, key) }
}
