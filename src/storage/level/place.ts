import { open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { StorageUnavailable } from '../../contract/storage.ts'
import { holdsDatabase } from './files.ts'

/** Names the folder of the database in use; absent: the database lies beside it, as in every storage that was never restored. */
const pointer = 'ACTIVE'
/** What it will be. */
const next = `${pointer}.tmp`
const restored = /^restored-[0-9a-f]{32}$/
/** Folders that only a running server uses. */
const passing = /^(snapshot|restoring)-[0-9a-f]{32}$/

/** The folder of the database in use. @throws StorageUnavailable when it cannot be told, or is not there */
export async function databaseFolder(path: string): Promise<string> {
  const names = await namesIn(path)
  if (!names.includes(pointer)) {
    // Without the pointer an older database, or none, would be taken for the one in use.
    const announced = names.includes(next) ? await nameIn(path, next) : ''
    if (names.some((name) => restored.test(name) && name !== announced) && !names.includes('CURRENT'))
      throw new StorageUnavailable('the storage is damaged: its file ACTIVE is missing; restore a backup')
    return path
  }
  const name = await nameIn(path, pointer)
  if (restored.test(name) && names.includes(name)) return join(path, name)
  throw new StorageUnavailable('the storage is damaged: its file ACTIVE names no database; restore a backup')
}

/** The folder of the database in use, and whether it is there. @throws StorageUnavailable */
export async function findDatabase(path: string): Promise<{ readonly folder: string; readonly there: boolean }> {
  const folder = await databaseFolder(path)
  const there = await holdsDatabase(folder)
  if (there || folder === path) return { folder, there }
  throw new StorageUnavailable(
    'the storage is damaged: the database that its file ACTIVE names is empty; restore a backup',
  )
}

/**
 * Prepares that `databaseFolder` leads to another database, before that gets its name: after a crash it is known that this one
 * was never in use.
 */
export async function announce(path: string, name: string): Promise<void> {
  const file = await open(join(path, next), 'w', 0o600)
  try {
    await file.writeFile(`${name}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await syncFolder(path)
}

/**
 * From now on `databaseFolder` leads to the announced database, which has to be complete, even after a crash. If it fails,
 * either database may be the one in use then.
 */
export async function activate(path: string): Promise<void> {
  await rename(join(path, next), join(path, pointer))
  await syncFolder(path)
}

/** Removes what a crash left of snapshots and restores. What a running server is writing looks the same: only its owner may. */
export async function tidy(path: string): Promise<void> {
  const names = await namesIn(path)
  if (names.includes(next)) {
    const announced = await nameIn(path, next)
    const active = names.includes(pointer) ? await nameIn(path, pointer) : ''
    if (restored.test(announced) && announced !== active) await rm(join(path, announced), { recursive: true, force: true }) // prettier-ignore
  }
  for (const name of names)
    if (passing.test(name) || name === next) await rm(join(path, name), { recursive: true, force: true })
}

const nameIn = async (path: string, file: string): Promise<string> => (await readFile(join(path, file), 'utf8')).trim()

/** Removes databases of earlier restores, all but the given ones: at most one that was replaced is kept. */
export async function removeOthers(path: string, kept: readonly string[]): Promise<void> {
  for (const name of await namesIn(path))
    if (restored.test(name) && !kept.includes(name)) await rm(join(path, name), { recursive: true, force: true })
}

/** A folder and all files in it are on the disk. */
export async function syncAll(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const file = await open(join(folder, name), 'r')
    await file.sync().finally(async () => file.close())
  }
  await syncFolder(folder)
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(async () => folder.close())
}

async function namesIn(path: string): Promise<readonly string[]> {
  return readdir(path).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new StorageUnavailable('the folder of the storage cannot be read', { cause: thrown })
  })
}
