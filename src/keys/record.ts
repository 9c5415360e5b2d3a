import { randomUUID } from 'node:crypto'
import type { KdfName } from '../crypto/kdf.ts'
import { keyType, wipeMaterial } from '../crypto/keys/key-types.ts'
import type { KeyTypeName, KeyUse, Material } from '../crypto/keys/key-types.ts'
import { base64, wipe } from '../util/bytes.ts'
import { macKeyBytes, trusted } from './rules.ts'
import { isObject } from '../util/stored/shape.ts'

/** Random bytes from the platform, or from a test. */
export type Random = (bytes: number) => Uint8Array

/** Where material came from. */
export type Origin = 'generated' | 'imported'

/**
 * Times are epoch milliseconds. `purgeAt` is absolute, so that no view of the key can shorten what another promised; null:
 * it is kept until someone decides. `before` is what a restored key is again. A destroyed key has no record.
 */
export type KeyState =
  | { readonly is: 'enabled' }
  | { readonly is: 'disabled' }
  | {
      readonly is: 'soft-deleted'
      readonly deletedAt: number
      readonly purgeAt: number | null
      readonly before: 'enabled' | 'disabled'
    }

/** One version of a key. */
export interface KeyVersion {
  /** A UUID: the name of this version in protocols that do not count. */
  readonly id: string
  readonly createdAt: number
  readonly origin: Origin
  /** The secret material in base64: raw, or PKCS#8. Empty when only the public key was imported. */
  readonly material: string
  /** The public key of a pair, SubjectPublicKeyInfo in base64. The name is that of the stored member. */
  readonly open?: string
  /** The HMAC key in base64: every key can make HMACs. It is the material itself for the types whose only use that is. */
  readonly mac: string
  /** The certificate chain of the public key in PEM, that of the key first. */
  readonly certificates?: string
}

/** When a key was backed up or restored, and which version was the latest then. */
export interface BackupTime {
  readonly at: number
  readonly version: number
}

/** A key as it is stored: one record for every protocol. `docs/formats.md` describes it. */
export interface KeyRecord {
  /** The version of this layout. */
  readonly format: 3
  readonly uuid: string
  readonly name: string
  /** Other names of this key, each of one key of the mount only (`KeyStore.byAlias`). */
  readonly aliases: readonly string[]
  readonly type: KeyTypeName
  /** In bytes, for types that come in sizes. */
  readonly size: number | null
  readonly uses: readonly KeyUse[]
  readonly state: KeyState
  readonly origin: Origin
  /** Whether a key that was imported may get versions that the server makes. */
  readonly importRotates: boolean
  readonly createdAt: number
  readonly tags: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, string>>
  readonly backedUp: BackupTime | null
  readonly restored: BackupTime | null
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

/** A record of any layout, before `upgraded` has judged every member of it. */
export const storedKey = { about: 'a key', is: (value: unknown): value is KeyRecord => isObject(value) }

/** The parameters of a new key. */
export interface KeySpec {
  readonly name: string
  readonly type: KeyTypeName
  readonly size: number | null
  readonly derived: boolean
  readonly convergent: boolean
  readonly exportable: boolean
  readonly plaintextBackup: boolean
  readonly autoRotatePeriod: number
}

/** As stored by any release: the first layout lacks what came with the second, the second what a restored key is again. */
type AnyRecord = Omit<KeyRecord, 'format'> & { readonly format: 1 | 2 | 3 }

/**
 * A stored record in the present layout; the same object if it is that already.
 * @throws Fault internal for what is no key that could be used.
 */
export function upgraded(stored: KeyRecord | AnyRecord): KeyRecord {
  if (stored.format !== 1 && stored.format !== 2) return trusted(stored as KeyRecord)
  const { state } = stored
  const restorable = state.is === 'soft-deleted' ? ({ ...state, before: 'enabled' } as const) : state
  return trusted({ ...newerMembers, ...stored, state: restorable, format: 3 })
}

const newerMembers = {
  aliases: [],
  size: null,
  tags: {},
  metadata: {},
  backedUp: null,
  restored: null,
  importRotates: false,
} as const

/** A version of some material, which is wiped. */
export function versionOf(
  { type, origin, macs }: { readonly type: KeyTypeName; readonly origin: Origin; readonly macs?: Uint8Array },
  material: Material,
  random: Random,
  now: number,
): KeyVersion {
  const mac = keyType(type).mac === 'hmac' ? material.secretKey : (macs ?? random(macKeyBytes))
  const version = {
    id: randomUUID(),
    createdAt: now,
    origin,
    material: base64(material.secretKey),
    ...(material.publicKey && { open: base64(material.publicKey) }),
    mac: base64(mac),
  }
  wipeMaterial(material)
  wipe(mac)
  return version
}

/** Fresh material for a key. */
export async function newVersion(
  { type, size }: Pick<KeyRecord, 'type' | 'size'>,
  random: Random,
  now: number,
): Promise<KeyVersion> {
  return versionOf({ type, origin: 'generated' }, await keyType(type).generate(random, size ?? 0), random, now)
}

/** A new key with its first version. */
export function newKey(spec: KeySpec, version: KeyVersion): KeyRecord {
  return {
    ...newerMembers,
    format: 3,
    uuid: randomUUID(),
    name: spec.name,
    type: spec.type,
    size: spec.size,
    uses: keyType(spec.type).uses,
    state: { is: 'enabled' },
    origin: version.origin,
    createdAt: version.createdAt,
    kdf: spec.derived ? 'hkdf_sha256' : null,
    convergent: spec.convergent,
    exportable: spec.exportable,
    plaintextBackup: spec.plaintextBackup,
    deletable: false,
    autoRotatePeriod: spec.autoRotatePeriod,
    latest: 1,
    minAvailable: 0,
    minDecryption: 1,
    minEncryption: 0,
    versions: { 1: version },
  }
}

/** The key with one more version, which is the latest. */
export function rotated(key: KeyRecord, version: KeyVersion): KeyRecord {
  const latest = key.latest + 1
  // Once the server has made a version, the key is no longer one that was only imported.
  const origin = version.origin === 'generated' ? 'generated' : key.origin
  return { ...key, origin, latest, versions: { ...key.versions, [latest]: version } }
}

/** The versions that may be used, by their numbers in ascending order. */
export function usableVersions(key: KeyRecord): readonly (readonly [string, KeyVersion])[] {
  return Object.entries(key.versions).filter(([number]) => Number(number) >= key.minDecryption)
}
