import type { Fault } from './fault.ts'
import type { Capability, NamespaceId, TokenRecord } from './identity.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'

/** What the audit log must know of a mount. One object per mount and tuning: its text is made once per object. */
export interface AuditMount {
  /** With a trailing slash, `auth/` included: `transit/`, `auth/token/`. */
  readonly path: string
  readonly type: string
  readonly accessor: string
  readonly class: 'secret' | 'auth' | 'system'
  /** Names whose texts in `request.data` are written as they are (tune: `audit_non_hmac_request_keys`). */
  readonly rawRequestKeys?: readonly string[]
  /** The same for `response.data`. */
  readonly rawResponseKeys?: readonly string[]
}

/** A policy that allowed the request, in the words of the line's `policy_results.granting_policies`. */
export interface GrantingPolicy {
  readonly name: string
  readonly namespace_id: string
  /** Absent for the root namespace. */
  readonly namespace_path?: string
  readonly type: 'acl' | ''
}

/** One request as it was decided; both of its lines are made from the same object. Plain data, never changed. */
export interface AuditEvent {
  readonly request: Request
  /** Where the request was judged. No id: there is no namespace of that path. */
  readonly namespace: { readonly id: NamespaceId | ''; readonly path: string }
  /** What the policy was asked for: `create` or `update` where the request says `write`. */
  readonly operation: Exclude<Capability, 'sudo' | 'deny'> | 'help'
  /** Absent on routes that need no token, and when the token shown is none of ours. Its text is made once per object. */
  readonly token?: TokenRecord
  readonly decision: {
    readonly allowed: boolean
    readonly granting?: readonly GrantingPolicy[]
    /** Why it was refused. */
    readonly error?: Fault
  }
  /** Absent when the path leads to no mount. */
  readonly mount?: AuditMount
  /** The route changes nothing: its request line may travel with the response line, neither waits for the disk. */
  readonly pure: boolean
  /** It is answered even when no device takes its lines. Only with `pure`. */
  readonly answersUnaudited?: boolean
  /**
   * Key shares pass here (`carriesKeyShares`), or may have been meant to (no route was found): no device writes a string of
   * it in clear, whatever its options, the mount's open keys and the recorded headers say.
   */
  readonly neverRaw?: boolean
}

/** What came of a request. */
export type AuditOutcome = Response | Fault

/** An audit device as it was asked for, by the config or through `sys/audit`. */
export interface AuditDeviceSpec {
  /** With a trailing slash: `file/`. */
  readonly path: string
  readonly type: string
  readonly description: string
  readonly local: boolean
  /** As given; JSON booleans are "1" and "0". */
  readonly options: Readonly<Record<string, string>>
}

/** What a device found at its target when it was opened. */
export interface AuditTail {
  /** The last whole line, without its line feed; the hash chain goes on from it. */
  readonly line?: string
  /** Bytes behind the last line feed (a write cut short by a crash) that were set aside. */
  readonly torn?: { readonly bytes: number; readonly sha256: string }
  /** The first line, without its line feed, of a device that has files; absent in an empty one. */
  readonly head?: string
  /** How many bytes that file has. */
  readonly size?: number
}

/** When a file is closed, what becomes of closed ones, and how checkpoints are signed. Times in milliseconds. */
export interface AuditFileSettings {
  /** A file of so many bytes is closed; undefined: never. */
  readonly rotateBytes: number | undefined
  /** One that is so old is closed; undefined: at any age. */
  readonly rotateAge: number | undefined
  /** Closed files are packed with gzip. */
  readonly compress: boolean
  /** So many closed files are kept; undefined: all. */
  readonly retainFiles: number | undefined
  /** They are kept for so long; undefined: for ever. */
  readonly retainAge: number | undefined
  /** Checkpoints have an ML-DSA-44 cosignature besides. */
  readonly mlDsa: boolean
}

/** The live file, compared with what was written to it; `empty`: a new one without content took its place. */
export type FileState = 'same' | 'removed' | 'empty' | 'replaced' | 'changed'

/** What a device does whose log goes on over several files. */
export interface AuditFile {
  /** Where the live file is; never told to callers. */
  readonly path: string
  readonly settings: AuditFileSettings
  state(): FileState
  /**
   * Goes on in a new file that begins with `text` (a whole line). The file in use gets the path `closed`; what somebody
   * else put in its place gets `aside`. A crash leaves either the old file in place or the new one. @throws when it cannot.
   */
  begin(text: string, names: { readonly closed: string; readonly aside: string }): void
  /** Free bytes of the disk for this process, and how many it has. */
  space(): { readonly free: number; readonly total: number }
  /** The disk was full at the last try, and what was kept for that case is used up or being used. */
  readonly full: boolean
  /** Keeps space for a full disk again; true when there is enough. */
  recover(): boolean
}

/** Where audit lines go: a file, standard output, a socket, syslog, an HTTP endpoint. */
export interface AuditDevice {
  readonly type: string
  /** Two devices with the same target would tangle their chains; undefined where that does no harm. */
  readonly target: string | undefined
  /** Every line waits for the disk. */
  readonly alwaysSync: boolean
  /** Present where lines lie in files of ours. */
  readonly file?: AuditFile
  /** How long a write may take, milliseconds; five seconds unless it says so. */
  readonly limit?: number
  /** Must succeed once before the first write. @throws Fault without host paths. */
  open(): Promise<AuditTail>
  /**
   * Takes whole lines, each with its line feed; they are with the kernel when it returns (or when the promise resolves).
   * @throws when they cannot be written: then none of them counts as written, and the next call tries afresh.
   */
  write(text: string): void | Promise<void>
  /** Ends the write under way, which fails. Absent where a write cannot be ended. */
  abort?(): void
  /** Resolves when everything written before is on disk. */
  sync(): Promise<void>
  /** Opens its target again (log rotation, SIGHUP). */
  reopen(): Promise<void>
  close(): Promise<void>
}
