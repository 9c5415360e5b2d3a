import type { Log, Loggable } from '../../util/log.ts'

/** How an event appears in the server's own log. */
export interface EventSpec {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  /** When it happens, for the documentation. */
  readonly when: string
}

/** The fields of each event. None can hold a secret: there is no field for a share, a token, a key or a body. */
export interface EventFields {
  readonly starting: {
    readonly version: string
    readonly build_date: string
    readonly node: string
    readonly pid: number
    readonly config: string
    readonly storage: string
    readonly path: string | undefined
    readonly seal: string
    readonly audit: string
    readonly listeners: string
    readonly log_level: string
    readonly log_file: string | undefined
  }
  readonly started: { readonly addresses: string; readonly sealed: boolean }
  readonly start_failed: { readonly why: string }
  readonly stopping: Readonly<Record<string, never>>
  readonly stopped: Readonly<Record<string, never>>
  readonly crashed: { readonly kind: string }
  readonly initialized: { readonly shares: number; readonly threshold: number }
  readonly initialize_failed: { readonly why: string }
  readonly first_boot_started: { readonly blocks: string; readonly requests: number }
  readonly first_boot_again: Readonly<Record<string, never>>
  readonly first_boot_request_failed: { readonly request: string; readonly why: string }
  readonly first_boot_done: { readonly requests: number }
  readonly share_accepted: { readonly progress: number; readonly threshold: number }
  readonly unseal_refused: { readonly why: string }
  readonly unseal_failed: { readonly why: string }
  readonly unseal_reset: Readonly<Record<string, never>>
  readonly unsealed: Readonly<Record<string, never>>
  readonly sealed: Readonly<Record<string, never>>
  readonly sealed_by_loss: { readonly why: string }
  readonly auto_unseal_failed: { readonly why: string }
  readonly auto_unseal_stopped: { readonly why: string }
  readonly seal_changed: { readonly from: string; readonly to: string }
  readonly seal_refreshed: Readonly<Record<string, never>>
  readonly seal_refresh_failed: { readonly why: string }
  readonly seal_unhealthy: { readonly name: string; readonly type: string; readonly why: string }
  readonly seal_healthy: { readonly name: string; readonly type: string }
  readonly key_shares_started: {
    readonly operation: KeyShareOperation
    readonly shares: number
    readonly threshold: number
  }
  readonly key_shares_progress: {
    readonly operation: KeyShareOperation
    readonly progress: number
    readonly required: number
  }
  readonly key_shares_refused: { readonly operation: KeyShareOperation; readonly why: string }
  readonly key_shares_unverified: { readonly operation: KeyShareOperation }
  readonly key_shares_done: { readonly operation: KeyShareOperation }
  readonly key_shares_cancelled: { readonly operation: KeyShareOperation }
  readonly root_key_rotated: Readonly<Record<string, never>>
  readonly encryption_key_rotated: { readonly term: number }
  readonly snapshot_saved: { readonly revision: string; readonly records: number; readonly sha256: string }
  readonly snapshot_restored: { readonly created: string; readonly sha256: string }
  readonly backup_done: {
    readonly config: string
    readonly file: string
    readonly bytes: number
    readonly sha256: string
    readonly milliseconds: number
  }
  readonly backup_failed: {
    readonly config: string
    readonly why: string
    readonly failures: number
    readonly next: string
  }
  readonly backup_not_removed: { readonly config: string; readonly file: string; readonly why: string }
  readonly reloaded: { readonly what: string; readonly need_restart: string | undefined }
  readonly reload_failed: { readonly why: string }
  readonly certificate_expires: { readonly file: string; readonly expires: string; readonly days: number }
  readonly certificate_expired: { readonly file: string; readonly expires: string }
  readonly tls_failed: { readonly from: string; readonly why: string }
  readonly log_file_failed: { readonly file: string; readonly why: string }
}

/** An operation that needs a threshold of key shares. */
export type KeyShareOperation = 'rekey' | 'rotate-root' | 'generate-root'

/** The name of an event. It never changes: alerts match on it. */
type EventName = keyof EventFields

const spec = (level: EventSpec['level'], message: string, when: string): EventSpec => ({ level, message, when })

/** Every event of the server's own log. */
export const events: { readonly [K in EventName]: EventSpec } = {
  starting: spec('info', 'the server starts', 'The configuration has been read.'),
  started: spec('info', 'the server listens', 'Requests are accepted; a sealed server refuses those that need the storage.'),
  start_failed: spec('error', 'the server could not start', 'It names the file, the setting and the correction. The process ends with status 1.'),
  stopping: spec('info', 'the server is stopping', 'SIGTERM or SIGINT was received.'),
  stopped: spec('info', 'the server has stopped', 'Every request has been answered, and everything is on disk.'),
  crashed: spec('error', 'an unexpected error ended the server; its storage is intact', 'It is an error in the program. The process ends with status 70.'),
  initialized: spec('info', 'the storage was initialised', '`operator init` succeeded.'),
  initialize_failed: spec('warn', 'the storage was not initialised', '`operator init` was refused or failed.'),
  first_boot_started: spec('info', 'the first boot begins: the storage is initialised, and the requests of the configuration are performed', 'The storage is empty, and the configuration has `initialize` blocks.'),
  first_boot_again: spec('warn', 'the first boot was interrupted or failed; it begins again with an empty storage', 'The earlier one accepted no requests and handed out no token.'),
  first_boot_request_failed: spec('warn', 'a request of the first boot failed, as it may', 'The request has `allow_failure`.'),
  first_boot_done: spec('info', 'the first boot is complete; its root token is revoked', 'Recovery keys do not exist yet: see docs/first-boot.md.'),
  share_accepted: spec('info', 'a key share was accepted for the unseal', 'More shares are needed.'),
  unseal_refused: spec('warn', 'a key share was refused', 'It is malformed, or the shares submitted do not belong together or to this server.'),
  unseal_failed: spec('error', 'the unseal failed; the server stays sealed', 'The key is right, but another condition prevents the unseal.'),
  unseal_reset: spec('info', 'the key shares submitted so far were discarded', 'The unseal was started again.'),
  unsealed: spec('info', 'unsealed', 'Requests are served from now on.'),
  sealed: spec('info', 'sealed', 'An operator sealed the server, or it stops.'),
  sealed_by_loss: spec('error', 'sealed, because this process can no longer follow its storage; unseal it again', 'The storage is not reachable any more.'),
  auto_unseal_failed: spec('error', 'the server could not unseal itself; it tries again every 5 seconds', 'No seal of the configuration is reachable. Logged once for each reason.'),
  auto_unseal_stopped: spec('error', 'the server does not unseal itself; unseal it with recovery keys (operator unseal)', 'The seal has the key, but only an operator can decide what follows, such as accepting damage.'),
  seal_changed: spec('warn', 'the seal was changed to that of the configuration', '`operator unseal -migrate`.'),
  seal_refreshed: spec('info', 'the unseal key is now encrypted by every seal of the configuration', 'A seal or a key of a seal was added or removed.'),
  seal_refresh_failed: spec('error', 'a seal of the configuration could not encrypt the unseal key', 'It cannot unseal the server yet; the next unseal tries again.'),
  seal_unhealthy: spec('error', 'a seal of the configuration does not work: it would not unseal the server now', 'It did not encrypt and decrypt a random value, or did not decrypt the unseal key of an unsealed server. Seals are checked at the start and every 10 minutes, failed ones every minute.'),
  seal_healthy: spec('info', 'a seal of the configuration works again', 'Both succeed again.'),
  key_shares_started: spec('warn', 'a key-share operation was started', 'A rekey, a rotation of the root key with shares, or the generation of a root token.'),
  key_shares_progress: spec('info', 'a key share was accepted for a key-share operation', 'More shares are needed.'),
  key_shares_refused: spec('warn', 'a key-share operation was refused or failed', 'A wrong share or nonce, or no such operation.'),
  key_shares_unverified: spec('info', 'new key shares were made; they are valid once they are verified', 'A rekey with verification.'),
  key_shares_done: spec('warn', 'a key-share operation is complete', 'New key shares are valid from now on, or a root token was made.'),
  key_shares_cancelled: spec('info', 'a key-share operation was cancelled', 'An operator ended it.'),
  root_key_rotated: spec('info', 'the root key was rotated', '`sys/rotate/root`: the key shares stay as they are.'),
  encryption_key_rotated: spec('info', 'the encryption key was rotated', '`sys/rotate`: new records are encrypted with a new key.'),
  snapshot_saved: spec('info', 'a snapshot is being saved', '`operator snapshot save`: the audit log has a line about it.'),
  snapshot_restored: spec('warn', 'a snapshot took the place of the storage; the server is sealed', '`operator snapshot restore`.'),
  backup_done: spec('info', 'a scheduled snapshot was saved, and read back', 'The snapshot counts as good from now on.'),
  backup_failed: spec('error', 'a scheduled snapshot failed; older ones stay, and it is tried again', 'It names the reason and the time of the next attempt.'),
  backup_not_removed: spec('warn', 'an old scheduled snapshot could not be removed', 'More than `retain` are kept; the next snapshot tries again.'),
  reloaded: spec('info', 'reloaded', 'SIGHUP. It names the files and settings that were read again, and the changed settings that need a restart.'),
  reload_failed: spec('error', 'the reload failed; settings that could not be reloaded stay as they were', 'SIGHUP. It names the file, the setting and the correction.'),
  certificate_expires: spec('warn', 'the certificate of a listener expires soon', 'In less than 30 days, or in the last third of a shorter life; repeated daily.'),
  certificate_expired: spec('error', 'the certificate of a listener has expired', 'Clients refuse it; repeated daily.'),
  tls_failed: spec('debug', 'a TLS handshake failed', 'A client without TLS, without the right certificate, or with other versions.'),
  log_file_failed: spec('error', 'the log file failed', 'Lines are on standard error only until it works again.'),
} // prettier-ignore

/** Puts events into the server's own log. In JSON an event has its name as `@event`. */
export class Events {
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  tell<K extends EventName>(name: K, fields: EventFields[K]): void {
    const { level, message } = events[name]
    this.#log[level](message, { '@event': name, ...(fields as Readonly<Record<string, Loggable>>) })
  }
}

/** The reason of a failure as the log has it. */
export function whyOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : 'unknown'
}
