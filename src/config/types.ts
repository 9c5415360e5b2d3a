import type { AuditDeviceSpec } from '../contract/audit.ts'
import type { LogLevel } from '../util/log.ts'

/** One address that the server listens on. */
export interface ListenerConfig {
  readonly host: string
  readonly port: number
  readonly tls?: {
    readonly certFile: string
    readonly keyFile: string
    readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
    readonly clientCaFile?: string
  }
  readonly maxRequestSize?: number
  /** Seconds. */
  readonly maxRequestDuration?: number
  readonly readHeaderTimeout?: number
  readonly idleTimeout?: number
  readonly unauthedRekey: boolean
  readonly unauthedGenerateRoot: boolean
}

/** A witness of the audit logs. `key` is a vkey. */
export interface WitnessConfig {
  readonly name: string
  readonly url: string
  readonly key: string
  readonly caFile?: string
}

/** The server's configuration. Names follow Vault's; TTLs in seconds. */
export interface Config {
  readonly storage:
    { readonly type: 'level'; readonly path: string; readonly minFreeBytes?: number } | { readonly type: 'inmem' }
  readonly listeners: readonly ListenerConfig[]
  readonly apiAddr?: string
  readonly clusterName?: string
  readonly defaultLeaseTtl: number
  readonly maxLeaseTtl: number
  readonly logLevel: LogLevel
  readonly logFormat: 'standard' | 'json'
  readonly apiAudit: boolean
  readonly audits: readonly AuditDeviceSpec[]
  readonly witnesses: readonly WitnessConfig[]
}

/** TTLs where nothing is configured: 768 hours. */
export const usualTtl = 768 * 3600
