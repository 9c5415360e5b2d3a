import type { Op, Replacement } from './storage.ts'
import type { View } from './view.ts'

/** The start of a term and the number of its encryptions. */
export interface KeyStatus {
  readonly term: number
  /** Epoch milliseconds. */
  readonly installedAt: number
  /** Never less than the true number: counted ahead in blocks across restarts. */
  readonly encryptions: number
}

/** Automatic rotation of the encryption key. `interval` in seconds, 0 is off. */
export interface RotationConfig {
  readonly maxOperations: number
  readonly interval: number
  readonly enabled: boolean
}

/** Every commit has a number, which is stored in the commit itself and grows with each. */
export interface Commits {
  /** The number of the newest commit in the storage at unseal; undefined: its record is missing, so it was removed. */
  readonly found: number | undefined
  /** The number of the newest commit that the storage has acknowledged since. */
  readonly newest: number
}

/** Damage to stored records that an operator accepted, and that the audit log must record. */
export interface AcceptedDamage {
  readonly code: string
  readonly why: string
}

/** The snapshot that a storage was restored from, until the audit log tells of it. Stored unencrypted, as the seal is. */
export interface RestoredSnapshot {
  readonly format: 1
  /** RFC 3339. */
  readonly created: string
  /** SHA-256 of its description and of its records, hexadecimal. */
  readonly meta: string
  readonly state: string
  /** Its seal, base64. */
  readonly mac: string
  /** What the storage had before: over nothing, another snapshot may be restored without a token. */
  readonly over: 'nothing' | 'data'
  /** The first unseal revokes all tokens. */
  readonly revokeTokens: boolean
  /** Proves, under a key of the storage, that the seal fitted at the first unseal. */
  readonly verified?: string
}

/**
 * Encrypts everything that is stored: values with XChaCha20-Poly1305 (storage path as associated data, term in the header),
 * names with AES-SIV per segment. The keyring of terms is encrypted with the root key, which the seal protects.
 */
export interface Barrier {
  readonly sealed: boolean
  /** The name of this process among the members that share the storage; undefined: it owns the storage. */
  readonly member: string | undefined
  /** Whether a keyring exists in the storage. */
  initialised(): Promise<boolean>
  /** Creates the first keyring, encrypted with `root`, in one commit with `along` (the seal's own plaintext records). Stays sealed. */
  initialise(root: Uint8Array, along: readonly Op[]): Promise<void>
  /**
   * False when `root` does not decrypt the keyring; then nothing has changed.
   * @param accept the code of damage to stored records that is accepted, or `check` to learn it.
   * @throws Fault precondition_failed when records were removed or put back: it stays sealed
   */
  unseal(root: Uint8Array, accept?: string): Promise<boolean>
  /** Accepted damage that the audit log has no line about yet; survives a crash. */
  accepted(): Promise<AcceptedDamage | undefined>
  /** The audit log has a line about it now. */
  acceptedIsAudited(): Promise<void>
  /** The HMAC that seals the sums of a snapshot of this storage. @throws Fault sealed */
  snapshotMac(sums: Uint8Array): Uint8Array
  /**
   * The records of a snapshot of this storage, to be read only, until the barrier is sealed.
   * @throws Fault sealed, also when they are read later; invalid_request for a record that does not decrypt
   */
  snapshotView(records: Pick<Replacement, 'get' | 'list'>): View
  /** Whether a stored record decrypts here. @throws Fault sealed */
  decrypts(entry: { readonly key: string; readonly value: Uint8Array }): boolean
  /** The snapshot that the storage was restored from, and that the audit log has no line about yet; survives a crash. */
  restored(): Promise<RestoredSnapshot | undefined>
  /** The audit log has a line about it now. */
  restoredIsAudited(): Promise<void>
  /** Checks the records that the unseal left unchecked, piece by piece. Damaged ones are logged, and refused when they are read. */
  sweep(): Promise<void>
  /** Wipes all keys and caches. */
  seal(): void
  /** After a seal: resolves when the other processes that share the storage serve no more. */
  othersSealed(): Promise<void>
  /** Whether `root` is the current root key. */
  isRoot(root: Uint8Array): Promise<boolean>
  /** Encrypts the keyring with another root key, in one commit with `along`. */
  changeRoot(root: Uint8Array, along: readonly Op[]): Promise<void>
  /** A new term for all later writes; old terms stay readable. */
  rotate(): Promise<void>
  keyStatus(): KeyStatus
  rotation(): Promise<RotationConfig>
  configureRotation(config: RotationConfig): Promise<void>
  /** Rotates if it is due by the configuration; true if it did. Called by the schedule. */
  rotateIfDue(): Promise<boolean>
  /**
   * Records, by their names below `folder`, that every commit also writes from now on; undefined: none. The function is
   * called at each commit. Ends at seal. Commits before the first call after an unseal are not counted.
   */
  attach(along: (() => ReadonlyMap<string, unknown> | undefined) | undefined, folder?: string): void
  /** The commit numbers of the storage. */
  readonly commits: Commits
  /** Records under a folder such as `mount/<uuid>/`. While sealed, every call throws Fault `sealed`. */
  view(folder: string): View
}

/** Storage keys that are not encrypted names. Everything else begins with `e/`. */
export const plainKeys = { keyring: 'keyring', seal: 'seal' } as const

/** There while the first boot of a storage is not complete: what the storage has is then begun again. */
export const firstBootKey = 'first-boot'

/** Where a restore leaves its note. No snapshot has it. */
export const restoredKey = 'restored'
