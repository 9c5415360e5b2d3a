import { sameBytes, wipe } from '../util/bytes.ts'
import type { AwsCredentials } from '../util/http/sigv4.ts'
import type { Secret } from '../util/secret.ts'
import { Fault } from './fault.ts'
import type { Op, Storage } from './storage.ts'

/**
 * The seal of a storage; stored unencrypted beside the keyring. An unseal key encrypts the root key.
 * - `shamir`: operators have shares of the unseal key.
 * - `auto`: seals outside of the server have encrypted the unseal key, and each of them can unseal. Operators have recovery shares.
 */
export interface SealRecord {
  readonly type: 'shamir' | 'auto'
  readonly shares: number
  readonly threshold: number
  /** The root key, encrypted with the unseal key; base64. */
  readonly wrappedRoot: string
  /** Of `auto`. */
  readonly wrappedKeys?: readonly WrappedKey[]
  /**
   * Of `auto`: the recovery shares are shares of another key, which decrypts this proof of the unseal key and nothing else; base64. Absent: they
   * are shares of the unseal key, so that they unseal even if every seal is lost.
   */
  readonly recoveryCheck?: string
}

/** The unseal key, encrypted by a seal outside of the server. */
export interface WrappedKey {
  /** The name of the seal in the configuration. */
  readonly seal: string
  /** Which key of that seal. */
  readonly keyId: string
  /** In the format of that seal. */
  readonly value: string
}

/** The settings of every seal that unseals the server. */
interface CommonSettings {
  /** That of the type unless the configuration gives another one. */
  readonly name: string
  /** It only decrypts any more, for a migration away from it. */
  readonly disabled: boolean
}

/** A key of 32 bytes (base64) with its id. */
export interface StaticKey {
  readonly id: string
  readonly key: Secret<string>
}

/** `seal "static"`: keys that lie beside the server. */
export interface StaticSealSettings extends CommonSettings {
  readonly type: 'static'
  readonly current: StaticKey
  readonly previous?: StaticKey
}

/** `seal "transit"`: a key of the transit engine of another server. */
export interface TransitSealSettings extends CommonSettings {
  readonly type: 'transit'
  /** Base URL of the server that has the key. */
  readonly address: string
  readonly token: Secret<string>
  readonly key: string
  readonly mount: string
  readonly namespace: string
  /** The token is renewed while this server runs. */
  readonly renews: boolean
  /** PEM of the CAs to trust; empty: those of Node. */
  readonly ca: string
}

/** `seal "awskms"`: a key in KMS of AWS, or of a server with its API. */
export interface AwsKmsSealSettings extends CommonSettings {
  readonly type: 'awskms'
  readonly region: string
  /** URL of the API. */
  readonly endpoint: string
  /** Id, ARN or `alias/…`. */
  readonly keyId: string
  readonly credentials: AwsCredentials
}

/** `seal "pkcs11"`: a key in an HSM. */
export interface Pkcs11SealSettings extends CommonSettings {
  readonly type: 'pkcs11'
  /** The file of the library. */
  readonly lib: string
  /** Its number, decimal. */
  readonly slot?: string
  readonly tokenLabel?: string
  readonly pin: Secret<string>
  /** One of them may be ''; the id is hexadecimal. */
  readonly key: { readonly label: string; readonly id: string }
  /** Absent: as the key is. */
  readonly mechanism?: 'aes-gcm' | 'rsa-oaep'
  readonly oaepHash: 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'
}

/** The settings of a seal that unseals the server. */
export type SealSettings = StaticSealSettings | TransitSealSettings | AwsKmsSealSettings | Pkcs11SealSettings

/** A key outside of the server that encrypts the unseal key, so that the server unseals without operators (auto-unseal). */
export interface AutoSeal {
  readonly type: string
  /** Its name in the configuration: that of the type unless several are of one type. */
  readonly name: string
  /** It only decrypts any more, for a migration away from it. */
  readonly disabled: boolean
  /** Encrypts an unseal key. @throws Fault unavailable */
  wrap(unsealKey: Uint8Array): Promise<WrappedKey>
  /** Decrypts it. @throws Fault unavailable when the seal is not reachable, precondition_failed when it has another key */
  unwrap(wrapped: WrappedKey): Promise<Uint8Array>
  /** Whether a wrapped key is encrypted with the key that the seal uses now. */
  isCurrent(wrapped: WrappedKey): boolean
}

/**
 * A key that a seal has encrypted, and decrypted again. A seal may be able to do the one and not the other (an HSM without the
 * hash of RSA-OAEP, a policy that allows only `encrypt`): what it encrypts is lost.
 * @throws Fault unavailable or precondition_failed
 */
export async function provenWrap(seal: Pick<AutoSeal, 'wrap' | 'unwrap'>, key: Uint8Array): Promise<WrappedKey> {
  const wrapped = await seal.wrap(key)
  const found = await seal.unwrap(wrapped)
  const isSame = sameBytes(found, key)
  wipe(found)
  if (isSame) return wrapped
  throw new Fault('unavailable', 'the seal decrypts to something else than it encrypted: check its key')
}

/** The keys of an unsealed server. */
export interface SealKeys {
  readonly unsealKey: Uint8Array
  readonly root: Uint8Array
}

/** A new unseal key: its shares, or recovery shares, and the record that belongs to it. */
export interface Protected {
  readonly shares: readonly Uint8Array[]
  readonly record: SealRecord
  /** The storage operation that writes the record. */
  readonly op: Op
}

/** Protects the root key. Shares that do not belong together give nothing. */
export interface Seal {
  /** `shamir`, or the type of the first seal of the configuration that is not disabled. */
  readonly type: string
  /** Whether seals of the configuration unseal the server. */
  readonly isAuto: boolean
  /** Undefined before init. @throws Fault internal when the record is damaged */
  record(storage: Pick<Storage, 'get'>): Promise<SealRecord | undefined>
  /**
   * Encrypts `root` with a fresh unseal key. 0 and 0, with `auto`: there are no recovery shares yet.
   * @throws Fault for invalid counts, unavailable when a seal is not reachable
   */
  protect(root: Uint8Array, shares: number, threshold: number): Promise<Protected>
  /** The record with another root key, encrypted with the same unseal key. */
  rewrap(record: SealRecord, unsealKey: Uint8Array, root: Uint8Array): Op
  /** The keys from a threshold of shares, or undefined when they do not fit. @throws Fault when recovery shares fit and no seal is reachable */
  combine(record: SealRecord, shares: readonly Uint8Array[]): Promise<SealKeys | undefined>
  /** A stored record. @throws Fault internal when it is damaged */
  read(bytes: Uint8Array): SealRecord
  /**
   * Whether this unseal key, and with `auto` also a seal of the configuration, opens another record of the storage.
   * False as well while no seal is reachable.
   */
  opens(record: SealRecord, unsealKey: Uint8Array): Promise<boolean>
  /** The keys from the seals of the configuration. @throws Fault unavailable with the reason of each */
  unwrap(record: SealRecord): Promise<SealKeys>
  /** Whether these are a threshold of recovery shares, which authorise without decrypting anything. Undefined: the record has no such shares. */
  isRecovery(record: SealRecord, shares: readonly Uint8Array[], unsealKey: Uint8Array): Promise<boolean | undefined>
  /** Whether the configuration has another kind of seal than the record. */
  isMigration(record: SealRecord): boolean
  /** The record for the configuration of today; the shares stay those of the operators. @throws Fault unavailable */
  migrated(
    record: SealRecord,
    unsealKey: Uint8Array,
    shares: readonly Uint8Array[],
  ): Promise<{ readonly record: SealRecord; readonly unsealKey: Uint8Array }>
  /** The record with the unseal key encrypted by every seal of the configuration. Undefined: it is so already. */
  refreshed(record: SealRecord, unsealKey: Uint8Array): Promise<SealRecord | undefined>
}

/** The progress of the unseal. */
export interface SealStatus {
  readonly initialised: boolean
  readonly sealed: boolean
  /** `shamir`, or the type of the seal that unseals the server. */
  readonly type: string
  /** Seals of the configuration unseal; shares are recovery shares. */
  readonly isAuto: boolean
  /** The configuration has another kind of seal than the storage. */
  readonly isMigration: boolean
  readonly threshold: number
  readonly shares: number
  readonly progress: number
  readonly nonce: string
}

/** Damage that the operator accepts with a key share. */
export interface UnsealOptions {
  /** The code of damage to stored records that is accepted, or `check` to learn it. */
  readonly acceptStorage?: string
  /** The code of damage of the log that is accepted. */
  readonly acceptAuditLog?: string
  /** `[device:]size:root` that the log must have had. */
  readonly expectedHead?: string
  /** The unseal changes the seal to what the configuration has. */
  readonly migrate?: boolean
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
