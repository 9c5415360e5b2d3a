import { access, constants, readdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Files that may be in the folder of a new storage: leftovers of a LevelDB that could not start, and those of a volume's root.
 */
const harmless: ReadonlySet<string> = new Set(['LOCK', 'LOG', 'LOG.old', 'lost+found'])
/** What a LevelDB leaves that was killed while it was created, or while a restore was written beside it. */
const unfinished = /^(MANIFEST-\d+|\d+\.dbtmp|(snapshot|restoring)-[0-9a-f]{32})$/

const cures: Readonly<Record<string, string>> = {
  ENOENT: 'the folder does not exist; create it, mount its volume, or correct the path',
  ENOTDIR: 'a part of the path is not a folder; correct the path',
  EACCES: "the server's user may not read and write there; give that user the folder: chown -R USER FOLDER",
  EPERM: "the server's user may not read and write there; give that user the folder: chown -R USER FOLDER",
  EROFS: 'the file system is read-only; mount it for writing, or correct the path',
  ENOSPC: 'the disk is full; free space on it',
}

/** The operating system's code of an error, or of its cause. */
function codeOf(thrown: unknown): string {
  for (let at = thrown; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException
    if (code !== undefined && Object.hasOwn(cures, code)) return code
  }
  return ''
}

const setting = (path: string): string => `${path} (path of storage "level")`

/**
 * Checks the folder of a storage before anything is created in it: a server that starts must be able to store data.
 * @throws Error naming the folder, the setting and the cure.
 */
export async function checkDataFolder(path: string): Promise<void> {
  const found = await stat(path).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined
    throw storageFailure(path, thrown)
  })
  if (found && !found.isDirectory()) throw new Error(`${setting(path)}: it is a file; use a folder`)
  const folder = found ? path : dirname(path)
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).catch((thrown: unknown) => {
    throw storageFailure(path, thrown, found ? '' : `its parent folder ${folder}: `)
  })
  if (!found) return
  const names = await readdir(path)
  const foreign = names.filter((name) => !harmless.has(name) && !unfinished.test(name))
  // LevelDB's own files without the one that lists them are reported by the storage: they are damage, not foreign files.
  if (foreign.length === 0 || names.includes('CURRENT') || foreign.some((name) => /^\d+\.(ldb|sst|log)$/.test(name)))
    return
  throw new Error(
    `${setting(path)}: the folder has other files and no storage (LevelDB) of this server; use a folder that is empty or does not exist yet`,
  )
}

/** Why a storage could not be opened, with the folder, the setting and the remedy. For the operator only: it contains a path. */
export function storageFailure(path: string, thrown: unknown, where = ''): Error {
  const why = cures[codeOf(thrown)] ?? (thrown instanceof Error ? thrown.message : 'it cannot be opened')
  return new Error(`${setting(path)}: ${where}${why}`, { cause: thrown })
}

/** Why a declared audit device could not be opened, with its file, the setting and the remedy. For the operator only. */
export function auditFailure(
  {
    type,
    path,
    options,
  }: { readonly type: string; readonly path: string; readonly options: Readonly<Record<string, string>> },
  thrown: unknown,
): Error {
  const file = options['file_path'] ?? options['path']
  const what = `audit "${type}" "${path.replace(/\/$/, '')}"`
  const why = thrown instanceof Error ? thrown.message : 'it cannot be opened'
  return new Error(`${file === undefined ? what : `${file} (file_path of ${what})`}: ${why}`, { cause: thrown })
}
