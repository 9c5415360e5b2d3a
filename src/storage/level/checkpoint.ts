import { copyFile, link, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StorageUnavailable } from '../../contract/storage.ts'
import { liveFiles } from './manifest.ts'

/** More than LevelDB ever needs: a compaction ends between two of them. */
const tries = 10

/**
 * Makes a second database of the same content, from hard links to the tables, which never change, and copies of the log and
 * of the list of files. To be called while nothing is written; compactions may go on. LevelDB must not find a file that is
 * not in the list: it gives new files the numbers behind those of the list, and would write into the linked one.
 * @throws StorageUnavailable
 */
export async function checkpoint(from: string, to: string): Promise<void> {
  for (let left = tries; left > 0; left--) {
    await rm(to, { recursive: true, force: true })
    await mkdir(to, { recursive: true, mode: 0o700 })
    if (await linked(from, to)) return
  }
  await rm(to, { recursive: true, force: true })
  throw new StorageUnavailable('the files of the storage kept changing while they were linked')
}

/** False when a compaction has changed the list of files meanwhile. */
async function linked(from: string, to: string): Promise<boolean> {
  const current = await readFile(join(from, 'CURRENT'), 'utf8')
  const manifest = current.trim()
  if (!/^MANIFEST-\d+$/.test(manifest)) throw new StorageUnavailable('the file CURRENT of the storage is damaged')
  const list = await readFile(join(from, manifest))
  const { tables: live, log, previousLog } = liveFiles(list)
  const tables = new Set(live)
  try {
    for (const name of await readdir(from)) {
      const [, digits = '', ending] = /^(\d+)\.(ldb|sst|log)$/.exec(name) ?? []
      const number = Number(digits)
      if (ending === 'log' && (number >= log || number === previousLog))
        await copyFile(join(from, name), join(to, name))
      else if (ending && ending !== 'log' && tables.delete(number)) await linkOrCopy(join(from, name), join(to, name))
    }
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw thrown
  }
  const same = (await readFile(join(from, 'CURRENT'), 'utf8')) === current
  if (!same || tables.size > 0 || (await stat(join(from, manifest))).size !== list.length) return false
  await writeFile(join(to, manifest), list, { mode: 0o600 })
  await writeFile(join(to, 'CURRENT'), current, { mode: 0o600 })
  return true
}

/** Some file systems have no links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(async (thrown: NodeJS.ErrnoException) => {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(thrown.code ?? '')) throw thrown
    await copyFile(from, to)
  })
}
