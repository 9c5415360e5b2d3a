import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { logLevelOf, logLevels } from '../../util/log.ts'
import type { LogLevel } from '../../util/log.ts'

/** The server's own log, for these routes. */
export interface LoggerPort {
  levels(): ReadonlyMap<string, LogLevel>
  /** One logger or all; without a level, back to the configured one. False: no such logger. */
  set(level: LogLevel | undefined, name?: string): boolean
}

const { read, write, remove } = routesOf<unknown>()
const name = { name: f.string('The name of the logger, such as core.').or('') }
const level = {
  level: f
    .string(`The least grave lines that are written: ${logLevels}.`)
    .reads((value) =>
      [typeof value === 'string' ? logLevelOf(value) : undefined].filter((found) => found !== undefined),
    ),
}

/** `sys/loggers`: the levels of the server log. Until the next start. */
export function loggerRoutes(loggers: LoggerPort): Route<unknown>[] {
  return [
    read('loggers', {
      about: 'List the loggers and their levels.',
      returns: { '*': f.string('The level of a logger, by its name.') },
      handle: () => answer(Object.fromEntries(loggers.levels())),
    }),
    write('loggers', {
      about: 'Set the level of all loggers.',
      fields: level,
      handle: (_, values) => change(loggers, levelOf(values.level)),
    }),
    remove('loggers', {
      about: 'Set all loggers back to the configured level.',
      handle: () => change(loggers, undefined),
    }),
    read('loggers/:name', {
      about: 'Read the level of a logger.',
      returns: { '*': f.string('Its level, by its name.') },
      fields: name,
      handle: (_, values) => {
        const found = loggers.levels().get(values.name)
        return answer(found === undefined ? {} : { [values.name]: found })
      },
    }),
    write('loggers/:name', {
      about: 'Set the level of a logger.',
      fields: { ...name, ...level },
      handle: (_, values) => change(loggers, levelOf(values.level), values.name),
    }),
    remove('loggers/:name', {
      about: 'Set a logger back to the configured level.',
      fields: name,
      handle: (_, values) => change(loggers, undefined, values.name),
    }),
  ]
}

function levelOf(input: string | undefined): LogLevel {
  if (input === undefined) throw refuse('level is required')
  if (input === '') throw refuse('level is empty')
  const parsed = logLevelOf(input)
  if (!parsed) throw refuse(`the level is none of ${logLevels}`)
  return parsed
}

function change(loggers: LoggerPort, newLevel: LogLevel | undefined, logger?: string): Response {
  if (loggers.set(newLevel, logger)) return done()
  throw refuse(`there is no logger of that name; this server has: ${[...loggers.levels().keys()].sort().join(', ')}`)
}
