import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { wholeNumber } from '../../../contract/wire/weak-types.ts'
import type { Call } from '../../../contract/route.ts'
import { parseDuration } from '../../../util/duration.ts'
import type { Json } from '../../../util/json.ts'
import { mostVersions } from './record.ts'
import type { SecretRecord, Settings } from './record.ts'

/** The version in a query; absent, empty or 0: the newest. */
export const version = { version: f.string('Which version; 0: the newest.').or('') }

/** @throws Fault invalid_request */
export function versionNumber(text: string): number {
  const number = text === '' ? 0 : wholeNumber(text)
  if (number === undefined) throw refuse('version must be a whole number')
  return number
}

/** The settings of a mount and of a secret. */
export const settingFields = {
  max_versions: f.int('The number of versions to keep; 0: that of the mount, or 10.').initially(0),
  cas_required: f.bool('Every write must have the version that it replaces (cas).').initially(false),
  metadata_cas_required: f
    .bool('Every change of the metadata must have the version that it replaces (metadata_cas).')
    .initially(false),
  delete_version_after: f
    .any('Versions are deleted so long after they were written, e.g. "24h"; 0: never.')
    .initially('0s'),
}

type SettingValues = { readonly [K in keyof typeof settingFields]: (typeof settingFields)[K]['fallback'] }

/** Settings with the given changes. @param offAllowed - a negative lifetime disables lifetimes (mounts) */
export function changedSettings(old: Settings, values: SettingValues, isGiven: (name: string) => boolean, offAllowed: boolean): Settings {
  if ((values.max_versions ?? 0) < 0) throw refuse('max_versions must not be negative')
  if ((values.max_versions ?? 0) > mostVersions) throw refuse(`max_versions can be at most ${mostVersions}`)
  const changed = <K extends keyof SettingValues>(name: K): SettingValues[K] | undefined => (isGiven(name) ? values[name] : undefined)
  return {
    maxVersions: changed('max_versions') ?? old.maxVersions,
    casRequired: changed('cas_required') ?? old.casRequired,
    metadataCasRequired: changed('metadata_cas_required') ?? old.metadataCasRequired,
    deleteAfter: isGiven('delete_version_after') ? lifetimeOf(values.delete_version_after, offAllowed) : old.deleteAfter,
  }
} // prettier-ignore

/** The settings of a write: null leaves a setting as it is (in a patch it sets it back, RFC 7396). */
export const isGivenIn =
  ({ request: { data } }: Pick<Call<unknown>, 'request'>) =>
  (name: string): boolean =>
    data[name] !== undefined && data[name] !== null

function lifetimeOf(value: unknown, offAllowed: boolean): number {
  const text = value === null || value === undefined ? '0' : typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') throw refuse(lifetimeWanted)
  const off = text.startsWith('-')
  const seconds = parseDuration(off ? text.slice(1) : text)
  if (seconds === undefined || (off && !offAllowed)) throw refuse(lifetimeWanted)
  return off && seconds > 0 ? -1 : seconds
}

const lifetimeWanted = 'delete_version_after must be a duration such as 90, "24h" or "1h30m"'

/** The check-and-set of a write. @throws Fault invalid_request unless the write may replace the current version */
export function checkAndSet(options: Json, old: SecretRecord | undefined, settings: Settings): void {
  if (!Object.hasOwn(options, 'cas')) {
    if (settings.casRequired || old?.settings.casRequired)
      throw refuse('check-and-set parameter required for this call')
    return
  }
  if (numberOf(options['cas']) !== (old?.current ?? 0))
    throw refuse('check-and-set parameter did not match the current version')
}

function numberOf(cas: unknown): number {
  if (cas === null || cas === '') return 0
  const number = typeof cas === 'boolean' ? Number(cas) : wholeNumber(cas)
  if (number === undefined) throw refuse('error parsing check-and-set parameter')
  return number
}

/**
 * The values of a write. Null is refused: a version without values could not be patched. @throws Fault invalid_request if there
 * are none
 */
export function valuesOf(value: unknown, data: Json | undefined): Json {
  if (value === null || data === undefined) throw refuse('no data provided')
  return data
}
