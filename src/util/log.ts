/** What may be logged: plain scalars. A `Secret` does not fit, so logging one does not compile. */
export type Loggable = string | number | boolean | null | undefined

/** The server's own log (not the audit log). Levels as Vault names them. */
export interface Log {
  info(message: string, facts?: Readonly<Record<string, Loggable>>): void
  warn(message: string, facts?: Readonly<Record<string, Loggable>>): void
  error(message: string, facts?: Readonly<Record<string, Loggable>>): void
}

/** Logs nowhere. */
export const silent: Log = { info: () => {}, warn: () => {}, error: () => {} }

/** One line per message on `write`: `2026-11-23T14:02:11.123Z [INFO]  message: key=value`. */
export function lineLog(write: (line: string) => void, now: () => number, json = false): Log {
  const put = (level: string, message: string, facts: Readonly<Record<string, Loggable>> = {}) => {
    const time = new Date(now()).toISOString()
    if (json)
      return write(`${JSON.stringify({ '@level': level, '@message': message, '@timestamp': time, ...facts })}\n`)
    const tail = Object.entries(facts).map(([name, value]) => ` ${name}=${JSON.stringify(value) ?? ''}`)
    return write(
      `${time} [${level.toUpperCase()}]${' '.repeat(6 - level.length)}${message}${tail.length ? ':' : ''}${tail.join('')}\n`,
    )
  }
  return {
    info: (message, facts) => put('info', message, facts),
    warn: (message, facts) => put('warn', message, facts),
    error: (message, facts) => put('error', message, facts),
  }
}
