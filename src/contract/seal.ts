import type { Op, Storage } from './storage.ts'

/** The configuration of a seal; stored unencrypted beside the keyring. */
export interface SealRecord {
  readonly type: 'shamir'
  readonly shares: number
  readonly threshold: number
  /** The root key, encrypted with the unseal key; base64. */
  readonly wrappedRoot: string
}

/** The shares of a new unseal key, and the record that belongs to it. */
export interface Protected {
  readonly shares: readonly Uint8Array[]
  readonly record: SealRecord
  /** The storage operation that writes the record. */
  readonly op: Op
}

/**
 * Protects the root key. An unseal key encrypts it; operators hold shares of the unseal key. `combine` returns the unseal key
 * only if it decrypts the root key: shares that do not belong together give nothing.
 */
export interface Seal {
  readonly type: string
  /** Undefined before init. */
  record(storage: Storage): Promise<SealRecord | undefined>
  /** Splits a fresh unseal key and encrypts `root` with it. @throws Fault for invalid counts */
  protect(root: Uint8Array, shares: number, threshold: number): Promise<Protected>
  /** The record with another root key, encrypted with the same unseal key. */
  rewrap(record: SealRecord, unsealKey: Uint8Array, root: Uint8Array): Protected['op']
  /** The unseal and root keys from a threshold of shares, or undefined when they do not fit. */
  combine(
    record: SealRecord,
    shares: readonly Uint8Array[],
  ): Promise<{ readonly unsealKey: Uint8Array; readonly root: Uint8Array } | undefined>
}
