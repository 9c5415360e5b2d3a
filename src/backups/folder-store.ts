import { createReadStream } from 'node:fs'
import { link, lstat, mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { BackupError } from './store.ts'
import type { BackupStore, WrittenBackup } from './store.ts'

export interface FolderStoreOptions {
  /** Must be there: a file system that is not mounted is noticed by that. */
  readonly root: string
  /** A folder below the root, created where it is missing; empty: the root itself. */
  readonly below: string
  /** The name of the unfinished file. What a crash left of it is replaced. */
  readonly unfinished: string
  readonly signal: AbortSignal
}

/** Backups as files of a folder, for the server's user alone. */
export class FolderStore implements BackupStore {
  readonly #options: FolderStoreOptions
  readonly #folder: string

  constructor(options: FolderStoreOptions) {
    this.#options = options
    this.#folder = join(options.root, options.below)
  }

  async write(name: string, pieces: AsyncIterable<Uint8Array>): Promise<WrittenBackup> {
    const beside = join(this.#folder, this.#options.unfinished)
    await this.#prepare(beside).catch(failed)
    const final = join(this.#folder, name)
    let isPublished = false
    const discard = async (): Promise<void> => {
      for (const path of isPublished ? [beside, final] : [beside]) await rm(path, { force: true }).catch(() => {})
    }
    try {
      await this.#fill(beside, pieces)
    } catch (thrown) {
      await discard()
      return failed(thrown)
    }
    return {
      read: () => this.#read(beside),
      keep: async () =>
        publish(beside, final)
          .then(async () => {
            isPublished = true
            await syncFolder(this.#folder)
          })
          .catch(failed),
      discard,
    }
  }

  async remove(name: string): Promise<void> {
    const path = join(this.#folder, name)
    const there = await lstat(path).catch(absent)
    if (there?.isFile() === false) throw new BackupError(`${name} is no file any more`)
    await unlink(path).catch(absent)
  }

  async #prepare(beside: string): Promise<void> {
    const root = await stat(this.#options.root).catch(() => undefined)
    if (!root?.isDirectory())
      throw new BackupError('the folder of backup_folder is not there: is its file system mounted?')
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await rm(beside, { force: true })
  }

  async #fill(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await open(path, 'wx', 0o600)
    try {
      for await (const piece of pieces) await file.writeFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  async *#read(path: string): AsyncGenerator<Uint8Array> {
    try {
      yield* createReadStream(path, { signal: this.#options.signal }) as AsyncIterable<Buffer>
    } catch (thrown) {
      failed(thrown)
    }
  }
}

/** Gives the file its name, and never replaces another one. Some file systems, such as those of Windows' shares, have no links. */
async function publish(beside: string, final: string): Promise<void> {
  const linked = await link(beside, final).then(
    () => true,
    (thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'EEXIST') throw thrown
      return false
    },
  )
  if (linked) return unlink(beside)
  if (await lstat(final).catch(absent)) throw new BackupError('there is a file of this name already')
  return rename(beside, final)
}

/** So that the new name outlives a loss of power. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(async () => folder.close())
}

function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code !== 'ENOENT') failed(thrown)
}

/** Errors of the system name paths: only their code is passed on. */
function failed(thrown: unknown): never {
  const { code, errno } = thrown as NodeJS.ErrnoException
  throw typeof errno === 'number'
    ? new BackupError(`the folder cannot be used (${code ?? 'failed'})`, { cause: thrown })
    : thrown
}
