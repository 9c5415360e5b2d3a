import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from '../../cli/framework/command.ts'
import type { Config } from '../../config/types.ts'
import type { SealRecord } from '../../contract/seal.ts'
import { RootKeySeal } from '../../seal/root-key-seal.ts'
import { holdsDatabase } from '../../storage/level/files.ts'
import { databaseFolder } from '../../storage/level/place.ts'
import type { Clock } from '../../util/clock.ts'
import { silent } from '../../util/log.ts'
import { checkDataFolder } from '../start-failures.ts'
import { openStorage } from '../storages.ts'
import { fail, ok, reason, skipped, warn } from './result.ts'

/** What is known about the storage. */
export interface StorageFinding {
  readonly check: Check
  /** Whether a server uses it. */
  readonly isRunning: boolean
  /** How it is sealed, if it could be read and was initialised. */
  readonly record?: SealRecord
}

const name = 'Storage'

/**
 * Opens the storage as a start does, and closes it: not while a server uses it, and not as another user than its own, who could
 * not use afterwards what opening it writes.
 */
export async function checkStorage({ storage }: Pick<Config, 'storage'>, clock: Clock): Promise<StorageFinding> {
  const found = (check: Check, isRunning = false): StorageFinding => ({ check, isRunning })
  if (storage.type === 'inmem')
    return found(warn(name, 'memory: everything is lost when the server ends', 'use storage "level"'))
  try {
    await checkDataFolder(storage.path)
    const folder = await databaseFolder(storage.path)
    if (!(await holdsDatabase(folder))) return found(ok(name, 'empty; after the start: strongroom operator init'))
    if (await isLocked(join(folder, 'LOCK'))) return found(ok(name, 'a server runs on it; it was not opened'), true)
    const { uid } = await stat(folder)
    if (uid !== process.getuid?.())
      return found(skipped(name, 'it was not opened: it belongs to another user', `sudo -u '#${uid}' strongroom operator diagnose …`)) // prettier-ignore
    const opened = await openStorage({ storage }, { clock, log: silent })
    try {
      const record = await new RootKeySeal((bytes) => new Uint8Array(bytes), {
        autoSeals: [],
        recoveryUnseals: false,
      }).record(opened)
      const revision = await opened.rev()
      const check = record ? ok(name, `it opens; revision ${revision}`) : ok(name, 'it opens; it is not initialised: strongroom operator init') // prettier-ignore
      return { check, isRunning: false, ...(record && { record }) }
    } finally {
      await opened.close()
    }
  } catch (thrown) {
    return found(fail(name, reason(thrown)))
  }
}

/** Whether a process holds a lock on a file (proc(5), `/proc/locks`). Nothing is opened for it. */
async function isLocked(file: string): Promise<boolean> {
  const { ino } = await stat(file).catch(() => ({ ino: -1 }))
  const locks = await readFile('/proc/locks', 'utf8').catch(() => '')
  return locks.split('\n').some((line) => line.split(/\s+/)[5]?.split(':')[2] === String(ino))
}
