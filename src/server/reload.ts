import { isDeepStrictEqual } from 'node:util'
import type { AuditBroker } from '../audit/broker.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/types.ts'
import type { Listener } from '../contract/protocol.ts'
import type { Loggers } from '../util/log.ts'
import type { ServerLog } from './log/server-log.ts'

/** A running server, as far as a reload changes it. */
export interface Reloadable {
  readonly listeners: readonly Pick<Listener, 'reload'>[]
  readonly audit: Pick<AuditBroker, 'reopen'>
  readonly loggers: Pick<Loggers, 'configure'>
  readonly log: Pick<ServerLog, 'reopen'>
  /** The configuration in force; `paths` are its files. A development server has none. */
  readonly config: Config
  readonly paths: readonly string[]
  /** The level was set on the command line, which takes precedence over the configuration. */
  readonly fixedLevel: boolean
}

/**
 * Opens audit files and the log file, and reads certificates and the configuration again (SIGHUP). A failure of one does not
 * prevent the others. Of the configuration, only the log level takes effect at once.
 * @returns the changed settings that take effect after a restart
 * @throws Error with every reason
 */
export async function reload(server: Reloadable): Promise<readonly string[]> {
  const waiting: string[] = []
  const done = await Promise.allSettled([
    server.audit.reopen(),
    server.log.reopen(),
    ...server.listeners.map(async (listener) => listener.reload()),
    readAgain(server).then((names) => waiting.push(...names)),
  ])
  const reasons = reasonsOf(done)
  if (reasons.length > 0) throw new Error(messagesOf(reasons))
  return waiting
}

async function readAgain({ config, paths, loggers, fixedLevel }: Reloadable): Promise<readonly string[]> {
  if (paths.length === 0) return []
  const fresh = await loadConfig(paths)
  if (!fixedLevel) loggers.configure(fresh.logLevel)
  return Object.entries(settingNames)
    .filter(([key]) => !isDeepStrictEqual(config[key as keyof Config], fresh[key as keyof Config]))
    .map(([, name]) => name)
}

/** The settings that only a start reads, as they are written. */
const settingNames: Readonly<Record<Exclude<keyof Config, 'logLevel'>, string>> = {
  storage: 'storage',
  listeners: 'listener',
  backupFolder: 'backup_folder',
  apiAddr: 'api_addr',
  clusterName: 'cluster_name',
  defaultLeaseTtl: 'default_lease_ttl',
  maxLeaseTtl: 'max_lease_ttl',
  logFormat: 'log_format',
  logFile: 'log_file',
  logRotateBytes: 'log_rotate_bytes',
  logRotateDuration: 'log_rotate_duration',
  logRotateMaxFiles: 'log_rotate_max_files',
  apiAudit: 'unsafe_allow_api_audit_creation',
  audits: 'audit',
  witnesses: 'audit_witness',
  seals: 'seal',
  recoveryUnseals: 'recovery_keys',
  initialize: 'initialize',
  userLockout: 'user_lockout',
  telemetry: 'telemetry',
}

/** The reasons for the rejected parts. */
export const reasonsOf = (done: readonly PromiseSettledResult<unknown>[]): readonly unknown[] =>
  done.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))

/** Their messages in one line. */
export const messagesOf = (reasons: readonly unknown[]): string =>
  reasons.map((reason) => (reason instanceof Error ? reason.message.replaceAll('\n', '; ') : 'unknown')).join('; ')
