import type { Stats } from 'node:fs'
import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs'
import { posix } from 'node:path'
import { promisify } from 'node:util'
import type { AuditDevice, AuditTail } from '../contract/audit.ts'
import { refuse } from '../contract/fault.ts'
import type { Log } from '../util/log.ts'
import type { DeviceOptions } from './options.ts'
import { StdoutDevice } from './stdout.ts'
import { takeTail } from './tail.ts'

const toDisk = promisify(fdatasync)
const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
/** What a file may allow at most: its owner reads and writes, its group reads. */
const widest = 0o640
const nowhere = '/dev/null'

/** A device that appends to a file. Never follows a link, never makes an executable or a file that others can read. */
export class FileDevice implements AuditDevice {
  readonly type = 'file'
  readonly target: string | undefined
  readonly alwaysSync: boolean
  readonly #path: string
  /** Undefined keeps the mode of an existing file. */
  readonly #mode: number | undefined
  readonly #log: Log
  #fd: number | undefined
  /** The descriptor failed: whatever it says from now on cannot be trusted. */
  #broken = false
  /** Where a write that failed half-way began, when that half could not be removed at once. */
  #half: { readonly ino: number; readonly size: number } | undefined
  #syncing: Promise<void> | undefined
  #nextSync: Promise<void> | undefined
  #retired: Promise<void> = Promise.resolve()

  constructor(path: string, mode: number | undefined, alwaysSync: boolean, log: Log) {
    this.#path = path
    this.target = path === nowhere ? undefined : path
    this.#mode = mode
    this.alwaysSync = alwaysSync
    this.#log = log
  }

  async open(): Promise<AuditTail> {
    this.#retire()
    this.#fd = this.#openFile()
    return this.#path === nowhere ? {} : takeTail(this.#fd, this.#path)
  }

  write(text: string): void {
    if (this.#path === nowhere) return
    const bytes = Buffer.from(text)
    const before = this.#ready()
    try {
      this.#append(before, bytes)
    } catch {
      // Once more on a fresh descriptor; a second failure is the caller's to hear.
      this.#append(this.#replace(), bytes)
    }
  }

  /** One sync serves all who wait for it; one under way does not cover what was written since it began. */
  async sync(): Promise<void> {
    if (this.#path === nowhere) return
    if (this.#syncing === undefined) {
      this.#syncing = this.#toDisk().finally(() => (this.#syncing = undefined))
      return this.#syncing
    }
    this.#nextSync ??= this.#syncing
      .catch(() => {})
      .then(async () => {
        this.#nextSync = undefined
        return this.sync()
      })
    return this.#nextSync
  }

  async reopen(): Promise<void> {
    this.#replace()
  }

  async close(): Promise<void> {
    this.#retire()
    await this.#retired.catch(() => {})
  }

  /** The file as it is now, at its path: somebody may have removed, moved or replaced it. */
  #ready(): Stats {
    if (this.#fd === undefined || this.#broken) return this.#replace()
    const open = fstatSync(this.#fd)
    const named = statSync(this.#path, { throwIfNoEntry: false })
    if (named?.ino === open.ino && named.dev === open.dev && open.nlink > 0) return open
    this.#log.warn('the audit file was removed or replaced while it was in use; going on in a new one')
    return this.#replace()
  }

  #replace(): Stats {
    this.#retire()
    const fd = this.#openFile()
    this.#fd = fd
    this.#broken = false
    if (this.#half && fstatSync(fd).ino === this.#half.ino) ftruncateSync(fd, this.#half.size)
    this.#half = undefined
    return fstatSync(fd)
  }

  #append(before: Stats, bytes: Buffer): void {
    const fd = this.#fd as number
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
    } catch (thrown) {
      this.#broken = true
      this.#half = { ino: before.ino, size: before.size }
      throw thrown
    }
  }

  async #toDisk(): Promise<void> {
    const retired = this.#retired
    try {
      await retired
      if (this.#fd !== undefined) await toDisk(this.#fd)
    } catch (thrown) {
      // What a failed sync has lost stays lost: a second one on the same descriptor may report success.
      this.#broken = true
      if (this.#retired === retired) this.#retired = Promise.resolve()
      throw thrown
    }
  }

  /** Syncs and closes the descriptor in the background, after the sync that may be using it. */
  #retire(): void {
    const fd = this.#fd
    if (fd === undefined) return
    this.#fd = undefined
    const using = this.#syncing
    this.#retired = Promise.allSettled([this.#retired, using])
      .then(async () => toDisk(fd))
      .finally(() => closeSync(fd))
    this.#retired.catch(() => {})
  }

  #openFile(): number {
    let fd: number | undefined
    try {
      // Not blocking, so that a pipe at this path cannot hold the whole process before we have looked at it.
      fd = openSync(this.#path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, this.#mode ?? 0o600)
      if (this.#path === nowhere) return fd
      this.#check(fd)
      syncFolder(this.#path)
      return fd
    } catch (cause) {
      if (fd !== undefined) closeSync(fd)
      const code = (cause as NodeJS.ErrnoException).code ?? 'not usable'
      throw refuse(`the audit file cannot be opened (${code}): it must be a regular file, no link, in a folder where the server may write`, { cause }) // prettier-ignore
    }
  }

  #check(fd: number): void {
    if (!fstatSync(fd).isFile()) throw new Error('not a regular file')
    if (this.#mode !== undefined) fchmodSync(fd, this.#mode)
    if ((fstatSync(fd).mode & 0o7777 & ~widest) !== 0) throw new Error('its mode is wider than 0640')
  }
}

/** A new file's name must be on disk as well as its lines. */
function syncFolder(path: string): void {
  const folder = openSync(posix.dirname(path), constants.O_RDONLY)
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** `type = "file"`. `path` is the older name of `file_path`. */
export function fileDevice(options: DeviceOptions, log: Log): AuditDevice {
  const path = options.text('file_path', 'path')
  const mode = modeOf(options.text('mode'))
  const sync = options.oneOf('sync', ['group', 'always'])
  if (path === undefined) throw refuse('file_path is required')
  if (path === 'stdout') return new StdoutDevice()
  const place = path === 'discard' ? nowhere : path
  if (!place.startsWith('/') || place.endsWith('/') || place.split('/').includes('..') || place.includes('\0'))
    throw refuse('file_path must be the absolute path of a file, without "..", or "stdout" or "discard"')
  return new FileDevice(posix.normalize(place), mode, sync === 'always', log)
}

function modeOf(written: string | undefined): number | undefined {
  if (written === undefined) return 0o600
  const mode = /^[0-7]{1,5}$/.test(written) ? parseInt(written, 8) : NaN
  if (mode === 0) return undefined
  // Exec bits are dropped, as OpenBao does; anything else that is too wide is refused.
  const bare = mode & ~0o111
  if (Number.isNaN(mode) || (bare & ~widest) !== 0 || (bare & 0o600) !== 0o600)
    throw refuse(
      'the mode of an audit file is octal, 0600 or 0640: nobody else may read it, its group may not write it',
    )
  return bare
}
