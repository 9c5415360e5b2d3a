import { realpath } from 'node:fs/promises'
import { loadMigration } from '../../config/migration.ts'
import type { DurableStorage } from '../../config/migration.ts'
import type { Replacement, Rev, Storage, StorageSnapshot } from '../../contract/storage.ts'
import { measure } from '../../snapshot/sums.ts'
import type { Measured } from '../../snapshot/sums.ts'
import { systemClock as clock } from '../../util/clock.ts'
import { silent as log } from '../../util/log.ts'
import { openStorage } from '../storages.ts'

/** Result of a migration: the copied records, and their revision. */
export interface Migrated extends Measured {
  readonly revision: string
}

/**
 * Copies the storage of a stopped server to another one, as it is: nothing is decrypted, so that the same shares or seals unseal
 * it. The copy is written aside, read back and compared before it becomes the database: a migration that is interrupted has
 * changed nothing, and is run again.
 * @param file with `storage_source` and `storage_destination`
 * @throws ConfigError; Error with the remedy, when a server uses one of the storages, or the destination is not empty
 */
export async function migrateStorage(file: string): Promise<Migrated> {
  const { source, destination } = await loadMigration(file)
  const from = await opened(source, false)
  try {
    if ((await from.rev()) === 0n)
      throw new Error(`${source.path} (storage_source): there is no data of a server in it`)
    if ((await located(source)) === (await located(destination)))
      throw new Error(
        `${destination.path}: storage_source and storage_destination are the same folder; name an empty one`,
      )
    const to = await opened(destination, true)
    try {
      await checkEmpty(to, destination)
      return await copied(from, to)
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}

async function opened(settings: DurableStorage, create: boolean): Promise<Storage> {
  return openStorage({ storage: settings }, { clock, log, create })
}

const located = async ({ path }: DurableStorage): Promise<string> => realpath(path).catch(() => path)

async function checkEmpty(to: Storage, { path }: DurableStorage): Promise<void> {
  if ((await to.rev()) === 0n && (await to.list('', { limit: 1 })).keys.length === 0) return
  throw new Error(`${path} (storage_destination): it has data of a server already; name an empty folder`)
}

async function copied(from: Storage, to: Storage): Promise<Migrated> {
  const snapshot = await from.snapshot()
  try {
    const replacement = await to.replacement()
    try {
      for await (const entries of snapshot.entries()) await replacement.add(entries)
      await replacement.finish(snapshot.rev)
      const result = await compared(snapshot, replacement)
      await replacement.adopt()
      await checkRevision(to, snapshot.rev)
      return { ...result, revision: String(snapshot.rev) }
    } catch (thrown) {
      await replacement.discard()
      throw thrown
    }
  } finally {
    await snapshot.close()
  }
}

async function compared(snapshot: StorageSnapshot, copy: Replacement): Promise<Measured> {
  const [original, written] = [await measure(snapshot.entries()), await measure(copy.entries())]
  if (original.records === written.records && original.sha256 === written.sha256) return written
  throw new Error('the copy differs from the source: nothing was changed; check the disk, and migrate again')
}

async function checkRevision(to: Storage, revision: Rev): Promise<void> {
  if ((await to.rev()) !== revision)
    throw new Error('the destination has another revision than the source: do not use it, and migrate again')
}
