import type { Config } from '../../config/types.ts'
import type { EventFields } from '../../core/telemetry/events.ts'
import { product } from '../../util/version.ts'
import { addressOf } from '../listeners.ts'
import type { ServerOptions } from '../start.ts'
import type { ServerLog } from './server-log.ts'

/** The first log entry of a server. */
export function startEntry(options: ServerOptions, config: Config, log: ServerLog): EventFields['starting'] {
  const audit = config.audits.map(({ type, path }) => `${type} ${path}`)
  const listeners = config.listeners.map((listener) =>
    addressOf(listener, listener.unix?.path ?? `${listener.host}:${listener.port}`),
  )
  return {
    version: product.release,
    build_date: product.buildDate,
    node: process.version,
    pid: process.pid,
    config: options.config?.join(' ') ?? 'development server',
    storage: options.storage?.type ?? config.storage.type,
    path: config.storage.type === 'level' ? config.storage.path : undefined,
    seal:
      config.seals
        .filter(({ disabled }) => !disabled)
        .map(({ type, name }) => (name === type ? type : `${type} ${name}`))
        .join(', ') || 'shamir',
    audit: audit.join(', '),
    listeners: listeners.join(' '),
    log_level: log.level,
    log_file: log.path,
  }
}
