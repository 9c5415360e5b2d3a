import { refuse } from '../../../contract/fault.ts'
import { isKeyType, keyType, keyTypes } from '../../../crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../../crypto/keys/key-types.ts'
import { base64, fromBase64, text, utf8, wipe } from '../../../util/bytes.ts'
import { rfc3339 } from '../../../util/clock.ts'
import { JsonError } from '../../../util/json-limits.ts'
import { readJson, writeJson } from '../../../util/json.ts'
import type { Json } from '../../../util/json.ts'
import { Slices, inSlices } from '../../../util/slices.ts'
import { entryOf, thirdScheme, versionFrom } from './backup-entry.ts'
import { flag, list, numeric, object, timeOf, whole, word } from './backup-read.ts'
import type { KeyRecord, KeyVersion, BackupTime, Random } from '../../../keys/record.ts'
import { newKey } from '../../../keys/record.ts'
import { mustBeCounts, mustBeKey, mustBeKind, mustBeName, mustBePeriod } from '../../../keys/rules.ts'
import type { Counts } from '../../../keys/rules.ts'

const perSecond = 1e9
/** Clocks differ; a day further on is no clock, but a mistake. */
const day = 86_400_000
/** Enough for the largest key of a record: more than 5,000 versions, each in the policy and in the archive. */
const limits = {
  bytes: 16 * 1024 * 1024,
  depth: 16,
  tokens: 400_000,
  containers: 40_000,
  digits: 4096,
  names: 20_000,
  numerals: 20_000,
}

/**
 * A whole key as Vault's plaintext backup: base64 of `{policy, archived_keys}` and a line feed. `policy.keys` has the
 * versions that decrypt, the archive has all, from `min_available_version` on. Other requests are served
 * meanwhile: a key with thousands of key pairs takes seconds.
 */
export async function backupOf(key: KeyRecord): Promise<string> {
  const entries = await inSlices(Object.entries(key.versions), ([number, version]) => [number, entryOf(key, version)] as const) // prettier-ignore
  const archive = entries.map(([, entry]) => entry)
  if (key.minAvailable === 0) archive.unshift(entryOf(key, undefined))
  const usable = entries.filter(([number]) => Number(number) >= key.minDecryption)
  const policy = {
    name: key.name,
    ...(key.size !== null && { key_size: key.size }),
    keys: Object.fromEntries(usable),
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
    backup_info: passageEntry(key.backedUp),
    restore_info: passageEntry(key.restored),
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

function passageEntry(info: BackupTime | null): Json | null {
  return info && { time: rfc3339(info.at), version: info.version }
}

/** The key of a backup, and the problems of the backup that do not prevent its use. */
interface Restored {
  readonly record: KeyRecord
  readonly warnings: readonly string[]
}

/**
 * The key of a backup, under `name` or its own name. Before the key is stored, every member is checked like a parameter of
 * the routes, and every version is parsed; `now` is epoch milliseconds.
 * @throws Fault invalid_request for an incomplete backup, or a key that could not be created here.
 */
export async function restoredFrom(backup: string, random: Random, now: number, name?: string): Promise<Restored> {
  const root = parsed(backup)
  const policy = object(root['policy'], 'policy')
  const type = typeOf(whole(policy['type'], 'type'))
  const origin = flag(policy['Imported'], 'Imported') ? 'imported' : 'generated'
  const spec = { ...specOf(policy, type), name: name ?? word(policy['name'], 'name') }
  mustBeName(spec.name)
  if (origin === 'imported' && spec.convergent) throw refuse('imported keys cannot encrypt convergently')
  const archive = list(object(root['archived_keys'], 'archived_keys')['keys'], 'archived keys')
  const { counts, entries, warnings } = entriesOf(policy, archive)
  const parts = { type, origin, random, derived: spec.derived, convergent: spec.convergent, until: now + day } as const
  const versions: Record<number, KeyVersion> = {}
  const slices = new Slices()
  for (const [number, entry] of entries) {
    await slices.pause()
    versions[number] = await versionFrom(entry, parts)
  }
  const record: KeyRecord = {
    ...newKey(spec, versions[counts.latest] as KeyVersion),
    ...counts,
    createdAt: Object.values(versions).reduce((first, { createdAt }) => Math.min(first, createdAt), now),
    kdf: kdfOf(policy, spec),
    origin,
    importRotates: flag(policy['AllowImportedKeyRotation'], 'AllowImportedKeyRotation'),
    deletable: flag(policy['deletion_allowed'], 'deletion_allowed'),
    state: flag(policy['soft_deleted'], 'soft_deleted')
      ? { is: 'soft-deleted', deletedAt: now, purgeAt: null, before: 'enabled' }
      : { is: 'enabled' },
    backedUp: passageFrom(policy['backup_info'], counts.latest, now + day),
    restored: { at: now, version: counts.latest },
    versions,
  }
  mustBeKey(record)
  return { record, warnings }
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

function specOf(policy: Json, type: KeyTypeName) {
  const convergent = flag(policy['convergent_encryption'], 'convergent_encryption')
  const derived = flag(policy['derived'], 'derived')
  const size = policy['key_size'] === undefined ? 0 : whole(policy['key_size'], 'key_size')
  const kind = { type, size: !keyType(type).sizes && size === 0 ? null : size, derived, convergent }
  mustBeKind(kind)
  const scheme = whole(policy['convergent_version'] ?? 0, 'convergent_version')
  // -1: each version says which scheme is its own.
  if (![-1, thirdScheme].includes(scheme) && (convergent || scheme !== 0)) {
    throw refuse('the backup uses another kind of convergent encryption')
  }
  for (const member of ['version_template', 'storage_prefix']) {
    if ((policy[member] ?? '') !== '') throw refuse(`the backup has a ${member}, which is not known here`)
  }
  const period = numeric(policy['auto_rotate_period'] ?? 0, 'auto_rotate_period') / perSecond
  mustBePeriod(period)
  return {
    ...kind,
    exportable: flag(policy['exportable'], 'exportable'),
    plaintextBackup: flag(policy['allow_plaintext_backup'], 'allow_plaintext_backup'),
    autoRotatePeriod: Math.floor(period),
  }
}

function kdfOf(policy: Json, { derived, convergent }: { readonly derived: boolean; readonly convergent: boolean }) {
  const names = ['hmac-sha256-counter', 'hkdf_sha256'] as const
  const kdf = names[whole(policy['kdf'] ?? 0, 'kdf')]
  if (!kdf) throw refuse('the backup derives keys in a way that is not known here')
  if (convergent && kdf !== 'hkdf_sha256') throw refuse('the backup uses another kind of convergent encryption')
  return derived ? kdf : null
}

const archiveRefused = 'the backup is damaged: its archive is not of its versions'

/** The entries of all versions that there are, by number, and the limits; none of it parsed yet. */
function entriesOf(policy: Json, archive: readonly unknown[]) {
  const stated = countsOf(policy)
  if (archive.length !== stated.latest - stated.minAvailable + 1) throw refuse(archiveRefused)
  const found = new Map<number, Json>()
  for (const [at, entry] of archive.entries()) {
    const number = stated.minAvailable + at
    if (number > 0) found.set(number, object(entry, 'an archived version'))
  }
  // The policy's own entries are the newer ones: a private key may have been imported after a version was archived.
  for (const [digits, entry] of Object.entries(object(policy['keys'], 'keys'))) {
    if (!/^[1-9]\d{0,8}$/.test(digits)) throw refuse('the backup is damaged: a version has no number')
    found.set(Number(digits), object(entry, 'a version'))
  }
  const { counts, warnings } = withoutEmpty(stated, found)
  mustBeCounts(counts)
  const entries: (readonly [number, Json])[] = []
  for (let number = Math.max(1, counts.minAvailable); number <= counts.latest; number++) {
    const entry = found.get(number)
    if (!entry) throw refuse('the backup is damaged: its versions are not complete')
    entries.push([number, entry])
  }
  if ([...found.keys()].some((number) => number > counts.latest)) {
    throw refuse('the backup is damaged: it has versions beyond the latest one')
  }
  return { counts, entries, warnings }
}

/**
 * Versions below the minimum for decryption may be empty: they, and all versions below them, count as trimmed, so
 * that no later setting selects a version that does not exist.
 */
function withoutEmpty(counts: Counts, found: ReadonlyMap<number, Json>) {
  const empty = [...found].filter(([number, entry]) => number < counts.minDecryption && isEmpty(entry))
  const last = empty.reduce((most, [number]) => Math.max(most, number), 0)
  if (last === 0) return { counts, warnings: [] }
  const minAvailable = last + 1
  const minEncryption = Math.max(counts.minEncryption, counts.minEncryption === 0 ? counts.minDecryption : 0)
  const warning =
    `version ${last} of the backup is empty: it was restored as if the versions below ${minAvailable}` +
    ' had been trimmed, so min_available_version is that'
  return { counts: { ...counts, minAvailable, minEncryption }, warnings: [warning] }
}

function isEmpty(entry: Json): boolean {
  const material = ['key', 'hmac_key', 'ec_x', 'ec_y', 'ec_d', 'rsa_key', 'rsa_public_key']
  return material.every((member) => (entry[member] ?? '') === '') && (entry['public_key'] ?? '') === ''
}

function countsOf(policy: Json): Counts {
  const count = (name: string): number => whole(policy[name] ?? 0, name)
  const [latest, minAvailable] = [count('latest_version'), count('min_available_version')]
  const archived = policy['archive_version'] === undefined ? latest : count('archive_version')
  const archivedFrom = policy['archive_min_version'] === undefined ? minAvailable : count('archive_min_version')
  if (minAvailable < 0 || archived !== latest || archivedFrom !== minAvailable) {
    throw refuse(archiveRefused)
  }
  const minDecryption = count('min_decryption_version')
  return {
    latest,
    minAvailable,
    minDecryption: minDecryption === 0 ? 1 : minDecryption,
    minEncryption: count('min_encryption_version'),
  }
}

function passageFrom(info: unknown, latest: number, until: number): BackupTime | null {
  if (info === null || info === undefined) return null
  const { time, version } = object(info, 'backup_info')
  const passage = { at: timeOf(time, until), version: whole(version, 'version') }
  if (passage.version < 0 || passage.version > latest) throw refuse('the backup is damaged: its backup_info cannot be')
  return passage
}
