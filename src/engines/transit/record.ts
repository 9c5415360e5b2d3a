import type { KdfName } from '../../crypto/kdf.ts'
import { keyType } from '../../crypto/keys.ts'
import type { KeyTypeName, KeyUse } from '../../crypto/keys.ts'
import { base64, hex, wipe } from '../../util/bytes.ts'

/** Random bytes from the platform, or from a test. */
export type Random = (bytes: number) => Uint8Array

/** Where material came from. */
export type Origin = 'generated' | 'imported'

/** Times are epoch milliseconds. `purgeAt` is absolute, so that no view of the key can shorten what another promised. */
export type KeyState =
  | { readonly is: 'enabled' }
  | { readonly is: 'disabled' }
  | { readonly is: 'soft-deleted'; readonly deletedAt: number; readonly purgeAt: number | null }

/** One version of a key. */
export interface KeyVersion {
  /** A UUID: the name of this version in protocols that do not count. */
  readonly id: string
  readonly createdAt: number
  readonly origin: Origin
  /** The key material in base64, in the form of its type. */
  readonly material: string
  /** A random HMAC key of 32 bytes in base64: every key can make HMACs. */
  readonly mac: string
}

/** A key as it is stored: one record for every protocol. `docs/formats.md` describes it. */
export interface KeyRecord {
  /** The version of this layout. */
  readonly format: 1
  readonly uuid: string
  readonly name: string
  readonly type: KeyTypeName
  readonly uses: readonly KeyUse[]
  readonly state: KeyState
  readonly origin: Origin
  readonly createdAt: number
  /** How subkeys are derived for a context; null: the key itself encrypts. */
  readonly kdf: KdfName | null
  readonly convergent: boolean
  readonly exportable: boolean
  readonly plaintextBackup: boolean
  readonly deletable: boolean
  /** Seconds; 0 is never. */
  readonly autoRotatePeriod: number
  readonly latest: number
  readonly minAvailable: number
  readonly minDecryption: number
  /** 0: the latest version only by default, any that decrypts on request. */
  readonly minEncryption: number
  /** By version number, from 1. */
  readonly versions: Readonly<Record<string, KeyVersion>>
}

/** What a new key is to be. */
export interface KeyWish {
  readonly name: string
  readonly type: KeyTypeName
  readonly derived: boolean
  readonly convergent: boolean
  readonly exportable: boolean
  readonly plaintextBackup: boolean
  readonly autoRotatePeriod: number
}

/** A random UUID (RFC 9562, version 4). */
function uuid(random: Random): string {
  const bytes = Uint8Array.from(random(16))
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Fresh material of a type. */
export function newVersion(type: KeyTypeName, random: Random, now: number): KeyVersion {
  const [material, mac] = [keyType(type).generate(random), random(32)]
  const version = {
    id: uuid(random),
    createdAt: now,
    origin: 'generated',
    material: base64(material),
    mac: base64(mac),
  } as const
  wipe(material, mac)
  return version
}

/** A new key with its first version. */
export function newKey(wish: KeyWish, random: Random, now: number): KeyRecord {
  return {
    format: 1,
    uuid: uuid(random),
    name: wish.name,
    type: wish.type,
    uses: keyType(wish.type).uses,
    state: { is: 'enabled' },
    origin: 'generated',
    createdAt: now,
    kdf: wish.derived ? 'hkdf_sha256' : null,
    convergent: wish.convergent,
    exportable: wish.exportable,
    plaintextBackup: wish.plaintextBackup,
    deletable: false,
    autoRotatePeriod: wish.autoRotatePeriod,
    latest: 1,
    minAvailable: 0,
    minDecryption: 1,
    minEncryption: 0,
    versions: { 1: newVersion(wish.type, random, now) },
  }
}

/** The key with one more version, which is the latest. */
export function rotated(key: KeyRecord, version: KeyVersion): KeyRecord {
  const latest = key.latest + 1
  return { ...key, latest, versions: { ...key.versions, [latest]: version } }
}

/** What `GET keys/:name` shows. Names as on the wire. */
export function describe(key: KeyRecord): Readonly<Record<string, unknown>> {
  const { derivable, uses } = keyType(key.type)
  const shown = Object.entries(key.versions).filter(([number]) => Number(number) >= key.minDecryption)
  return {
    name: key.name,
    type: key.type,
    derived: key.kdf !== null,
    ...(key.kdf === null ? {} : derivation(key, key.kdf)),
    deletion_allowed: key.deletable,
    min_available_version: key.minAvailable,
    min_decryption_version: key.minDecryption,
    min_encryption_version: key.minEncryption,
    latest_version: key.latest,
    exportable: key.exportable,
    allow_plaintext_backup: key.plaintextBackup,
    supports_encryption: uses.includes('encrypt'),
    supports_decryption: uses.includes('decrypt'),
    supports_signing: uses.includes('sign'),
    supports_derivation: derivable,
    auto_rotate_period: key.autoRotatePeriod,
    imported_key: key.origin === 'imported',
    soft_deleted: key.state.is === 'soft-deleted',
    keys: Object.fromEntries(shown.map(([number, { createdAt }]) => [number, Math.floor(createdAt / 1000)])),
  }
}

function derivation(key: KeyRecord, kdf: KdfName): Readonly<Record<string, unknown>> {
  return {
    kdf,
    ...(kdf === 'hmac-sha256-counter' ? { kdf_mode: kdf } : {}),
    convergent_encryption: key.convergent,
    // Vault's way of saying that each version of the key knows its own scheme. There is one here: the third.
    ...(key.convergent ? { convergent_encryption_version: -1 } : {}),
  }
}
