import { parseDuration } from '../../../util/duration.ts'
import { logLevelOf, logLevels } from '../../../util/log.ts'
import type { Run, Serve } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import type { FlagTable } from '../../framework/flags.ts'

/** The flags of the server's own log. */
export const logFlags: FlagTable = {
  'log-level': { kind: 'string', about: `The log level (VAULT_LOG_LEVEL): ${logLevels}.` },
  'log-format': { kind: 'string', about: 'The log format (VAULT_LOG_FORMAT): standard or json.' },
  'log-file': { kind: 'string', about: 'A file that the log is written to as well, or a folder (with / at its end).' },
  'log-rotate-bytes': { kind: 'string', about: 'Rotate the log file before it is larger than this.' },
  'log-rotate-duration': { kind: 'string', about: 'Rotate the log file when it is older than this (default 24h).' },
  'log-rotate-max-files': { kind: 'string', about: 'How many older log files are kept: 0 for all, -1 for none.' },
}

type LogOptions = Pick<
  Parameters<Serve>[0],
  'logFormat' | 'logLevel' | 'logFile' | 'logRotateBytes' | 'logRotateDuration' | 'logRotateMaxFiles'
>

/** The settings of the log: a flag counts before the environment, and both before the configuration. @throws UsageError */
export function logging({ flags, environment }: Run): LogOptions {
  const format = flags.string('log-format') || environment.setting('LOG_FORMAT') || ''
  const level = flags.string('log-level') || environment.setting('LOG_LEVEL') || ''
  if (format !== '' && format !== 'standard' && format !== 'json')
    throw new UsageError(`the log format is "standard" or "json", not "${format}"`)
  const logLevel = logLevelOf(level)
  if (level !== '' && !logLevel) throw new UsageError(`the log level is one of ${logLevels}, not "${level}"`)
  const file = flags.string('log-file')
  const bytes = whole(flags.string('log-rotate-bytes'), 'log-rotate-bytes', 1)
  const files = whole(flags.string('log-rotate-max-files'), 'log-rotate-max-files', -1)
  const duration = seconds(flags.string('log-rotate-duration'))
  return {
    ...(format !== '' && { logFormat: format }),
    ...(logLevel && { logLevel }),
    ...(file !== undefined && { logFile: file }),
    ...(bytes !== undefined && { logRotateBytes: bytes }),
    ...(duration !== undefined && { logRotateDuration: duration }),
    ...(files !== undefined && { logRotateMaxFiles: files }),
  }
}

function whole(text: string | undefined, flag: string, least: number): number | undefined {
  if (text === undefined) return undefined
  const number = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN
  if (!(number >= least)) throw new UsageError(`-${flag} is a whole number of at least ${least}`)
  return number
}

function seconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const found = parseDuration(text)
  if (!found) throw new UsageError('-log-rotate-duration is a duration of a second or more, such as 24h')
  return found
}
