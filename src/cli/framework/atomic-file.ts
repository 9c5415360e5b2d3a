import { randomUUID } from 'node:crypto'
import { lstatSync, unlinkSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { link, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { UsageError } from './flags.ts'

/** @throws UsageError if a file of this name must not be written: it exists, and `force` does not replace it */
export function checkTarget(path: string, force: boolean): void {
  const there = statusOf(path)
  if (there && !there.isFile()) throw new UsageError(`${path} is not a regular file and is not replaced`)
  if (there && !force) throw alreadyExists(path)
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (thrown) {
    return unwritable(path)(thrown)
  }
}

const alreadyExists = (path: string): UsageError =>
  new UsageError(`${path} already exists\n  next: choose another name, or replace it with -force`)

/**
 * Writes a file that has its name only when all of it is on the disk, and is for its owner alone (mode 0600). Until then
 * it is stored beside it under another name, and removed if the stream fails.
 * @throws UsageError if it cannot be written; errors of the stream
 */
export async function writeAtomically(path: string, stream: AsyncIterable<Uint8Array>, force: boolean): Promise<void> {
  const beside = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`)
  const file = await open(beside, 'wx', 0o600).catch(unwritable(path))
  const forget = removedOnSignal(beside)
  try {
    for await (const part of stream) await file.writeFile(part)
    await file.sync()
    await file.close()
    await publish(beside, path, force)
    await syncFolder(dirname(path))
  } catch (thrown) {
    await file.close().catch(() => {})
    await rm(beside, { force: true })
    throw isFromSystem(thrown) ? unwritable(path)(thrown) : thrown
  } finally {
    forget()
  }
}

/** Gives the file its name. Unlike a rename, a link never replaces a file that was created meanwhile. */
async function publish(beside: string, path: string, force: boolean): Promise<void> {
  if (!force) {
    const linked = await link(beside, path).then(() => true, linkFailed)
    if (linked) return rm(beside)
  }
  checkTarget(path, force)
  return rename(beside, path)
}

/** Some file systems, such as those of memory sticks, have no links. */
function linkFailed(thrown: NodeJS.ErrnoException): false {
  if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EEXIST'].includes(thrown.code ?? '')) return false
  throw thrown
}

/** So that the new name outlives a loss of power. A folder that may be added to but not read has to do without. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code !== 'EACCES') throw thrown
  })
  await folder?.sync().finally(async () => folder.close())
}

const isFromSystem = (thrown: unknown): boolean => typeof (thrown as NodeJS.ErrnoException).errno === 'number'

const unwritable =
  (path: string) =>
  (thrown: unknown): never => {
    throw new UsageError(`${path} cannot be written (${String((thrown as NodeJS.ErrnoException).code)})`)
  }

/** Removes an unfinished file when the user presses Ctrl-C. @returns how to forget it */
function removedOnSignal(path: string): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const remove = (signal: NodeJS.Signals): void => {
    forget()
    try {
      unlinkSync(path)
    } finally {
      process.kill(process.pid, signal)
    }
  }
  const forget = (): void => signals.forEach((signal) => void process.off(signal, remove))
  for (const signal of signals) process.on(signal, remove)
  return forget
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
}

/** The message about a file that cannot be read. */
export const unreadable = (path: string, code: string): string =>
  `the file ${path} cannot be read: ${reasons[code] ?? code}`
