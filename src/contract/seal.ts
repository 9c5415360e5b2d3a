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
  /** Splits a new unseal key and encrypts `root` with it. @throws Fault for invalid counts */
  protect(root: Uint8Array, shares: number, threshold: number): Promise<Protected>
  /** The record with another root key, encrypted with the same unseal key. */
  rewrap(record: SealRecord, unsealKey: Uint8Array, root: Uint8Array): Protected['op']
  /** The unseal and root keys from a threshold of shares, or undefined if they are invalid. */
  combine(
    record: SealRecord,
    shares: readonly Uint8Array[],
  ): Promise<{ readonly unsealKey: Uint8Array; readonly root: Uint8Array } | undefined>
}

/** Damage that the operator accepts with a key share. */
export interface UnsealOptions {
  /** The code of damage to stored records that is accepted, or `check` to learn it. */
  readonly acceptStorage?: string
  /** The code of damage of the log that is accepted. */
  readonly acceptAuditLog?: string
  /** `[device:]size:root` that the log must have had. */
  readonly expectedHead?: string
}

/** The progress of a rekey. `verificationNonce` is '' until the new shares exist and wait for their verification. */
export interface RekeyStatus {
  readonly started: boolean
  readonly nonce: string
  readonly shares: number
  readonly threshold: number
  readonly progress: number
  readonly required: number
  readonly verify: boolean
  readonly verificationNonce: string
  readonly verificationProgress: number
  /** Of the recipients' PGP keys; empty if the shares are in plaintext. */
  readonly fingerprints: readonly string[]
  readonly backup: boolean
}

/**
 * New shares, or the OpenPGP messages that hold them, handed out once. `unsettled`: the storage failed and its outcome is
 * unknown; the server has sealed itself, and either the new or the old shares unseal it.
 */
export interface NewShares {
  readonly nonce: string
  readonly shares: readonly Uint8Array[]
  readonly verify: boolean
  readonly verificationNonce: string
  readonly unsettled: boolean
  readonly fingerprints: readonly string[]
  readonly backup: boolean
}
