import type { AuditDeviceSpec } from '../contract/audit.ts'
import type { ForwardedFor, ProxyProtocol } from '../contract/peer.ts'
import type { SealSettings } from '../contract/seal.ts'
import type { ProfileBlock } from '../profile/profile.ts'
import type { LogLevel } from '../util/log.ts'

/** The TLS settings of a listener. Suites have OpenSSL's names. */
export interface TlsConfig {
  readonly certFile: string
  readonly keyFile: string
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
  readonly ciphers?: readonly string[]
  /** The server follows the client's order of cipher suites. */
  readonly clientOrder?: boolean
  /** Clients must have a certificate of these authorities. */
  readonly clientCaFile?: string
  /** Clients are not asked for a certificate. */
  readonly noClientCert?: boolean
}

/** The versions of TLS that are spoken. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** A unix socket. User and group are numbers or names. */
export interface UnixSocket {
  readonly path: string
  readonly mode?: number
  readonly user?: string
  readonly group?: string
}

/** One address that the server listens on: `host` and `port`, or `unix`. */
export interface ListenerConfig {
  readonly host: string
  readonly port: number
  readonly unix?: UnixSocket
  readonly tls?: TlsConfig
  readonly maxRequestSize?: number
  /** Seconds. */
  readonly maxRequestDuration?: number
  readonly readHeaderTimeout?: number
  readonly readTimeout?: number
  readonly idleTimeout?: number
  readonly forwardedFor?: ForwardedFor
  readonly proxyProtocol?: ProxyProtocol
  readonly unauthedRekey: boolean
  /** Metrics need no token, and are told while the server is sealed. */
  readonly openMetrics?: boolean
  readonly unauthedGenerateRoot: boolean
}

/** A witness of the audit logs. `key` is a vkey. */
export interface WitnessConfig {
  readonly name: string
  readonly url: string
  readonly key: string
  readonly caFile?: string
}

/** The lockout after failed logins. Durations in seconds; absent settings have their defaults. */
export interface LockoutConfig {
  readonly threshold?: number
  readonly duration?: number
  readonly counterReset?: number
  readonly disabled?: boolean
}

/** Metrics. */
export interface TelemetryConfig {
  /** Seconds between two counts of tokens, leases and entities; `none`: they are not counted. */
  readonly usagePeriod?: number | 'none'
  /** In place of `vault`. */
  readonly prefix?: string
  /** Which metrics are shown, by prefixes of their names. */
  readonly rules?: readonly { readonly prefix: string; readonly shown: boolean }[]
  /** Whether those are shown that no rule names. */
  readonly shown?: boolean
}

/** The server's configuration. Names follow Vault's; TTLs in seconds. */
export interface Config {
  readonly storage:
    { readonly type: 'level'; readonly path: string; readonly minFreeBytes?: number } | { readonly type: 'inmem' }
  readonly listeners: readonly ListenerConfig[]
  /** Below it, and nowhere else, snapshots may be written. */
  readonly backupFolder?: string
  readonly apiAddr?: string
  readonly clusterName?: string
  readonly defaultLeaseTtl: number
  readonly maxLeaseTtl: number
  readonly logLevel: LogLevel
  readonly logFormat: 'standard' | 'json'
  readonly logFile?: string
  readonly logRotateBytes?: number
  /** Seconds. */
  readonly logRotateDuration?: number
  /** -1 for none, 0 for all. */
  readonly logRotateMaxFiles?: number
  readonly apiAudit: boolean
  readonly audits: readonly AuditDeviceSpec[]
  readonly witnesses: readonly WitnessConfig[]
  /** In the order in which they are asked. None: key shares unseal. */
  readonly seals: readonly SealSettings[]
  /** Recovery shares unseal even if every seal is lost; else they only authorise. */
  readonly recoveryUnseals: boolean
  /** What the first start of a storage does, in order. */
  readonly initialize: readonly ProfileBlock[]
  /** By type of login method; `all` is for every type. */
  readonly userLockout: Readonly<Record<string, LockoutConfig>>
  readonly telemetry?: TelemetryConfig
}

/** The default TTL: 768 hours. */
export const defaultTtl = 768 * 3600
