import type { Op } from './storage.ts'
import type { View } from './view.ts'

/** When a term began and how much it has encrypted. */
export interface KeyStatus {
  readonly term: number
  /** Epoch milliseconds. */
  readonly installedAt: number
  /** Never less than what really happened: counted ahead in blocks across restarts. */
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
  /** The number of the newest commit in the storage when it was opened; undefined: its record is not there, which somebody has removed. */
  readonly found: number | undefined
  /** The number of the newest commit that the storage has acknowledged since. */
  readonly newest: number
}

/** Damage to stored records that an operator accepted, and that the audit log has to tell of. */
export interface AcceptedDamage {
  readonly code: string
  readonly why: string
}

/**
 * Everything stored passes through here: values sealed with XChaCha20-Poly1305 (storage path as associated data, term in
 * the header), names with AES-SIV per segment. The keyring of terms lies under the root key, which only the seal knows.
 */
export interface Barrier {
  readonly sealed: boolean
  /** Whether a keyring exists in the storage. */
  initialised(): Promise<boolean>
  /** Makes the first keyring under `root`, in one commit with `along` (the seal's own plaintext records). Stays sealed. */
  initialise(root: Uint8Array, along: readonly Op[]): Promise<void>
  /**
   * False when `root` does not open the keyring; then nothing has changed.
   * @param accept the code of damage to stored records that is accepted, or `check` to learn it.
   * @throws Fault precondition_failed when records were removed or put back: it stays sealed
   */
  unseal(root: Uint8Array, accept?: string): Promise<boolean>
  /** Damage that was accepted and that the audit log does not tell of yet; kept over a crash. */
  accepted(): Promise<AcceptedDamage | undefined>
  /** The audit log tells of it now. */
  acceptedIsAudited(): Promise<void>
  /** Checks whatever the unseal left unchecked, piece by piece. What is wrong is logged, and refused when it is read. */
  sweep(): Promise<void>
  /** Wipes all keys and caches. */
  seal(): void
  /** Whether `root` is the current root key. */
  isRoot(root: Uint8Array): Promise<boolean>
  /** Puts the keyring under another root key, in one commit with `along`. */
  changeRoot(root: Uint8Array, along: readonly Op[]): Promise<void>
  /** A new term for all later writes; old terms stay readable. */
  rotate(): Promise<void>
  keyStatus(): KeyStatus
  rotation(): Promise<RotationConfig>
  configureRotation(config: RotationConfig): Promise<void>
  /** Rotates if the configuration says it is time. Called by the schedule. True if it did. */
  rotateIfDue(): Promise<boolean>
  /**
   * What every commit of records carries along from now on, by full name, written in the same commit; undefined: nothing.
   * It is asked at each commit. Ends at seal. Commits before the first call after an unseal are not counted.
   */
  attach(along: (() => ReadonlyMap<string, unknown> | undefined) | undefined): void
  /** Which commit the storage is at. */
  readonly commits: Commits
  /** Records under a folder such as `mount/<uuid>/`. Works only while unsealed; else every call is Fault `sealed`. */
  view(folder: string): View
}

/** Storage keys that are not encrypted names. Everything else begins with `e/`. */
export const plainKeys = { keyring: 'keyring', seal: 'seal' } as const
