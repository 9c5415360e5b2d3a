import {
  closeSync,
  existsSync,
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
import type { AuditDevice, AuditFile, AuditFileSettings, AuditTail, FileState } from '../../contract/audit.ts'
import { refuse } from '../../contract/fault.ts'
import { DiscardDevice } from './discard.ts'
import { fileSettings } from './file-settings.ts'
import { FileSyncs } from './file-syncs.ts'
import { modeOf, openLog, syncFolder } from './open-file.ts'
import type { DeviceOptions } from './options.ts'
import { DiskReserve, isFull } from '../log/disk-reserve.ts'
import { StdoutDevice } from './stdout.ts'
import { takeTail } from '../log/torn-line.ts'

/** The identity of the file, and its length after our own writes. */
interface FileMark {
  readonly dev: number
  readonly ino: number
  readonly size: number
}

/**
 * `broken`: a write or a sync failed, so the descriptor cannot be trusted any more, and the bytes after the marked size are
 * half a write. `closed`: the descriptor was given up, and the file is whole.
 */
type State =
  | { readonly is: 'unopened' }
  | { readonly is: 'open'; readonly fd: number; readonly mark: FileMark }
  | { readonly is: 'broken'; readonly fd: number | undefined; readonly mark: FileMark }
  | { readonly is: 'closed'; readonly mark: FileMark }

/** A device that appends to a file. Never follows a link, never creates an executable or a file that others can read. */
class FileDevice implements AuditDevice {
  readonly type = 'file'
  readonly target: string
  readonly alwaysSync: boolean
  readonly file: AuditFile
  readonly #path: string
  /** Undefined keeps the mode of an existing file. */
  readonly #mode: number | undefined
  readonly #reserve: DiskReserve
  readonly #syncs = new FileSyncs(
    () => this.#descriptor,
    // Bytes that a failed sync has lost stay lost: a second one on the same descriptor may report success.
    () => this.#markBroken(),
  )
  #state: State = { is: 'unopened' }

  constructor(path: string, mode: number | undefined, alwaysSync: boolean, settings: AuditFileSettings) {
    this.#path = path
    this.#reserve = new DiskReserve(`${path}.reserve`)
    this.#mode = mode
    this.alwaysSync = alwaysSync
    this.target = path
    this.file = this.#asFile(settings)
  }

  async open(): Promise<AuditTail> {
    this.#retire()
    this.#finishBegin()
    const fd = openLog(this.#path, this.#mode)
    const tail = orClose(fd, () => takeTail(fd, this.#path))
    this.#use(fd)
    this.#reserve.keep()
    return tail
  }

  write(text: string): void {
    if (this.#compare() !== 'same') throw new Error('the audit file was moved or changed by somebody else')
    const bytes = Buffer.from(text)
    try {
      if (this.#state.is !== 'open') this.#replace()
      this.#append(bytes)
    } catch (thrown) {
      if (isFull(thrown) && !this.#reserve.release()) throw thrown
      // One retry with a new descriptor; a second failure is the caller's.
      this.#replace()
      this.#append(bytes)
    }
  }

  async sync(): Promise<void> {
    return this.#syncs.sync()
  }

  async reopen(): Promise<void> {
    if (this.#compare() === 'same') this.#replace()
  }

  async close(): Promise<void> {
    this.#retire()
    await this.#syncs.settled()
  }

  #asFile(settings: AuditFileSettings): AuditFile {
    const full = (): boolean => this.#reserve.full
    return {
      path: this.#path,
      settings,
      state: () => this.#compare(),
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

  #compare(): FileState {
    const state = this.#state
    const named = lstatSync(this.#path, { throwIfNoEntry: false })
    if (state.is === 'unopened') return 'same'
    if (!named) return 'removed'
    const { dev, ino, size } = state.mark
    if (named.ino !== ino || named.dev !== dev) return named.isFile() && named.size === 0 ? 'empty' : 'replaced'
    return named.size === size || (state.is === 'broken' && named.size > size) ? 'same' : 'changed'
  }

  #begin(text: string, names: { readonly closed: string; readonly aside: string }): void {
    const next = `${this.#path}.next`
    const found = this.#compare()
    rmSync(next, { force: true })
    const fd = openLog(next, this.#mode, true)
    try {
      for (let bytes = Buffer.from(text); bytes.length > 0;) bytes = bytes.subarray(writeSync(fd, bytes))
      fsyncSync(fd)
      if (found === 'same' || found === 'changed') renameSync(this.#path, unused(names.closed))
      else if (found === 'replaced') renameSync(this.#path, unused(names.aside))
      renameSync(next, this.#path)
      syncFolder(this.#path)
    } catch (thrown) {
      closeSync(fd)
      if (existsSync(this.#path)) rmSync(next, { force: true })
      throw thrown
    }
    this.#retire()
    this.#use(fd)
  }

  /** A crash between the two steps of `begin`: the new file is whole, and the old one has its new name. */
  #finishBegin(): void {
    const next = `${this.#path}.next`
    if (!existsSync(next)) return
    if (lstatSync(this.#path, { throwIfNoEntry: false })) rmSync(next)
    else renameSync(next, this.#path)
  }

  /** A new descriptor of the same file, without the bytes of a failed write. @throws if it is another file. */
  #replace(): void {
    this.#retire()
    const before = this.#state
    const fd = openLog(this.#path, this.#mode)
    if (before.is !== 'unopened') orClose(fd, () => this.#truncate(fd, before))
    this.#use(fd)
  }

  /** @throws when the file is not the one that was written to */
  #truncate(fd: number, { is, mark }: Exclude<State, { readonly is: 'unopened' }>): void {
    const { ino, dev, size } = fstatSync(fd)
    if (ino !== mark.ino || dev !== mark.dev || size < mark.size) {
      this.#state = { is: 'closed', mark }
      throw new Error('the audit file is not the one it was')
    }
    if (is === 'broken' && size > mark.size) ftruncateSync(fd, mark.size)
  }

  #use(fd: number): void {
    const { dev, ino, size } = fstatSync(fd)
    this.#state = { is: 'open', fd, mark: { dev, ino, size } }
  }

  #append(bytes: Buffer): void {
    const state = this.#state
    if (state.is !== 'open') throw new Error('the audit file is not open')
    const { fd, mark } = state
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
      this.#state = { is: 'open', fd, mark: { ...mark, size: mark.size + bytes.length } }
    } catch (thrown) {
      this.#markBroken()
      throw thrown
    }
  }

  get #descriptor(): number | undefined {
    return this.#state.is === 'open' || this.#state.is === 'broken' ? this.#state.fd : undefined
  }

  #markBroken(): void {
    if (this.#state.is !== 'unopened') this.#state = { is: 'broken', fd: this.#descriptor, mark: this.#state.mark }
  }

  /** Closes the descriptor. */
  #retire(): void {
    const state = this.#state
    const fd = this.#descriptor
    if (fd === undefined || state.is === 'unopened') return
    const { mark } = state
    this.#state = state.is === 'broken' ? { is: 'broken', fd: undefined, mark } : { is: 'closed', mark }
    this.#syncs.retire(fd)
  }
}

/** Closes a descriptor that cannot be used after all. */
function orClose<T>(fd: number, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    closeSync(fd)
    throw thrown
  }
}

/** A path without a file: no file is ever overwritten. */
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
  if (path === 'discard' || posix.normalize(path) === '/dev/null') return new DiscardDevice()
  if (standardStream.test(path))
    throw refuse('this is no file to keep a log in; for standard output write file_path = "stdout"')
  if (!path.startsWith('/') || path.endsWith('/') || path.split('/').includes('..') || path.includes('\0'))
    throw refuse('file_path must be the absolute path of a file, without "..", or "stdout" or "discard"')
  return new FileDevice(posix.normalize(path), mode, sync === 'always', settings)
}
