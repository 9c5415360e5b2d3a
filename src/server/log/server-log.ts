import { isAbsolute, join } from 'node:path'
import type { Config } from '../../config/types.ts'
import { ConfigError } from '../../config/source.ts'
import { Events } from '../../core/telemetry/events.ts'
import type { Clock } from '../../util/clock.ts'
import { LogFile } from './log-file.ts'
import { Loggers, lineLog } from '../../util/log.ts'
import type { LogLevel } from '../../util/log.ts'
import { targetsBeside } from '../audit-devices.ts'

/** The settings of the log of the command line, which count before those of the configuration. */
export interface LogOptions {
  readonly logFormat?: 'standard' | 'json'
  readonly logLevel?: LogLevel
  readonly logFile?: string
  readonly logRotateBytes?: number
  /** Seconds. */
  readonly logRotateDuration?: number
  readonly logRotateMaxFiles?: number
  /** Where lines go besides the file; standard error unless given. */
  readonly log?: (line: string) => void
}

/** The settings of the log in a configuration. */
type Settings = Pick<
  Config,
  'logFormat' | 'logLevel' | 'logFile' | 'logRotateBytes' | 'logRotateDuration' | 'logRotateMaxFiles' | 'storage'
>

/** The server's own log: on standard error, and in a file where one is configured. */
export class ServerLog {
  readonly loggers: Loggers
  readonly events: Events
  readonly isJson: boolean
  readonly level: LogLevel
  readonly path: string | undefined
  readonly #write: (line: string) => void
  readonly #clock: Clock
  #file: LogFile | undefined

  /** On standard error alone, until `openFile`. @throws ConfigError for a path that is none */
  constructor(options: LogOptions, settings: Partial<Settings>, clock: Clock) {
    this.#write = options.log ?? ((line) => void process.stderr.write(line))
    this.#clock = clock
    this.isJson = (options.logFormat ?? settings.logFormat) === 'json'
    this.level = options.logLevel ?? settings.logLevel ?? 'info'
    this.path = pathOf(options.logFile ?? settings.logFile)
    const write = (line: string): void => {
      this.#write(line)
      this.#file?.write(line)
    }
    this.loggers = new Loggers(write, () => clock.now(), { json: this.isJson, level: this.level })
    this.events = new Events(this.loggers.named('core'))
  }

  /** @throws ConfigError when the file cannot be used */
  async openFile(options: LogOptions, settings: Settings): Promise<void> {
    if (this.path !== undefined)
      await this.#openFile(this.path, { ...settings, ...rotationOf(options) }, settings.storage)
  }

  async #openFile(path: string, rotation: Rotated, storage: Config['storage']): Promise<void> {
    try {
      targetsBeside(storage)(path)
      this.#file = await LogFile.open(path, {
        clock: this.#clock,
        rotation: {
          seconds: rotation.logRotateDuration ?? 24 * 3600,
          ...(rotation.logRotateBytes && { bytes: rotation.logRotateBytes }),
          maxFiles: rotation.logRotateMaxFiles ?? 0,
        },
        failed: (why) => this.#failed(path, why),
      })
    } catch (thrown) {
      throw new ConfigError(`${path} (log_file): ${reasonOf(thrown)}`, { cause: thrown })
    }
  }

  /** On standard error only: the file has just failed. */
  #failed(file: string, why: string): void {
    this.#eventsOn(this.#write).tell('log_file_failed', { file, why })
  }

  /** The line about a failed start. Whoever starts a server without JSON is told in plain words instead. */
  startFailed(why: string): void {
    if (this.isJson) this.events.tell('start_failed', { why })
    else this.#eventsOn((line) => this.#file?.write(line)).tell('start_failed', { why })
  }

  /** The last line of a process that ends at once. @param kind of the error; its message could have a secret */
  crashed(kind: string): void {
    const write = (line: string): void => {
      this.#write(line)
      this.#file?.writeNow(line)
    }
    this.#eventsOn(write).tell('crashed', { kind })
  }

  #eventsOn(write: (line: string) => void): Events {
    return new Events(lineLog(write, () => this.#clock.now(), { json: this.isJson, name: 'core' }))
  }

  /** Opens the file again (SIGHUP). @throws ConfigError when it cannot be opened; the old one stays in use */
  async reopen(): Promise<void> {
    await this.#file?.reopen().catch((thrown: unknown) => {
      throw new ConfigError(`${this.path} (log_file): ${reasonOf(thrown)}`, { cause: thrown })
    })
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}

type Rotated = Pick<Config, 'logRotateBytes' | 'logRotateDuration' | 'logRotateMaxFiles'>

const rotationOf = (options: LogOptions): Rotated =>
  Object.fromEntries(
    Object.entries(options).filter(([key, value]) => key.startsWith('logRotate') && value !== undefined),
  )

/** A folder means `strongroom.log` in it. */
function pathOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  if (!isAbsolute(file)) throw new ConfigError(`${file} (log_file): the path must begin with /`)
  return file.endsWith('/') ? join(file, 'strongroom.log') : file
}

const cures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder; create it, or correct the path',
  ENOTDIR: 'a part of the path is not a folder; correct the path',
  EISDIR: 'it is a folder; end the path with / to have strongroom.log in it',
  EACCES: "the server's user may not write there; give that user the folder: chown -R USER FOLDER",
  EROFS: 'the file system is read-only; mount it for writing, or correct the path',
  ENOSPC: 'the disk is full; free space on it',
}

function reasonOf(thrown: unknown): string {
  const { code = '' } = thrown as NodeJS.ErrnoException
  return cures[code] ?? (thrown instanceof Error ? thrown.message : 'it cannot be opened')
}
