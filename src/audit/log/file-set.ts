import { renameSync } from 'node:fs'
import { posix } from 'node:path'
import type { AuditFile, FileState } from '../../contract/audit.ts'
import type { Log } from '../../util/log.ts'
import { checkpointFileOf } from '../checkpoints/checkpoint-file.ts'
import type { Begin } from '../lines/first-line.ts'
import type { NoteAbout } from '../lines/entry.ts'
import type { Head, LogState } from './state.ts'

/** A closed file: its new path, and the state of the log at its end. */
interface Closed {
  readonly path: string
  readonly head: Head
}

/** A pending line about the log itself: its kind, and its data. */
interface Remark {
  readonly about: NoteAbout
  readonly data: Readonly<Record<string, unknown>>
}

interface FileSetParts {
  readonly file: AuditFile
  readonly log: Log
  /** The path of the device, for people. */
  readonly device: string
  readonly now: () => number
  /** A first line, without its closing brace. */
  readonly line: (begin: Begin) => string
  /** A fresh id of a log. */
  readonly id: () => string
}

const lowSpace = 64 * 1024 * 1024

/** After a rotation that failed it is tried again so much later, milliseconds. */
const retryAfter = 60_000

/**
 * The files of a log: creates them, closes them when they are due, and continues after another process has moved or changed one.
 */
export class LogFileSet {
  readonly #parts: FileSetParts
  /** The log as it was written so far. */
  state: LogState
  #begunAt: number
  #notBefore = 0
  #fullLogged = false
  /** 0: enough space, 1: first warning logged, 2: last warning logged. */
  #warned = 0
  /** Closed files that are not processed yet, oldest first. */
  readonly closed: Closed[] = []
  /** How often another process has moved or changed the live file. */
  disturbed = 0

  /** @param begunAt when the live file was begun, epoch milliseconds. */
  constructor(parts: FileSetParts, state: LogState, begunAt: number) {
    this.#parts = parts
    this.state = state
    this.#begunAt = begunAt
  }

  get file(): AuditFile {
    return this.#parts.file
  }

  /**
   * Before lines are written: ensures that they go into the right file. Returns the pending lines about the log. @throws if no
   * file can be used.
   */
  ready(): readonly Remark[] {
    const { file } = this.#parts
    const found = file.state()
    if (found !== 'same') return [...this.#continue(found, true), ...this.#full()]
    if (this.state.offset === 0) return [{ about: 'begin', data: { ...this.state.begin() } }, ...this.#full()]
    if (this.#due()) this.#rotate()
    return this.#full()
  }

  /** Whether another process has moved or changed the live file. */
  get moved(): boolean {
    return this.#parts.file.state() !== 'same'
  }

  /** On SIGHUP: a renamed file is closed, which is normal. */
  reopened(): void {
    const found = this.#parts.file.state()
    if (found === 'removed' || found === 'empty') this.#continue(found, false)
  }

  /** Closes the live file now. @throws when that fails. */
  rotate(): void {
    const { file } = this.#parts
    const head = this.state.head()
    const path = this.state.archive(file.path)
    this.#begin(this.state.inNextFile(posix.basename(path)), path)
    renameCheckpoints(file.path, path)
    this.closed.push({ path, head })
  }

  /** Closes the live file and begins another log. @throws when that fails. */
  beginAnew(why: string): void {
    this.#begin(this.state.anew(this.#parts.id(), why), this.state.archive(this.#parts.file.path))
  }

  /**
   * Called periodically, also without other lines: reserves space again after a full disk. True if the log has to record
   * that the disk is full, or has space again.
   */
  recovered(): boolean {
    const { file } = this.#parts
    if (file.full && this.#fullLogged) file.recover()
    return file.full !== this.#fullLogged
  }

  /** Free space on the disk, if known. */
  freeSpace(): Partial<ReturnType<AuditFile['space']>> {
    try {
      return this.#parts.file.space()
    } catch {
      return {}
    }
  }

  /** Warns before the disk is full: below a tenth, and below a hundredth or 64 MiB. */
  watchSpace(): void {
    const { free, total } = this.freeSpace()
    if (free === undefined || total === undefined) return
    const critical = free < Math.max(total / 100, Math.min(total / 10, lowSpace))
    const level = critical ? 2 : free < total / 10 ? 1 : 0
    const worse = level > this.#warned
    this.#warned = level
    if (!worse) return
    const fields = { path: this.#parts.device, free_bytes: free }
    if (critical) this.#parts.log.error('the disk of the audit log is almost full', fields)
    else this.#parts.log.warn('the disk of the audit log is getting full', fields)
  }

  #due(): boolean {
    const { now, file } = this.#parts
    const { rotateBytes = Infinity, rotateAge = Infinity } = file.settings
    const due = this.state.offset >= rotateBytes || now() - this.#begunAt >= rotateAge
    // While the tree is not known (sealed since the start), the first line of a next file would lack it.
    return due && this.state.range !== undefined && !file.full && now() >= this.#notBefore
  }

  /** Lines matter more than files: a file that cannot be closed now is continued. */
  #rotate(): void {
    try {
      this.rotate()
    } catch (thrown) {
      this.#notBefore = this.#parts.now() + retryAfter
      this.#parts.log.warn('the audit file cannot be closed; continuing in it', {
        path: this.#parts.device,
        reason: (thrown as NodeJS.ErrnoException).code ?? 'unknown',
      })
    }
  }

  #continue(found: FileState, alarming: boolean): readonly Remark[] {
    const { file, device, log, now } = this.#parts
    const size = this.state.size
    const closed = this.state.archive(file.path)
    const aside = `${file.path}.aside-${now()}`
    this.#begin(this.state.inNextFile(found === 'changed' ? posix.basename(closed) : undefined), closed, aside)
    if (!alarming) return []
    this.disturbed++
    log.error('the audit file was moved or changed by somebody else while it was in use; continuing in a new one', {
      path: device,
      what: found,
    })
    const what = found === 'empty' ? 'replaced' : found
    return [{ about: 'moved', data: { what, size, ...(found === 'replaced' && { aside: posix.basename(aside) }) } }]
  }

  #begin(next: LogState, closed: string, aside = closed): void {
    const made = next.chain([this.#parts.line(next.begin())])
    this.#parts.file.begin(made.text, { closed, aside })
    next.take(made)
    this.state = next
    this.#begunAt = this.#parts.now()
  }

  #full(): readonly Remark[] {
    const { file, device, log } = this.#parts
    if (file.full === this.#fullLogged) return []
    this.#fullLogged = file.full
    if (file.full)
      log.error('the disk of the audit log is full; requests are refused until there is room', { path: device })
    else log.info('the disk of the audit log has room again', { path: device })
    return [{ about: 'space', data: { full: file.full } }]
  }
}

/**
 * The checkpoints of a file get its new name in the same step: one that is written from now on is of later lines, and must
 * not lie beside this file. Those that keep the live name (there was a crash, or none is there) lie beside a later file.
 */
function renameCheckpoints(live: string, closed: string): void {
  try {
    renameSync(checkpointFileOf(live), checkpointFileOf(closed))
  } catch {
    // The name is for people and for closed files that are checked separately.
  }
}
