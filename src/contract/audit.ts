import type { Fault } from './fault.ts'
import type { Capability, NamespaceId, Principal, TokenRecord } from './identity.ts'
import type { Request } from './request.ts'
import type { FormedResponse } from './response.ts'

/** The data about a mount in audit lines. One object per mount and tuning: its JSON is made once per object. */
export interface AuditMount {
  /** With a trailing slash, `auth/` included: `transit/`, `auth/token/`. */
  readonly path: string
  readonly type: string
  readonly accessor: string
  readonly class: 'secret' | 'auth' | 'system'
  /** Names whose strings in `request.data` are written without hashing (tune: `audit_non_hmac_request_keys`). */
  readonly rawRequestKeys?: readonly string[]
  /** The same for `response.data`. */
  readonly rawResponseKeys?: readonly string[]
}

/** A policy that allowed the request, with the names of the line's `policy_results.granting_policies`. */
interface GrantingPolicy {
  readonly name: string
  readonly namespace_id: string
  /** Absent for the root namespace. */
  readonly namespace_path?: string
  readonly type: 'acl' | ''
}

/** One request after its decision; both of its lines are written from this object. Plain data, never changed. */
export interface AuditEvent {
  readonly request: Request
  /** The namespace of the decision. No id: there is no namespace with that path. */
  readonly namespace: { readonly id: NamespaceId; readonly path: string }
  /** The capability that the policy was checked for: `create` or `update` for a `write`. */
  readonly operation: Exclude<Capability, 'sudo' | 'deny'> | 'help'
  /** Absent on routes that need no token, and when the token is unknown. Its JSON is made once per object. */
  readonly token?: TokenRecord
  /** The entity behind the token, with its groups. */
  readonly principal?: Principal
  readonly decision: {
    readonly allowed: boolean
    readonly granting?: readonly GrantingPolicy[]
    /** Why it was refused. */
    readonly error?: Fault
  }
  /** Absent when the path leads to no mount. */
  readonly mount?: AuditMount
  /** The route changes nothing: its request line may be written with the response line, and neither waits for the disk. */
  readonly pure: boolean
  /** The response is sent even when no device writes its lines. Only with `pure`. */
  readonly responseUnaudited?: boolean
  /**
   * The route is `neverRaw`, or may be (no route was found): no device writes its strings in
   * plaintext, regardless of the device's options, the mount's unhashed keys and the recorded headers.
   */
  readonly neverRaw?: boolean
}

/** The outcome of a request. */
export type AuditOutcome = FormedResponse | Fault

/** The definition of an audit device, from the configuration or `sys/audit`. */
export interface AuditDeviceSpec {
  /** With a trailing slash: `file/`. */
  readonly path: string
  readonly type: string
  readonly description: string
  readonly local: boolean
  /** As the operator set them; JSON booleans are "1" and "0". */
  readonly options: Readonly<Record<string, string>>
}

/** The end of the log that a device found at its target when it was opened. */
export interface AuditTail {
  /** The last complete line, without its line feed; the hash chain continues from it. */
  readonly line?: string
  /** Bytes after the last line feed (of a write that a crash interrupted) that were set aside. */
  readonly torn?: { readonly bytes: number; readonly sha256: string }
  /** The first line, without its line feed, of a device that has files; absent in an empty one. */
  readonly head?: string
  /** The size of that file, bytes. */
  readonly size?: number
}

/** When a file is closed, how closed files are kept, and how checkpoints are signed. Times in milliseconds. */
export interface AuditFileSettings {
  /** The size at which a file is closed, bytes; undefined: no limit. */
  readonly rotateBytes: number | undefined
  /** The age at which a file is closed; undefined: no limit. */
  readonly rotateAge: number | undefined
  /** Closed files are compressed with gzip. */
  readonly compress: boolean
  /** The number of closed files to keep; undefined: all. */
  readonly retainFiles: number | undefined
  /** How long to keep them; undefined: without a limit. */
  readonly retainAge: number | undefined
  /** Checkpoints also have an ML-DSA-44 cosignature. */
  readonly mlDsa: boolean
}

/** The live file, compared with the lines that were written to it; `empty`: a new file without content took its place. */
export type FileState = 'same' | 'removed' | 'empty' | 'replaced' | 'changed'

/** The operations of a device whose log consists of several files. */
export interface AuditFile {
  /** The path of the live file; never shown to callers. */
  readonly path: string
  readonly settings: AuditFileSettings
  state(): FileState
  /**
   * Continues in a new file that begins with `firstLine` (with its line feed). The live file gets the path `closed`; a file
   * that another process put in its place gets `aside`. A crash leaves either the old file in place or the new one.
   * @throws when a file cannot be made or renamed
   */
  begin(firstLine: string, names: { readonly closed: string; readonly aside: string }): void
  /** Free bytes of the disk for this process, and its size. */
  space(): { readonly free: number; readonly total: number }
  /** The disk was full at the last write, and the space reserved for that case is in use or used up. */
  readonly full: boolean
  /** Reserves space for a full disk again; true when there is enough. */
  recover(): boolean
}

/** A target of audit lines: a file, standard output, a socket, syslog, an HTTP endpoint. */
export interface AuditDevice {
  readonly type: string
  /** Two devices with the same target would mix their chains; undefined where that does no harm. */
  readonly target: string | undefined
  /** Every line waits for the disk. */
  readonly alwaysSync: boolean
  /** Present when the log consists of files on this machine. */
  readonly file?: AuditFile
  /** How long a write may take, milliseconds; five seconds when absent. */
  readonly limit?: number
  /** Must succeed once before the first write. @throws Fault without host paths. */
  open(): Promise<AuditTail>
  /**
   * Writes complete lines, each with its line feed; the kernel has them when it returns (or when the promise resolves).
   * @throws when they cannot be written: then none of them counts as written, and the next call starts afresh.
   */
  write(lines: string): void | Promise<void>
  /** Aborts the write in progress, which fails. Absent if that is not possible. */
  abort?(): void
  /** Resolves when everything written before is on disk. */
  sync(): Promise<void>
  /** Reopens its target (log rotation, SIGHUP). */
  reopen(): Promise<void>
  close(): Promise<void>
}
