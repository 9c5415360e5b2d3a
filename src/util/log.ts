/** What may be logged: plain scalars. A `Secret` does not fit, so logging one does not compile. */
export type Loggable = string | number | boolean | null | undefined

/** The server's own log (not the audit log). Levels as Vault names them. */
export interface Log {
  info(message: string, facts?: Readonly<Record<string, Loggable>>): void
  warn(message: string, facts?: Readonly<Record<string, Loggable>>): void
  error(message: string, facts?: Readonly<Record<string, Loggable>>): void
}

/** From everything to the gravest only. Nothing is logged below `info`: `trace` and `debug` mean the same. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

const ranks: Readonly<Record<LogLevel, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 }
const otherNames: Readonly<Record<string, LogLevel>> = { notice: 'info', warning: 'warn', err: 'error' }

/** The level of a name as `log_level` and `-log-level` take it, in any case; undefined for an unknown one. */
export function logLevelOf(name: string): LogLevel | undefined {
  const word = name.trim().toLowerCase()
  if (Object.hasOwn(ranks, word)) return word as LogLevel
  return Object.hasOwn(otherNames, word) ? otherNames[word] : undefined
}

/** The names of all levels, for messages. */
export const logLevels = Object.keys(ranks).join(', ')

/** Logs nowhere. */
export const silent: Log = { info: () => {}, warn: () => {}, error: () => {} }

/** How lines are written, and which. */
export interface LogStyle {
  readonly json?: boolean
  /** Lines below it are left out; `info` unless given. */
  readonly level?: LogLevel
}

/** One line per message on `write`: `2026-11-23T14:02:11.123Z [INFO]  message: key=value`. */
export function lineLog(write: (line: string) => void, now: () => number, style: LogStyle = {}): Log {
  const least = ranks[style.level ?? 'info']
  const at = (level: LogLevel) => (message: string, facts?: Readonly<Record<string, Loggable>>) => {
    if (ranks[level] < least) return
    const time = new Date(now()).toISOString()
    write(style.json ? jsonLine(time, level, message, facts) : textLine(time, level, message, facts))
  }
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

type Facts = Readonly<Record<string, Loggable>> | undefined

function jsonLine(time: string, level: LogLevel, message: string, facts: Facts): string {
  return `${JSON.stringify({ '@level': level, '@message': message, '@timestamp': time, ...facts })}\n`
}

function textLine(time: string, level: LogLevel, message: string, facts: Facts = {}): string {
  const tail = Object.entries(facts).map(([name, value]) => ` ${name}=${JSON.stringify(value) ?? ''}`)
  return `${time} [${level.toUpperCase()}]${' '.repeat(6 - level.length)}${message}${tail.length ? ':' : ''}${tail.join('')}\n`
}
