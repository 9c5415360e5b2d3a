import { refuse } from '../contract/fault.ts'
import type { KeyRecord } from './record.ts'
import { mustBeCounts, mustBePeriod } from './rules.ts'

/** The settings of a key that can be changed; an undefined one stays as it is. `autoRotatePeriod` is in seconds. */
interface SettingsChange {
  readonly minDecryption: number | undefined
  readonly minEncryption: number | undefined
  readonly deletable: boolean | undefined
  readonly exportable: boolean | undefined
  readonly plaintextBackup: boolean | undefined
  readonly autoRotatePeriod: number | undefined
}

/** The key with other settings. @throws Fault invalid_request for settings that contradict each other. */
export function withSettings(key: KeyRecord, change: SettingsChange): KeyRecord {
  const minDecryption = change.minDecryption ?? key.minDecryption
  const minEncryption = change.minEncryption ?? key.minEncryption
  mustBeCounts({ ...key, minDecryption, minEncryption })
  if (change.autoRotatePeriod !== undefined) mustBePeriod(change.autoRotatePeriod)
  return {
    ...key,
    minDecryption,
    minEncryption,
    deletable: change.deletable ?? key.deletable,
    // Once a key may leave the server it may have left: neither switch can be turned off again.
    exportable: key.exportable || (change.exportable ?? false),
    plaintextBackup: key.plaintextBackup || (change.plaintextBackup ?? false),
    autoRotatePeriod: change.autoRotatePeriod ?? key.autoRotatePeriod,
  }
}

/** The key without the versions below a given one. @throws Fault invalid_request while one of them may still be used. */
export function trimmed(key: KeyRecord, minAvailable: number): KeyRecord {
  if (minAvailable < key.minAvailable) {
    throw refuse(`the versions below ${key.minAvailable} are gone already: min_available_version cannot be less`)
  }
  if (key.minEncryption === 0) throw refuse('trimming needs a minimum encryption version: set it in the config first')
  if (minAvailable < 1) throw refuse('min_available_version must be 1 or more')
  if (minAvailable > Math.min(key.latest, key.minEncryption, key.minDecryption)) {
    throw refuse('min_available_version can be no more than the minimum encryption and decryption versions')
  }
  const versions = Object.entries(key.versions).filter(([number]) => Number(number) >= minAvailable)
  return { ...key, minAvailable, versions: Object.fromEntries(versions) }
}

/** @throws Fault invalid_request for a key whose private material may not leave the server. */
export function mustBeExportable({ exportable }: KeyRecord): void {
  if (!exportable)
    throw refuse('this key is not exportable; exportable=true in its config allows the export, and cannot be undone')
}

/** @throws Fault invalid_request for a key that may not leave the server as a whole and in plaintext. */
export function mustBackUp(key: KeyRecord): void {
  if (key.state.is === 'soft-deleted') throw refuse('refusing to back up a soft-deleted key: restore it first')
  if (!key.exportable) throw refuse('exporting is disallowed on the policy: set exportable in the config first')
  if (!key.plaintextBackup)
    throw refuse('plaintext backup is disallowed on the policy: set allow_plaintext_backup in the config first')
}
