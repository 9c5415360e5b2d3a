import type { SecretRecord } from './record.ts'

/** The record of the mount's settings. */
export const configName = 'config'

/** The folder of all secrets' records, by name: the source of lists. */
export const secretFolder = 'key/'

/** The record of a secret. */
export const recordName = (name: string): string => secretFolder + name

/** The record of one version's values: by the secret's id, so that a new secret of the same name never gets old values. */
export const valueName = ({ id }: Pick<SecretRecord, 'id'>, version: number): string => `value/${id}/${version}`
