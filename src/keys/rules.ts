import { Fault, refuse } from '../contract/fault.ts'
import { isPathName } from '../contract/names.ts'
import { storageLimits } from '../contract/storage.ts'
import { isKeyType, keyType } from '../crypto/keys/key-types.ts'
import type { KeyTypeName } from '../crypto/keys/key-types.ts'
import { kdfs } from '../crypto/kdf.ts'
import { longestDuration } from '../util/duration.ts'
import type { KeyRecord, KeyState, KeyVersion } from './record.ts'

// The rules that every key obeys. Routes check single parameters before they make anything; `mustBeKey` checks whole keys
// before they are stored and when they are read.

const hour = 3600
/** The HMAC key of a key with another purpose, in bytes. */
export const macKeyBytes = 32
/**
 * The size of a key's record, in bytes. The rest is reserved for the additional members of a restored key: another name, and the
 * time.
 */
const largestKey = storageLimits.valueBytes - 8192
/** The last millisecond that RFC 3339 can write. */
const endOfTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Longer names are not stored. */
const longestName = 1024

/** Whether a string is a valid name of a key. */
export function isKeyName(name: string): boolean {
  return name.length <= longestName && isPathName(name)
}

/** @throws Fault invalid_request for an invalid name of a key. */
export function mustBeName(name: string): void {
  if (!isKeyName(name)) throw refuse('the name of the key is not valid: give another one')
}

/** One segment of a path or several; no part of it is special. */
const aliasPattern = /^[\w:/.-]{1,256}$/

/** Whether a string can be an alias: 1 to 256 letters, digits and `_ - . : /`. */
export function isAlias(alias: unknown): alias is string {
  return typeof alias === 'string' && aliasPattern.test(alias)
}

/** @throws Fault invalid_request for an invalid alias. */
export function mustBeAlias(alias: string): void {
  if (!isAlias(alias)) throw refuse('an alias has 1 to 256 letters, digits and characters of "_-.:/"')
}

/** Whether a number is a time that can be written: epoch milliseconds. */
function isTime(at: unknown): at is number {
  return isCount(at) && at <= endOfTime
}

/** The kind of a key. `size` is in bytes, null for types that have one. */
interface KeyKind {
  readonly type: KeyTypeName
  readonly size: number | null
  readonly derived: boolean
  readonly convergent: boolean
}

/** @throws Fault invalid_request for an unknown type of key. */
export function mustBeKind({ type, size, derived, convergent }: KeyKind): void {
  const { derivable, convergent: canConverge } = keyType(type)
  mustBeDerived(derived, convergent)
  if (derived && !derivable) throw refuse(`keys of type ${type} cannot be derived`)
  if (convergent && !canConverge) throw refuse(`keys of type ${type} cannot encrypt convergently`)
  mustBeSize(type, size)
}

/** @throws Fault invalid_request for convergent keys that are not derived. */
export function mustBeDerived(derived: boolean, convergent: boolean): void {
  if (convergent && !derived) throw refuse('convergent encryption requires derivation to be enabled')
}

/** @throws Fault invalid_request for a size (bytes; null for none) that keys of this type do not have. */
export function mustBeSize(type: KeyTypeName, size: number | null): void {
  const { sizes } = keyType(type)
  if (!sizes && size !== null) throw refuse(`key_size is for keys of type hmac; ${type} has one size`)
  if (sizes && !(Number.isSafeInteger(size) && (size ?? 0) >= sizes[0] && (size ?? 0) <= sizes[1])) {
    throw refuse(`invalid key_size ${size}`)
  }
}

/** @throws Fault invalid_request for a period (seconds) that is neither 0 nor an hour or more. */
export function mustBePeriod(period: number): void {
  if (period === 0 || (period >= hour && period <= longestDuration)) return
  throw refuse('auto rotate period must be 0 to disable or at least an hour')
}

/** The existing versions, and their limits. */
export type Counts = Pick<KeyRecord, 'latest' | 'minAvailable' | 'minDecryption' | 'minEncryption'>

/** @throws Fault invalid_request for limits that contradict each other, or versions that do not exist. */
export function mustBeCounts({ latest, minAvailable, minDecryption, minEncryption }: Counts): void {
  if (minDecryption < 0) throw refuse('min decryption version cannot be negative')
  if (minEncryption < 0) throw refuse('min encryption version cannot be negative')
  if (![latest, minAvailable, minDecryption, minEncryption].every(isCount) || latest < 1 || minDecryption < 1) {
    throw refuse('the versions of a key are whole numbers from 1 on')
  }
  if (minDecryption > latest)
    throw refuse(`cannot set min decryption version of ${minDecryption}, latest key version is ${latest}`)
  if (minDecryption < minAvailable)
    throw refuse(`cannot set min decryption version of ${minDecryption}: versions below ${minAvailable} were trimmed`)
  if (minEncryption > latest)
    throw refuse(`cannot set min encryption version of ${minEncryption}, latest key version is ${latest}`)
  if (minEncryption > 0 && minEncryption < minDecryption)
    throw refuse(
      `cannot set min encryption version of ${minEncryption}: it must not be less than the min decryption version, ${minDecryption}`,
    )
  if (minEncryption === 0 && minAvailable > 0) throw refuse('after trimming, the min encryption version cannot be 0')
}

/**
 * Checks a key before it is stored, and when it is read: linear in its versions, and without their material, which is
 * checked by its parser.
 * @throws Fault invalid_request for the first member that no route could have written.
 */
export function mustBeKey(key: KeyRecord): void {
  if (key.format !== 3) throw refuse('the key was stored by a newer release')
  mustBeName(key.name)
  if (!isKeyType(key.type)) throw refuse('the key is of a type that is not known here')
  must(key.kdf === null || Object.hasOwn(kdfs, key.kdf), 'kdf')
  const flags = [key.convergent, key.exportable, key.plaintextBackup, key.deletable, key.importRotates]
  must(
    flags.every((flag) => typeof flag === 'boolean'),
    'settings',
  )
  mustBeKind({ ...key, derived: key.kdf !== null })
  must(!key.convergent || key.kdf === 'hkdf_sha256', 'kdf')
  must(Number.isSafeInteger(key.autoRotatePeriod), 'auto_rotate_period')
  mustBePeriod(key.autoRotatePeriod)
  mustBeCounts(key)
  must(typeof key.uuid === 'string' && key.uuid !== '' && isTime(key.createdAt), 'uuid or time')
  must(key.origin === 'generated' || key.origin === 'imported', 'origin')
  must(isState(key.state), 'state')
  const { uses } = keyType(key.type)
  must(key.uses.length > 0 && key.uses.every((use) => uses.includes(use)), 'uses')
  const { aliases, tags, metadata } = key
  must(Array.isArray(aliases) && aliases.every(isAlias) && [tags, metadata].every(isTexts), 'aliases, tags or metadata')
  for (const passage of [key.backedUp, key.restored]) {
    must(passage === null || (isTime(passage.at) && isCount(passage.version)), 'backup_info or restore_info')
  }
  mustHaveVersions(key)
}

/** Every version from the first one that was not trimmed to the latest one, and no other. */
function mustHaveVersions(key: KeyRecord): void {
  const first = Math.max(1, key.minAvailable)
  must(Object.keys(key.versions).length === key.latest - first + 1, 'versions')
  for (let number = first; number <= key.latest; number++) mustBeVersion(key, key.versions[number])
  // Pairs that the server generates are complete; only an imported one may lack its private key.
  must(key.origin === 'imported' || key.versions[key.latest]?.material !== '', 'private key of the latest version')
}

function mustBeVersion({ type, kdf }: KeyRecord, version: KeyVersion | undefined): void {
  if (!version) throw refuse('the versions of the key are not complete')
  const { id, createdAt, origin, material, mac, certificates } = version
  const { pair, mac: macUse } = keyType(type)
  must(typeof id === 'string' && id !== '' && isTime(createdAt), 'id or time of a version')
  must(origin === 'generated' || origin === 'imported', 'origin of a version')
  must(typeof material === 'string' && typeof mac === 'string', 'material of a version')
  if (pair) mustBePair(version, kdf)
  else mustBeSymmetric(version, type)
  must(macUse === 'hmac' ? mac === material : lengthOf(mac) === macKeyBytes, 'HMAC key of a version')
  must(
    certificates === undefined || (typeof certificates === 'string' && pair !== undefined && kdf === null),
    'certificates of a version',
  )
}

function mustBePair({ material, open: publicKey }: KeyVersion, kdf: KeyRecord['kdf']): void {
  must(typeof publicKey === 'string' && publicKey !== '', 'public key of a version')
  must(material !== '' || kdf === null, 'private key of a version')
}

function mustBeSymmetric({ material, open: publicKey }: KeyVersion, type: KeyRecord['type']): void {
  const { keyBytes, sizes = [keyBytes, keyBytes] } = keyType(type)
  const bytes = lengthOf(material)
  must(publicKey === undefined && bytes >= (sizes[0] ?? Infinity) && bytes <= (sizes[1] ?? 0), 'size of a version')
}

/** @throws Fault too_large for a key that grew so large that it could not be restored from its backup under a longer name. */
export function mustLeaveRoom(before: KeyRecord, after: KeyRecord): void {
  const [had, has] = [before, after].map((key) => Buffer.byteLength(JSON.stringify(key))) as [number, number]
  if (has <= largestKey || has <= had) return
  throw new Fault('too_large', 'the key is too large to grow: remove old versions of it (keys/<name>/trim)')
}

function must(right: boolean, what: string): void {
  if (!right) throw refuse(`the key is damaged: its ${what} cannot be`)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isState(state: KeyState): boolean {
  if (state.is !== 'soft-deleted') return state.is === 'enabled' || state.is === 'disabled'
  const { deletedAt, purgeAt, before } = state
  return isTime(deletedAt) && (purgeAt === null || isTime(purgeAt)) && (before === 'enabled' || before === 'disabled')
}

function isTexts(value: unknown): boolean {
  const texts = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.values(value) : [0]
  return texts.every((text) => typeof text === 'string')
}

/** The number of bytes of a base64 string, without decoding it. */
function lengthOf(encoded: string): number {
  return Buffer.byteLength(encoded, 'base64')
}

/**
 * A stored record, if it is a usable key: another release, or a restored storage, may have written an invalid one.
 * @throws Fault internal, with the name of the key; nothing is changed.
 */
export function trusted(key: KeyRecord): KeyRecord {
  try {
    mustBeKey(key)
    return key
  } catch (cause) {
    const why = cause instanceof Fault ? cause.message : 'it has not the members of a key'
    throw new Fault('internal', `a stored key cannot be used: ${why}. Restore it from a backup.`, { cause })
  }
}
