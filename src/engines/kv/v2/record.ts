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
  /** From then on the version counts as deleted; it can be restored. Absent: never. */
  readonly deletedAt?: number
  /** The values were permanently removed. */
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
  /** The oldest version, once versions were dropped; 0 before. */
  readonly oldest: number
  readonly versions: Readonly<Record<string, Version>>
  readonly settings: Settings
  readonly custom: Readonly<Record<string, string>> | null
  /** The number of changes of the metadata. */
  readonly metadataVersion: number
}

/** The settings of a mount and of a secret. */
export interface Settings {
  /** 0: not set. */
  readonly maxVersions: number
  readonly casRequired: boolean
  readonly metadataCasRequired: boolean
  /** Seconds; 0: never; for a mount -1: never, even if a secret has a value. */
  readonly deleteAfter: number
}

/** The default settings. */
export const plainSettings: Settings = {
  maxVersions: 0,
  casRequired: false,
  metadataCasRequired: false,
  deleteAfter: 0,
}

/** The most versions that a secret can keep: all are listed in its one record. */
export const mostVersions = 5000

/** The most values removed in one commit, because commits are limited in size. The next commit removes the rest. */
export const mostDropped = 100

/** The number of versions to keep if neither mount nor secret sets it. */
const usualVersions = 10

/** The shape of a mount's settings. */
export const settingsShape = shapeOf<Settings>('settings of key-value secrets', {
  maxVersions: isWhole(0, mostVersions),
  casRequired: isFlag,
  metadataCasRequired: isFlag,
  deleteAfter: isWhole(-1, longestDuration),
})

/** The shape of a secret's metadata, which must be consistent. */
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

/** The limits of a new version: the number of versions to keep, and the seconds until it is deleted (0: never). */
interface Rules {
  readonly keep: number
  readonly deleteAfter: number
}

/** The larger number of versions applies, and the shorter lifetime. */
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
  const excess = Object.keys(all).map(Number).filter((number) => number <= current - keep)
  const dropped = excess.slice(0, mostDropped)
  const oldest = Math.max(secret.oldest, excess[mostDropped] ?? current - keep + 1)
  const versions = Object.fromEntries(Object.entries(all).filter(([number]) => Number(number) >= oldest))
  return { secret: { ...secret, current, oldest, versions, updated: now }, dropped }
} // prettier-ignore

/** The end of a version that is created or restored now. */
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
  destroyed: f.bool('Its values were permanently removed.'),
  version: f.int('Its number.'),
}

/** The members of `settingsView`. */
export const settingsMembers = {
  cas_required: f.bool('Every write must name the version that it follows.'),
  delete_version_after: f.string('How long after its writing a version is deleted; 0s: never.'),
  max_versions: f.int('The number of versions to keep; 0: not set.'),
  metadata_cas_required: f.bool('Every change of metadata must name the version that it follows.'),
}

/** The members of `secretView`. */
export const secretMembers = {
  ...settingsMembers,
  created_time: f.string('When it was first written.'),
  current_metadata_version: f.int('The number of changes of the metadata.'),
  current_version: f.int('The newest version; 0: none yet.'),
  custom_metadata: f.map('Strings by name, for people and tools.').orNull(),
  oldest_version: f.int('The oldest existing version.'),
  updated_time: f.string('When it was last changed.'),
  versions: f.object('Times and state of each version, by its number.'),
}

/** A version in responses. */
export function versionView(secret: SecretRecord, number: number): Readonly<Record<string, unknown>> {
  const version = secret.versions[number] as Version
  return { ...timesView(version), custom_metadata: secret.custom, version: number }
}

/** A secret's metadata in responses. */
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

/** Settings in responses. */
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
