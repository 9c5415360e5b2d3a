import { randomBytes } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Level } from 'level'
import { StorageUnavailable, storageLimits } from '../../contract/storage.ts'
import type { Entry, Replacement, Rev, StorageSnapshot } from '../../contract/storage.ts'
import { checkpoint } from './checkpoint.ts'
import { refuseDroppedData } from './files.ts'
import { revKey, revOf, stamped } from './keys.ts'
import { announce, syncAll, syncFolder } from './place.ts'
import { encodings, listKeys, readEntry } from './reads.ts'
import type { Db } from './reads.ts'
import { almostFull, hasSpace } from './space.ts'

/** Databases beside the one in use: they are opened by nobody else. */
const options = { ...encodings, multithreading: false } as const

const uniqueIn = (path: string, kind: 'snapshot' | 'restoring'): string =>
  join(path, `${kind}-${randomBytes(16).toString('hex')}`)

/**
 * A copy of a database that costs no space for what does not change. @param paused runs a task while nothing is written
 * @param path the folder of the storage, which the copy lies in
 */
export async function snapshotOf(
  path: string,
  database: string,
  paused: (task: () => Promise<Rev>) => Promise<Rev>,
  rev: () => Rev,
): Promise<StorageSnapshot> {
  const folder = uniqueIn(path, 'snapshot')
  try {
    const at = await paused(async () => {
      await checkpoint(database, folder)
      return rev()
    })
    const db = await opened(folder)
    return {
      rev: at,
      entries: () => entriesOf(db),
      close: async () => {
        await db.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true })
    throw asUnavailable(thrown, 'the storage cannot be copied')
  }
}

/** A database that is written to take the place of the one in use. @param adopt takes a complete one, by its name, into use */
export async function replacementIn(
  path: string,
  { minFreeBytes, adopt }: { readonly minFreeBytes: number; readonly adopt: (name: string) => Promise<void> },
): Promise<Replacement> {
  const folder = uniqueIn(path, 'restoring')
  const db = await created(folder)
  let unchecked = Infinity
  const write = async (batch: readonly { key: string; value: Uint8Array }[], sync: boolean): Promise<void> => {
    const ops = batch.map((one) => ({ type: 'put' as const, ...one }))
    await db.batch(ops, { ...options, sync } as object).catch((thrown: unknown) => {
      throw asUnavailable(thrown, unwritable)
    })
  }
  return {
    add: async (entries) => {
      unchecked += entries.reduce((sum, { value }) => sum + value.length, 0)
      if (unchecked > 16 * storageLimits.bytes) {
        const isRoomy = await hasSpace(path, minFreeBytes).catch((thrown: unknown) => {
          throw asUnavailable(thrown, unwritable)
        })
        if (!isRoomy) throw new StorageUnavailable(almostFull)
        unchecked = 0
      }
      await write(entries.map(({ key, value, rev }) => ({ key, value: stamped(rev, value) })), false) // prettier-ignore
    },
    finish: async (rev) => write([{ key: revKey, value: stamped(rev, new Uint8Array()) }], true),
    entries: () => entriesOf(db),
    get: async (keys) => keys.map((key) => readEntry(db, key)),
    list: async (prefix, page) => ({ keys: await listKeys(() => db, prefix, page) }),
    adopt: async () => {
      const name = basename(folder).replace('restoring', 'restored')
      try {
        await db.close()
        await syncAll(folder)
        await announce(path, name)
        await rename(folder, join(path, name))
        await syncFolder(path)
        await adopt(name)
      } catch (thrown) {
        await rm(folder, { recursive: true, force: true }).catch(() => {})
        throw asUnavailable(thrown, 'the restored storage cannot be put in place')
      }
    },
    discard: async () => {
      await db.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function created(folder: string): Promise<Db> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const db: Db = new Level(folder, options)
    await db.open()
    return db
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true }).catch(() => {})
    throw asUnavailable(thrown, unwritable)
  }
}

async function opened(folder: string): Promise<Db> {
  const db: Db = new Level(folder, { ...options, createIfMissing: false })
  await db.open()
  try {
    await refuseDroppedData(folder)
    return db
  } catch (thrown) {
    await db.close()
    throw thrown
  }
}

async function* entriesOf(db: Db): AsyncGenerator<readonly Entry[]> {
  const iterator = db.iterator({ gt: revKey, ...options })
  try {
    for (;;) {
      const found = await iterator.nextv(storageLimits.page)
      if (found.length === 0) return
      yield found.map(([key, bytes]) => ({ key, value: bytes.subarray(8), rev: revOf(bytes) }))
    }
  } finally {
    await iterator.close()
  }
}

const unwritable = 'the restored storage cannot be written'

function asUnavailable(thrown: unknown, what: string): StorageUnavailable {
  if (thrown instanceof StorageUnavailable) return thrown
  return new StorageUnavailable(`${what}${reasonOf(thrown)}`, { cause: thrown })
}

/** LevelDB tells the reason of the system in its messages only. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return ''
  const { code = '', message, cause } = thrown as NodeJS.ErrnoException
  if (code === 'ENOSPC' || message.includes('No space left on device')) return ': the disk is full'
  if (code === 'EROFS' || message.includes('Read-only file system')) return ': its disk is read-only'
  return reasonOf(cause)
}
