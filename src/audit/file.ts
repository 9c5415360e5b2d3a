import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { fdatasync } from 'node:fs'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import type { AuditDevice, AuditTail } from '../contract/audit.ts'
import { Fault, refuse } from '../contract/fault.ts'

const flush = promisify(fdatasync)
const lineLimit = 2 * 1024 * 1024

/** A device that appends to a file. Never follows a link, never makes an executable or a file that others can read. */
export class FileDevice implements AuditDevice {
  readonly type = 'file'
  readonly target: string
  readonly alwaysSync: boolean
  readonly #mode: number
  #fd: number | undefined

  /** @param path absolute. @param mode at most 0640. */
  constructor(path: string, mode: number, alwaysSync: boolean) {
    this.target = path
    this.#mode = mode
    this.alwaysSync = alwaysSync
  }

  async open(): Promise<AuditTail> {
    this.#fd = this.#openFile()
    return isFile(this.#fd) ? tailOf(this.#fd, this.target) : {}
  }

  write(text: string): void {
    try {
      this.#append(text)
    } catch {
      // Once more on a fresh descriptor: the file may have been moved away under us.
      this.#close()
      this.#fd = this.#openFile()
      this.#append(text)
    }
  }

  async sync(): Promise<void> {
    const fd = this.#fd
    if (fd !== undefined && isFile(fd)) await flush(fd)
  }

  async reopen(): Promise<void> {
    const old = this.#fd
    this.#fd = this.#openFile()
    if (old !== undefined) closeSync(old)
  }

  async close(): Promise<void> {
    this.#close()
  }

  #append(text: string): void {
    this.#fd ??= this.#openFile()
    if (isFile(this.#fd) && !this.#inPlace(this.#fd)) {
      this.#close()
      this.#fd = this.#openFile()
    }
    const bytes = Buffer.from(text)
    const before = isFile(this.#fd) ? fstatSync(this.#fd).size : 0
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
    } catch (thrown) {
      // Half a line must not stay: the next one would stand behind it.
      if (isFile(this.#fd)) ftruncateSync(this.#fd, before)
      throw thrown
    }
  }

  /** Whether the path still leads to the open file: someone may have removed or replaced it. */
  #inPlace(fd: number): boolean {
    const [open, named] = [fstatSync(fd), statSync(this.target, { throwIfNoEntry: false })]
    return named !== undefined && named.ino === open.ino && named.dev === open.dev
  }

  #openFile(): number {
    try {
      return openSync(
        this.target,
        constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
        this.#mode,
      )
    } catch (cause) {
      throw new Fault(
        'unavailable',
        'the audit file cannot be opened; see that its folder exists and that it is no link',
        { cause },
      )
    }
  }

  #close(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined) closeSync(fd)
  }
}

/** Lines on standard output. */
export class StdoutDevice implements AuditDevice {
  readonly type = 'file'
  readonly target = undefined
  readonly alwaysSync = false

  async open(): Promise<AuditTail> {
    return {}
  }

  write(text: string): void {
    writeSync(1, text)
  }

  async sync(): Promise<void> {}
  async reopen(): Promise<void> {}
  async close(): Promise<void> {}
}

/** Options of `type = "file"`. `path` is the older name of `file_path`; both go the same way (CVE-2026-5051). */
export function fileDevice(options: Readonly<Record<string, string>>): AuditDevice {
  const path = options['file_path'] ?? options['path'] ?? ''
  if (path === '') throw refuse('file_path is required: the absolute path of the audit file, or "stdout" or "discard"')
  if (path === 'stdout') return new StdoutDevice()
  if (path === 'discard') return new FileDevice('/dev/null', 0o600, false)
  if (!path.startsWith('/') || path.split('/').includes('..') || path.includes('\0'))
    throw refuse('file_path must be an absolute path without ".."')
  return new FileDevice(path, modeOf(options['mode']), options['sync'] === 'always')
}

function modeOf(written: string | undefined): number {
  if (written === undefined || written === '' || /^0+$/.test(written)) return 0o600
  const mode = /^[0-7]{3,4}$/.test(written) ? parseInt(written, 8) : NaN
  if (Number.isNaN(mode)) throw refuse('mode must be octal, such as 0600')
  // Exec bits are dropped, as OpenBao does; what others could read is refused.
  const bare = mode & 0o666
  if ((bare & 0o027) !== 0 && (bare & 0o007) !== 0)
    throw refuse('mode must not let others read the audit file, nor its group write it; use 0600 or 0640')
  return bare
}

const isFile = (fd: number): boolean => fstatSync(fd).isFile()

/** The last whole line. What stands behind it is a line that a crash cut short: set aside beside the file. */
function tailOf(fd: number, path: string): AuditTail {
  const size = fstatSync(fd).size
  if (size === 0) return {}
  const start = Math.max(0, size - lineLimit)
  const bytes = Buffer.alloc(size - start)
  const reader = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    readSync(reader, bytes, 0, bytes.length, start)
  } finally {
    closeSync(reader)
  }
  const end = bytes.lastIndexOf(10)
  const torn = bytes.subarray(end + 1)
  if (torn.length > 0) {
    writeFileSync(`${path}.torn`, torn, { mode: 0o600, flag: 'a' })
    ftruncateSync(fd, size - torn.length)
  }
  const line = end < 0 ? undefined : bytes.subarray(bytes.lastIndexOf(10, end - 1) + 1, end).toString()
  return {
    ...(line !== undefined && line !== '' && { line }),
    ...(torn.length > 0 && { torn: { bytes: torn.length, sha256: createHash('sha256').update(torn).digest('hex') } }),
  }
}
