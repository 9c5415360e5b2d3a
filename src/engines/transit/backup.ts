import { refuse } from '../../contract/fault.ts'
import { isKeyType, keyType, keyTypes } from '../../crypto/keys.ts'
import type { KeyTypeName } from '../../crypto/keys.ts'
import { base64, fromBase64, text, utf8, wipe } from '../../util/bytes.ts'
import { rfc3339 } from '../../util/clock.ts'
import { JsonError } from '../../util/json-limits.ts'
import { readJson, writeJson } from '../../util/json.ts'
import type { Json } from '../../util/json.ts'
import { entryOf, versionFrom } from './backup-entry.ts'
import { flag, list, object, timeOf, whole, word } from './backup-read.ts'
import type { KeyRecord, KeyVersion, Passage, Random } from './record.ts'
import { newKey } from './record.ts'

const perSecond = 1e9
/** A key of a thousand RSA versions fits; the archive makes its size twice that of the key. */
const limits = { bytes: 16 * 1024 * 1024, depth: 16, tokens: 200_000, containers: 20_000, digits: 4096 }

/**
 * A whole key as Vault's plaintext backup: base64 of `{policy, archived_keys}` and a line feed. `policy.keys` has the
 * versions that decrypt, the archive has all, from the one numbered `min_available_version` on.
 */
export function backupOf(key: KeyRecord): string {
  const archive: Json[] = key.minAvailable === 0 ? [entryOf(key, undefined)] : []
  for (let number = Math.max(1, key.minAvailable); number <= key.latest; number++) {
    archive.push(entryOf(key, key.versions[number]))
  }
  const usable = Object.entries(key.versions).filter(([number]) => Number(number) >= key.minDecryption)
  const policy = {
    name: key.name,
    ...(key.size !== null && { key_size: key.size }),
    keys: Object.fromEntries(usable.map(([number, version]) => [number, entryOf(key, version)])),
    derived: key.kdf !== null,
    kdf: key.kdf === 'hkdf_sha256' ? 1 : 0,
    convergent_encryption: key.convergent,
    exportable: key.exportable,
    min_decryption_version: key.minDecryption,
    min_encryption_version: key.minEncryption,
    latest_version: key.latest,
    archive_version: key.latest,
    archive_min_version: key.minAvailable,
    min_available_version: key.minAvailable,
    deletion_allowed: key.deletable,
    convergent_version: key.convergent ? -1 : 0,
    type: keyType(key.type).code,
    backup_info: passage(key.backedUp),
    restore_info: passage(key.restored),
    allow_plaintext_backup: key.plaintextBackup,
    version_template: '',
    storage_prefix: '',
    auto_rotate_period: key.autoRotatePeriod * perSecond,
    Imported: key.origin === 'imported',
    AllowImportedKeyRotation: key.importRotates,
    soft_deleted: key.state.is === 'soft-deleted',
  }
  const bytes = utf8(`${writeJson({ policy, archived_keys: { keys: archive } })}\n`)
  const backup = base64(bytes)
  wipe(bytes)
  return backup
}

function passage(info: Passage | null): Json | null {
  return info && { time: rfc3339(info.at), version: info.version }
}

/**
 * The key of a backup, under `name` or its own name. Every version is parsed and checked before anything is kept.
 * @throws Fault invalid_request for what is no whole backup.
 */
export function restoredFrom(backup: string, random: Random, now: number, name?: string): KeyRecord {
  const root = parsed(backup)
  const policy = object(root['policy'], 'policy')
  const type = typeOf(whole(policy['type'], 'type'))
  const versions = versionsOf(policy, list(object(root['archived_keys'], 'archived_keys')['keys'], 'archived keys'), {
    type,
    random,
  })
  const counts = countsOf(policy, versions)
  const derived = flag(policy['derived'])
  const first = versions[counts.latest] as KeyVersion
  const wish = { ...wishOf(policy, type), name: name ?? word(policy['name'], 'name'), derived }
  const backedUp = passageFrom(policy['backup_info'])
  return {
    ...newKey(wish, first, random),
    ...counts,
    createdAt: Math.min(...Object.values(versions).map(({ createdAt }) => createdAt)),
    kdf: derived ? (whole(policy['kdf'], 'kdf') === 1 ? 'hkdf_sha256' : 'hmac-sha256-counter') : null,
    origin: flag(policy['Imported']) ? 'imported' : 'generated',
    importRotates: flag(policy['AllowImportedKeyRotation']),
    deletable: flag(policy['deletion_allowed']),
    state: flag(policy['soft_deleted'])
      ? { is: 'soft-deleted', deletedAt: now, purgeAt: null, before: 'enabled' }
      : { is: 'enabled' },
    backedUp,
    restored: { at: now, version: counts.latest },
    versions,
  }
}

function parsed(backup: string): Json {
  const bytes = fromBase64(backup)
  if (!bytes) throw refuse('the backup is not base64')
  try {
    return object(readJson(utf8(text(bytes).trimEnd()), limits), 'the whole')
  } catch (thrown) {
    if (thrown instanceof JsonError) throw refuse('the backup is not complete: it holds no JSON')
    throw thrown
  } finally {
    wipe(bytes)
  }
}

function typeOf(code: number): KeyTypeName {
  const name = Object.keys(keyTypes).find((type) => isKeyType(type) && keyType(type).code === code)
  if (name === undefined || !isKeyType(name)) throw refuse('the backup is of a type of key that is not known here')
  return name
}

function wishOf(policy: Json, type: KeyTypeName) {
  const convergent = flag(policy['convergent_encryption'])
  const derived = flag(policy['derived'])
  const can = keyType(type)
  if ((derived && !can.derivable) || (convergent && !(derived && can.convergent))) {
    throw refuse(`the backup is damaged: keys of type ${type} cannot be derived or convergent like that`)
  }
  const version = convergent ? whole(policy['convergent_version'], 'convergent_version') : 0
  if (![-1, 0, 3].includes(version)) throw refuse('the backup uses an older kind of convergent encryption')
  return {
    type,
    size: can.sizes ? whole(policy['key_size'], 'key_size') : null,
    convergent,
    exportable: flag(policy['exportable']),
    plaintextBackup: flag(policy['allow_plaintext_backup']),
    autoRotatePeriod: Math.floor(whole(policy['auto_rotate_period'] ?? 0, 'auto_rotate_period') / perSecond),
  }
}

function versionsOf(
  policy: Json,
  archive: readonly unknown[],
  parts: { readonly type: KeyTypeName; readonly random: Random },
): Record<number, KeyVersion> {
  const first = whole(policy['min_available_version'] ?? 0, 'min_available_version')
  const origin = flag(policy['Imported']) ? 'imported' : 'generated'
  const found = new Map<number, Json>()
  for (const [at, entry] of archive.entries()) {
    if (first + at > 0) found.set(first + at, object(entry, 'an archived version'))
  }
  // The policy's own entries are the newer ones: a private half may have come after a version was archived.
  for (const [number, entry] of Object.entries(object(policy['keys'], 'keys'))) {
    if (!/^[1-9]\d{0,8}$/.test(number)) throw refuse('the backup is damaged: a version has no number')
    found.set(Number(number), object(entry, 'a version'))
  }
  return Object.fromEntries([...found].map(([number, entry]) => [number, versionFrom(entry, origin, parts)]))
}

function countsOf(policy: Json, versions: Readonly<Record<number, KeyVersion>>) {
  const latest = whole(policy['latest_version'], 'latest_version')
  const minAvailable = whole(policy['min_available_version'] ?? 0, 'min_available_version')
  const minDecryption = Math.max(1, whole(policy['min_decryption_version'], 'min_decryption_version'))
  const minEncryption = whole(policy['min_encryption_version'], 'min_encryption_version')
  const numbers = Object.keys(versions).map(Number)
  const complete = numbers.length === latest - Math.max(1, minAvailable) + 1 && Math.max(...numbers) === latest
  const ordered = minAvailable <= minDecryption && minDecryption <= latest && minEncryption <= latest
  if (!complete || !ordered || [minAvailable, minEncryption].some((count) => count < 0)) {
    throw refuse('the backup is damaged: its versions are not complete')
  }
  return { latest, minAvailable, minDecryption, minEncryption }
}

function passageFrom(info: unknown): Passage | null {
  if (info === null || info === undefined) return null
  const { time, version } = object(info, 'backup_info')
  return { at: timeOf(time), version: whole(version, 'version') }
}
