import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StorageUnavailable } from '../../contract/storage.ts'

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (thrown) {
    // Any other error, such as a folder without read permission, does not mean that the storage is empty.
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new StorageUnavailable('the folder of the storage cannot be read', { cause: thrown })
  }
}

/**
 * Whether a database exists.
 * @throws StorageUnavailable if there are data files without the file that lists them: LevelDB would start empty.
 */
export async function holdsDatabase(path: string): Promise<boolean> {
  if (await exists(join(path, 'CURRENT'))) return true
  const names = (await exists(path)) ? await readdir(path) : []
  if (!names.some((name) => /^\d+\.(ldb|sst|log)$/.test(name))) return false
  throw new StorageUnavailable('the storage is damaged: its file CURRENT is missing; restore a backup')
}

/** The folder itself, or the closest one above it that exists. */
export async function nearestFolder(path: string): Promise<string> {
  return (await exists(path)) || dirname(path) === path ? path : nearestFolder(dirname(path))
}

/** In the database's folder: LevelDB begins a new log at each start, so that the next start would not notice the loss. */
const lossMark = 'DATA-LOST'

/**
 * LevelDB 1.20 drops data that it cannot read, and reports that only in its own log.
 * @throws StorageUnavailable, at every start until an operator removes the mark.
 */
export async function refuseDroppedData(path: string): Promise<void> {
  const log = await readFile(join(path, 'LOG'), 'utf8').catch(() => '')
  const marked = await exists(join(path, lossMark))
  if (marked || /dropping \d+ bytes|ignoring error|Corruption:/.test(log)) {
    if (!marked)
      await writeFile(join(path, lossMark), 'LevelDB dropped data that it could not read.\n', { mode: 0o600 })
    throw new StorageUnavailable(
      'the storage lost data while it was opened (see LOG and DATA-LOST in its folder); restore a backup',
    )
  }
}

/** Why LevelDB did not open, for the operator. */
export function openFailure(thrown: unknown): string {
  const cause = thrown instanceof Error ? (thrown.cause as { readonly code?: string } | undefined) : undefined
  if (cause?.code === 'LEVEL_LOCKED') return 'another process has the storage open; stop it first'
  return 'the storage cannot be opened: its files are damaged or missing; restore a backup'
}
