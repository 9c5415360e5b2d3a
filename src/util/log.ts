/** Values that may be logged: plain scalars. A `Secret` is not assignable, so logging one does not compile. */
export type Loggable = string | number | boolean | null | undefined

/** The server's own log (not the audit log). Levels as Vault names them. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, Loggable>>): void
  info(message: string, fields?: Readonly<Record<string, Loggable>>): void
  warn(message: string, fields?: Readonly<Record<string, Loggable>>): void
  error(message: string, fields?: Readonly<Record<string, Loggable>>): void
}

/** From all messages to errors only. Nothing is logged below `debug`: `trace` means the same. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

const ranks: Readonly<Record<LogLevel, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 }
const otherNames: Readonly<Record<string, LogLevel>> = { notice: 'info', warning: 'warn', err: 'error' }

/** The level with this name in `log_level` and `-log-level`, in any letter case; undefined for an unknown one. */
export function logLevelOf(name: string): LogLevel | undefined {
  const word = name.trim().toLowerCase()
  if (Object.hasOwn(ranks, word)) return word as LogLevel
  return Object.hasOwn(otherNames, word) ? otherNames[word] : undefined
}

/** The names of all levels, for messages. */
export const logLevels = Object.keys(ranks).join(', ')

/** Drops all messages. */
export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** The format and the level of lines. */
interface LogStyle {
  readonly json?: boolean
  /** Lines below it are left out; `info` by default. A function is called for each line. */
  readonly level?: LogLevel | (() => LogLevel)
  /** The name of the logger, before the message. */
  readonly name?: string
}

/** One line per message on `write`: `2026-11-23T14:02:11.123Z [INFO]  core: message: key=value`. */
export function lineLog(write: (line: string) => void, now: () => number, style: LogStyle = {}): Log {
  const { json, level: minimum = 'info', name } = style
  const at = (level: LogLevel) => (message: string, fields?: Readonly<Record<string, Loggable>>) => {
    if (ranks[level] < ranks[typeof minimum === 'function' ? minimum() : minimum]) return
    const time = new Date(now()).toISOString()
    write(json ? jsonLine(time, level, message, fields, name) : textLine(time, level, message, fields, name))
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** The loggers of a server by name. Each has a level of its own, which can be changed while the server runs. */
export class Loggers {
  readonly #levels = new Map<string, LogLevel>()
  readonly #write: (line: string) => void
  readonly #now: () => number
  #style: { readonly json: boolean; readonly level: LogLevel }

  constructor(
    write: (line: string) => void,
    now: () => number,
    style: { readonly json: boolean; readonly level: LogLevel },
  ) {
    this.#write = write
    this.#now = now
    this.#style = style
  }

  /** The logger of that name; created at the first call. */
  named(name: string): Log {
    if (!this.#levels.has(name)) this.#levels.set(name, this.#style.level)
    const level = (): LogLevel => this.#levels.get(name) ?? this.#style.level
    return lineLog(this.#write, this.#now, { json: this.#style.json, name, level })
  }

  /** Changes the configured level. If it differs, every logger gets it. */
  configure(level: LogLevel): void {
    if (level === this.#style.level) return
    this.#style = { ...this.#style, level }
    this.set(level)
  }

  /** Every logger with its level. */
  levels(): ReadonlyMap<string, LogLevel> {
    return this.#levels
  }

  /** Sets the level of one logger, or of all without a name; without a level, back to the configured one. False: no such logger. */
  set(level: LogLevel = this.#style.level, name?: string): boolean {
    if (name !== undefined && !this.#levels.has(name)) return false
    for (const one of name === undefined ? [...this.#levels.keys()] : [name]) this.#levels.set(one, level)
    return true
  }
}

type LogFields = Readonly<Record<string, Loggable>> | undefined

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields, name?: string): string {
  const module = name === undefined ? {} : { '@module': name }
  return `${escaped({ '@level': level, '@message': message, ...module, '@timestamp': time, ...fields })}\n`
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields = {}, name?: string): string {
  const subject = printable(name === undefined ? message : `${name}: ${message}`)
  const tail = Object.entries(fields)
    .filter(([key, value]) => value !== undefined && !key.startsWith('@'))
    .map(([key, value]) => ` ${key}=${escaped(value)}`)
  return `${time} [${level.toUpperCase()}]${' '.repeat(6 - level.length)}${subject}${tail.length ? ':' : ''}${tail.join('')}\n`
}

/** What a terminal or a reader of lines would act on: line ends of any kind, control characters, changes of the direction. */
const active = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** JSON in one line of printable characters: a value that others chose cannot end its line, begin another, or move a cursor. */
const escaped = (value: unknown): string => printable(JSON.stringify(value))

function printable(text: string): string {
  return text.replace(active, (character) =>
    Array.from({ length: character.length }, (_, at) => character.charCodeAt(at).toString(16).padStart(4, '0'))
      .map((digits) => `\\u${digits}`)
      .join(''),
  )
}
