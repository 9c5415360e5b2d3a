import type { SecretRecord } from './record.ts'

/** Where the mount's settings are kept. */
export const configName = 'config'

/** The folder of all secrets' records, by name: what lists show. */
export const secretFolder = 'key/'

/** Where a secret's record is kept. */
export const recordName = (name: string): string => secretFolder + name

/** Where the values of one version are kept: by the secret's id, so that a new secret of the same name never meets old values. */
export const valueName = ({ id }: Pick<SecretRecord, 'id'>, version: number): string => `value/${id}/${version}`
