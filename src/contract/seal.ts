import type { Op, Storage } from './storage.ts'

/** What a seal says of itself; stored in plain beside the keyring. */
export interface SealRecord {
  readonly type: 'shamir'
  readonly shares: number
  readonly threshold: number
  /** The root key under the unseal key, base64. */
  readonly wrappedRoot: string
}

/** The split of an unseal key, and the record that goes with it. */
export interface Protected {
  readonly shares: readonly Uint8Array[]
  readonly record: SealRecord
  /** The storage operation that keeps the record. */
  readonly op: Op
}

/**
 * Keeps the root key. An unseal key encrypts it; operators hold shares of the unseal key. `combine` gives the unseal key only
 * if it opens the root key: shares that do not belong together give nothing.
 */
export interface Seal {
  readonly type: string
  /** Undefined before init. */
  record(storage: Storage): Promise<SealRecord | undefined>
  /** Splits a fresh unseal key and puts `root` under it. @throws Fault on counts that cannot be. */
  protect(root: Uint8Array, shares: number, threshold: number): Promise<Protected>
  /** The record with another root key under the same unseal key. */
  rewrap(record: SealRecord, unsealKey: Uint8Array, root: Uint8Array): Protected['op']
  /** The unseal and root keys from a threshold of shares, or undefined when they do not fit. */
  combine(
    record: SealRecord,
    shares: readonly Uint8Array[],
  ): Promise<{ readonly unsealKey: Uint8Array; readonly root: Uint8Array } | undefined>
}
