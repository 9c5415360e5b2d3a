import type { Stats } from 'node:fs'
import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { posix } from 'node:path'
import { promisify } from 'node:util'
import type { AuditDevice, AuditFile, AuditFileSettings, AuditTail, FileState } from '../../contract/audit.ts'
import { refuse } from '../../contract/fault.ts'
import { modeOf, discardPath, openLog, syncFolder } from './open-file.ts'
import { fileSettings } from './file-settings.ts'
import type { DeviceOptions } from './options.ts'
import { DiskReserve, isFull } from '../log/disk-reserve.ts'
import { StdoutDevice } from './stdout.ts'
import { takeTail } from '../log/torn-line.ts'

const toDisk = promisify(fdatasync)

interface Known {
  readonly dev: number
  readonly ino: number
  readonly size: number
}

/** A device that appends to a file. Never follows a link, never makes an executable or a file that others can read. */
export class FileDevice implements AuditDevice {
  readonly type = 'file'
  readonly target: string | undefined
  readonly alwaysSync: boolean
  readonly file?: AuditFile
  readonly #path: string
  /** Undefined keeps the mode of an existing file. */
  readonly #mode: number | undefined
  readonly #reserve: DiskReserve
  #fd: number | undefined
  /** Which file it is, and how long what we wrote has made it. */
  #known: Known | undefined
  /** The descriptor failed: whatever it says from now on cannot be trusted. What is behind the known size is half a write. */
  #broken = false
  #syncing: Promise<void> | undefined
  #nextSync: Promise<void> | undefined
  #retired: Promise<void> = Promise.resolve()

  constructor(path: string, mode: number | undefined, alwaysSync: boolean, settings: AuditFileSettings) {
    this.#path = path
    this.#reserve = new DiskReserve(`${path}.reserve`)
    this.#mode = mode
    this.alwaysSync = alwaysSync
    this.target = path === discardPath ? undefined : path
    if (path !== discardPath) this.file = this.#asFile(settings)
  }

  async open(): Promise<AuditTail> {
    this.#retire()
    if (this.#path === discardPath) return {}
    this.#finishBegin()
    this.#fd = openLog(this.#path, this.#mode)
    const tail = takeTail(this.#fd, this.#path)
    this.#know(fstatSync(this.#fd))
    this.#broken = false
    this.#reserve.keep()
    return tail
  }

  write(text: string): void {
    if (this.#path === discardPath) return
    if (this.#state() !== 'same') throw new Error('the audit file was moved or changed by somebody else')
    const bytes = Buffer.from(text)
    try {
      if (this.#fd === undefined || this.#broken) this.#replace()
      this.#append(bytes)
    } catch (thrown) {
      if (isFull(thrown) && !this.#reserve.release()) throw thrown
      // Once more on a fresh descriptor; a second failure is the caller's to hear.
      this.#replace()
      this.#append(bytes)
    }
  }

  /** One sync serves all who wait for it; one under way does not cover what was written since it began. */
  async sync(): Promise<void> {
    if (this.#path === discardPath) return
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
    if (this.#path !== discardPath && this.#state() === 'same') this.#replace()
  }

  async close(): Promise<void> {
    this.#retire()
    await this.#retired.catch(() => {})
  }

  #asFile(settings: AuditFileSettings): AuditFile {
    const full = (): boolean => this.#reserve.full
    return {
      path: this.#path,
      settings,
      state: () => this.#state(),
      begin: (text, names) => this.#begin(text, names),
      space: () => {
        const { bavail, blocks, bsize } = statfsSync(posix.dirname(this.#path))
        return { free: bavail * bsize, total: blocks * bsize }
      },
      get full() {
        return full()
      },
      recover: () => this.#reserve.keep(),
    }
  }

  #state(): FileState {
    const known = this.#known
    const named = lstatSync(this.#path, { throwIfNoEntry: false })
    if (!known) return 'same'
    if (!named) return 'removed'
    if (named.ino !== known.ino || named.dev !== known.dev)
      return named.isFile() && named.size === 0 ? 'empty' : 'replaced'
    return named.size === known.size || (this.#broken && named.size > known.size) ? 'same' : 'changed'
  }

  #begin(text: string, names: { readonly closed: string; readonly aside: string }): void {
    const next = `${this.#path}.next`
    const state = this.#state()
    rmSync(next, { force: true })
    const fd = openLog(next, this.#mode, true)
    try {
      for (let bytes = Buffer.from(text); bytes.length > 0;) bytes = bytes.subarray(writeSync(fd, bytes))
      fsyncSync(fd)
      if (state === 'same' || state === 'changed') renameSync(this.#path, unused(names.closed))
      else if (state === 'replaced') renameSync(this.#path, unused(names.aside))
      renameSync(next, this.#path)
      syncFolder(this.#path)
    } catch (thrown) {
      closeSync(fd)
      if (existsSync(this.#path)) rmSync(next, { force: true })
      throw thrown
    }
    this.#retire()
    this.#fd = fd
    this.#know(fstatSync(fd))
    this.#broken = false
  }

  /** A crash between the two steps of `begin`: the new file is whole, and the old one has its new name. */
  #finishBegin(): void {
    const next = `${this.#path}.next`
    if (!existsSync(next)) return
    if (lstatSync(this.#path, { throwIfNoEntry: false })) rmSync(next)
    else renameSync(next, this.#path)
  }

  /** A fresh descriptor of the same file, without the half of a write that failed. @throws when it is another file. */
  #replace(): void {
    this.#retire()
    const known = this.#known
    const fd = openLog(this.#path, this.#mode)
    const found = fstatSync(fd)
    if (known && (found.ino !== known.ino || found.dev !== known.dev || found.size < known.size)) {
      closeSync(fd)
      this.#broken = false
      throw new Error('the audit file is not the one it was')
    }
    this.#fd = fd
    if (known && this.#broken && found.size > known.size) ftruncateSync(fd, known.size)
    this.#know(fstatSync(fd))
    this.#broken = false
  }

  #know({ dev, ino, size }: Stats): void {
    this.#known = { dev, ino, size }
  }

  #append(bytes: Buffer): void {
    const known = this.#known as Known
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#fd as number, bytes, at)
      this.#known = { ...known, size: known.size + bytes.length }
    } catch (thrown) {
      this.#broken = true
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
}

/** A path that no file has: nothing is ever written over. */
function unused(path: string): string {
  let free = path
  for (let count = 2; existsSync(free); count++) free = `${path}-${count}`
  return free
}

/** Names that Linux has for the streams of a process. */
const standardStream = /^\/+(dev\/+(stdout|stderr|stdin|tty|console|fd\/.*)|proc\/+[^/]+\/+fd\/.*)$/

/** `type = "file"`. `path` is the older name of `file_path`. */
export function fileDevice(options: DeviceOptions): AuditDevice {
  const path = options.text('file_path', 'path')
  const mode = modeOf(options.text('mode'))
  const sync = options.oneOf('sync', ['group', 'always'])
  const settings = fileSettings(options)
  if (path === undefined) throw refuse('file_path is required')
  if (path === 'stdout') return new StdoutDevice()
  const place = path === 'discard' ? discardPath : path
  if (standardStream.test(place))
    throw refuse('this is no file to keep a log in; for standard output write file_path = "stdout"')
  if (!place.startsWith('/') || place.endsWith('/') || place.split('/').includes('..') || place.includes('\0'))
    throw refuse('file_path must be the absolute path of a file, without "..", or "stdout" or "discard"')
  return new FileDevice(posix.normalize(place), mode, sync === 'always', settings)
}
