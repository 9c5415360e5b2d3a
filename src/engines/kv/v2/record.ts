import { f } from '../../../contract/field.ts'
import { rfc3339 } from '../../../util/clock.ts'
import { formatDuration, longestDuration } from '../../../util/duration.ts'
import { isCustom } from './custom.ts'
import {
  hasMembers,
  isCount,
  isFlag,
  isMapOf,
  isOneOf,
  isTime,
  isWhole,
  orAbsent,
  orNull,
  shapeOf,
} from '../../../util/stored/shape.ts'

/** One version of a secret. Times in milliseconds since 1970. */
export interface Version {
  readonly created: number
  /** From then on the version counts as deleted; it can be brought back. Absent: never. */
  readonly deletedAt?: number
  /** The values are gone for good. */
  readonly destroyed: boolean
}

/** The metadata of a secret: `key/<name>`. */
export interface SecretRecord {
  readonly format: 1
  readonly id: string
  readonly created: number
  readonly updated: number
  /** The newest version; 0 before the first. */
  readonly current: number
  /** The oldest version that is kept, once versions are dropped; 0 before. */
  readonly oldest: number
  readonly versions: Readonly<Record<string, Version>>
  readonly settings: Settings
  readonly custom: Readonly<Record<string, string>> | null
  /** Counts changes of the metadata. */
  readonly metadataVersion: number
}

/** The settings of a mount and of a secret. */
export interface Settings {
  /** 0: not set. */
  readonly maxVersions: number
  readonly casRequired: boolean
  readonly metadataCasRequired: boolean
  /** Seconds; 0: never; for a mount -1: never, whatever a secret says. */
  readonly deleteAfter: number
}

/** Settings when nothing was set. */
export const plainSettings: Settings = {
  maxVersions: 0,
  casRequired: false,
  metadataCasRequired: false,
  deleteAfter: 0,
}

/** The most versions that a secret can be told to keep: all are listed in its one record. */
export const mostVersions = 5000

/** Values removed in one commit, which no storage takes without bounds. The rest is for the next. */
export const mostDropped = 100

/** Versions kept when neither mount nor secret says. */
const usualVersions = 10

/** The shape of a mount's settings. */
export const settingsShape = shapeOf<Settings>('settings of key-value secrets', {
  maxVersions: isWhole(0, mostVersions),
  casRequired: isFlag,
  metadataCasRequired: isFlag,
  deleteAfter: isWhole(-1, longestDuration),
})

/** The shape of a secret's metadata, whose parts must be consistent. */
export const secretShape = shapeOf<SecretRecord>(
  'the metadata of a secret',
  {
    format: isOneOf(1),
    id: (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value),
    created: isTime,
    updated: isTime,
    current: isCount,
    oldest: isCount,
    versions: isMapOf(isVersion, (name) => /^[1-9]\d{0,15}$/.test(name as string)),
    settings: settingsShape.is,
    custom: orNull(isCustom),
    metadataVersion: isCount,
  },
  ({ current, oldest, versions }) =>
    (current === 0 || Object.hasOwn(versions, current)) &&
    Object.keys(versions).every((number) => Number(number) >= oldest && Number(number) <= current),
)

function isVersion(value: unknown): boolean {
  return hasMembers<Version>(value, { created: isTime, deletedAt: orAbsent(isTime), destroyed: isFlag })
}

/** A secret without a version yet. */
export function newSecret(id: string, now: number): SecretRecord {
  const times = { created: now, updated: now }
  return { format: 1, id, ...times, current: 0, oldest: 0, versions: {}, settings: plainSettings, custom: null, metadataVersion: 0 }
} // prettier-ignore

/** The limits of a new version: how many versions are kept, and after how many seconds it is deleted (0: never). */
export interface Rules {
  readonly keep: number
  readonly deleteAfter: number
}

/** The larger number of versions counts, and the smaller lifetime. */
export function rulesFor(mount: Settings, secret: Settings): Rules {
  const keep = Math.max(mount.maxVersions, secret.maxVersions) || usualVersions
  const lifetimes = [mount.deleteAfter, secret.deleteAfter].filter((seconds) => seconds > 0)
  return { keep, deleteAfter: mount.deleteAfter < 0 || lifetimes.length === 0 ? 0 : Math.min(...lifetimes) }
}

/** The secret with one version more, and the versions that are dropped for it. */
export function withVersion(
  secret: SecretRecord,
  now: number,
  { keep, deleteAfter }: Rules,
): { readonly secret: SecretRecord; readonly dropped: readonly number[] } {
  const current = secret.current + 1
  const version: Version = { created: now, destroyed: false, ...lifetime(now, deleteAfter) }
  const all: Readonly<Record<string, Version>> = { ...secret.versions, [current]: version }
  const surplus = Object.keys(all).map(Number).filter((number) => number <= current - keep)
  const dropped = surplus.slice(0, mostDropped)
  const oldest = Math.max(secret.oldest, surplus[mostDropped] ?? current - keep + 1)
  const versions = Object.fromEntries(Object.entries(all).filter(([number]) => Number(number) >= oldest))
  return { secret: { ...secret, current, oldest, versions, updated: now }, dropped }
} // prettier-ignore

/** When a version ends that begins, or begins again, now. */
export function lifetime(now: number, deleteAfter: number): { readonly deletedAt?: number } {
  return deleteAfter > 0 ? { deletedAt: now + deleteAfter * 1000 } : {}
}

/** Whether the values of a version can be read. */
export function isLive(version: Version, now: number): boolean {
  return !version.destroyed && !(version.deletedAt !== undefined && version.deletedAt <= now)
}

/** The members of `versionView`. */
export const versionMembers = {
  created_time: f.string('When it was written.'),
  custom_metadata: f.map('The custom metadata of the secret.').orNull(),
  deletion_time: f.string('When it was, or will be, deleted; empty: never.'),
  destroyed: f.bool('Its values are gone for good.'),
  version: f.int('Its number.'),
}

/** The members of `settingsView`. */
export const settingsMembers = {
  cas_required: f.bool('Every write must name the version that it follows.'),
  delete_version_after: f.string('How long after its writing a version is deleted; 0s: never.'),
  max_versions: f.int('How many versions are kept; 0: not set.'),
  metadata_cas_required: f.bool('Every change of metadata must name the version that it follows.'),
}

/** The members of `secretView`. */
export const secretMembers = {
  ...settingsMembers,
  created_time: f.string('When it was first written.'),
  current_metadata_version: f.int('Counts the changes of the metadata.'),
  current_version: f.int('The newest version; 0: none yet.'),
  custom_metadata: f.map('Strings by name, for people and tools.').orNull(),
  oldest_version: f.int('The oldest version that is kept.'),
  updated_time: f.string('When it was last changed.'),
  versions: f.object('Times and state of each version, by its number.'),
}

/** A version as answers show it. */
export function versionView(secret: SecretRecord, number: number): Readonly<Record<string, unknown>> {
  const version = secret.versions[number] as Version
  return { ...timesView(version), custom_metadata: secret.custom, version: number }
}

/** A secret's metadata as answers show it. */
export function secretView(secret: SecretRecord): Readonly<Record<string, unknown>> {
  return {
    ...settingsView(secret.settings),
    created_time: rfc3339(secret.created),
    current_metadata_version: secret.metadataVersion,
    current_version: secret.current,
    custom_metadata: secret.custom,
    oldest_version: secret.oldest,
    updated_time: rfc3339(secret.updated),
    versions: Object.fromEntries(Object.entries(secret.versions).map(([number, one]) => [number, timesView(one)])),
  }
}

/** Settings as answers show them. */
export function settingsView(settings: Settings): Readonly<Record<string, unknown>> {
  return {
    cas_required: settings.casRequired,
    delete_version_after: settings.deleteAfter < 0 ? '-1s' : formatDuration(settings.deleteAfter),
    max_versions: settings.maxVersions,
    metadata_cas_required: settings.metadataCasRequired,
  }
}

const timesView = ({ created, deletedAt, destroyed }: Version): Readonly<Record<string, unknown>> => ({
  created_time: rfc3339(created),
  deletion_time: deletedAt === undefined ? '' : rfc3339(deletedAt),
  destroyed,
})
