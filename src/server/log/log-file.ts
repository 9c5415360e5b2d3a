import { writeSync } from 'node:fs'
import { constants, open, readdir, rename, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { Clock } from '../../util/clock.ts'
import { Mutex } from '../../util/mutex.ts'

/** When a log file is closed and put aside. What is absent does not happen. */
export interface Rotation {
  readonly bytes?: number
  readonly seconds?: number
  /** How many older files are kept; -1 for none, and 0 for all of them. */
  readonly maxFiles?: number
}

/** How a log file is kept. */
export interface LogFileOptions {
  readonly clock: Clock
  readonly rotation?: Rotation
  /** Called once when the file cannot be written or rotated, and again only after it could. */
  readonly failed: (why: string) => void
}

/** Lines that wait for the disk, in bytes. What comes on top is lost and counted: a disk that hangs must not take the memory. */
const mostWaiting = 1024 * 1024
/** After a rotation that failed, milliseconds. */
const rotateAgainAfter = 60_000

const { O_WRONLY, O_APPEND, O_CREAT } = constants

/** A file that log lines are appended to, readable by its owner only. Nobody waits for it, and no failure of it is thrown. */
export class LogFile {
  readonly #path: string
  readonly #options: LogFileOptions
  readonly #turns = new Mutex()
  #handle: FileHandle
  /** Since when the file has lines, epoch milliseconds. */
  #began: number
  #size: number
  /** Something without a name of its own, such as a terminal or a pipe, is never rotated. */
  #isFile: boolean
  #waiting: string[] = []
  #waitingBytes = 0
  #lost = 0
  /** The last write ended in the middle of a line. */
  #torn = false
  #rotateNotBefore = 0
  #isFailing = false

  private constructor(path: string, options: LogFileOptions, first: Opened) {
    this.#path = path
    this.#options = options
    this.#handle = first.handle
    this.#began = first.began
    this.#size = first.size
    this.#isFile = first.isFile
  }

  /** @throws NodeJS.ErrnoException when it cannot be opened */
  static async open(path: string, options: LogFileOptions): Promise<LogFile> {
    return new LogFile(path, options, await opened(path, options.clock))
  }

  /** @param line with its line end */
  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#waitingBytes + bytes > mostWaiting) {
      this.#lost++
      return
    }
    this.#waiting.push(line)
    this.#waitingBytes += bytes
    if (this.#waiting.length === 1) void this.#turns.run(async () => this.#flush())
  }

  /** Writes a line before it returns, past those that wait: the process is about to end. */
  writeNow(line: string): void {
    try {
      writeSync(this.#handle.fd, this.#waiting.splice(0).join('') + line)
    } catch {
      // It was the last attempt, and standard error has the line.
    }
  }

  /** Opens the path again: somebody has moved the file. @throws NodeJS.ErrnoException, and the old file stays in use */
  async reopen(): Promise<void> {
    await this.#turns.run(async () => {
      await this.#flush()
      const next = await opened(this.#path, this.#options.clock)
      await this.#handle.close()
      this.#use(next)
    })
  }

  /** Writes what waits, and closes the file. */
  async close(): Promise<void> {
    await this.#turns.run(async () => {
      await this.#flush()
      await this.#handle.close()
    })
  }

  async #flush(): Promise<void> {
    const lines = this.#waiting.splice(0)
    this.#waitingBytes = 0
    const lost = this.#lost
    this.#lost = 0
    try {
      for (const line of lines) {
        if (this.#isDue(Buffer.byteLength(line))) await this.#rotate()
        await this.#append(line)
      }
      if (lost > 0) this.#options.failed(`${lost} lines were lost, because it could not be written in time`)
      if (lines.length > 0) this.#isFailing = false
    } catch (thrown) {
      this.#fail(`it cannot be written (${codeOf(thrown)}); its lines are on standard error only`)
    }
  }

  async #append(line: string): Promise<void> {
    const text = this.#torn ? `\n${line}` : line
    this.#torn = true
    await this.#handle.appendFile(text)
    this.#torn = false
    this.#size += Buffer.byteLength(text)
  }

  #isDue(bytes: number): boolean {
    const { clock, rotation = {} } = this.#options
    if (!this.#isFile || this.#size === 0 || clock.now() < this.#rotateNotBefore) return false
    if (rotation.bytes !== undefined && this.#size + bytes > rotation.bytes) return true
    return rotation.seconds !== undefined && clock.now() - this.#began >= rotation.seconds * 1000
  }

  /** A file that cannot be put aside stays in use. */
  async #rotate(): Promise<void> {
    const { clock, rotation } = this.#options
    try {
      await rename(this.#path, await this.#freeName())
      const next = await opened(this.#path, clock)
      await this.#handle.close()
      this.#use(next)
      await this.#prune(rotation?.maxFiles ?? 0)
    } catch (thrown) {
      this.#rotateNotBefore = clock.now() + rotateAgainAfter
      this.#fail(`it cannot be rotated (${codeOf(thrown)}); it is continued`)
    }
  }

  #use({ handle, began, size, isFile }: Opened): void {
    this.#handle = handle
    this.#began = began
    this.#size = size
    this.#isFile = isFile
    this.#torn = false
  }

  /** `name-20261130T231500.123Z.ext`, in the order of time; a second one of that millisecond gets a later time. */
  async #freeName(): Promise<string> {
    const { stem, extension, folder } = partsOf(this.#path)
    const taken = new Set(await this.#older())
    for (let at = this.#options.clock.now(); ; at++) {
      const name = `${stem}-${new Date(at).toISOString().replace(/[-:]/g, '')}${extension}`
      if (!taken.has(name)) return join(folder, name)
    }
  }

  /** The files that were put aside, oldest first. */
  async #older(): Promise<string[]> {
    const { stem, extension, folder } = partsOf(this.#path)
    const time = /^\d{8}T\d{6}\.\d{3}Z$/
    const names = await readdir(folder)
    return names
      .filter((name) => name.startsWith(`${stem}-`) && name.endsWith(extension))
      .filter((name) => time.test(name.slice(stem.length + 1, name.length - extension.length)))
      .sort()
  }

  async #prune(maxFiles: number): Promise<void> {
    if (maxFiles === 0) return
    const names = await this.#older()
    for (const name of names.slice(0, Math.max(0, names.length - Math.max(0, maxFiles))))
      await unlink(join(partsOf(this.#path).folder, name))
  }

  #fail(why: string): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.#options.failed(why)
  }
}

interface Opened {
  readonly handle: FileHandle
  readonly began: number
  readonly size: number
  readonly isFile: boolean
}

async function opened(path: string, clock: Clock): Promise<Opened> {
  const handle = await open(path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
  const { size, birthtimeMs, isFile } = await handle.stat().then((status) => ({
    size: status.size,
    birthtimeMs: status.birthtimeMs,
    isFile: status.isFile(),
  }))
  // Servers that are restarted often would never rotate their file if its age counted from the start.
  const began = size > 0 && birthtimeMs > 0 ? Math.min(birthtimeMs, clock.now()) : clock.now()
  return { handle, began, size, isFile }
}

function partsOf(path: string): { readonly folder: string; readonly stem: string; readonly extension: string } {
  const extension = extname(path)
  return { folder: dirname(path), stem: basename(path, extension), extension }
}

const codeOf = (thrown: unknown): string => (thrown as NodeJS.ErrnoException).code ?? 'unknown'
