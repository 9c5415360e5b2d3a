import { bucketAddress } from '../../../backups/s3/settings.ts'
import type { S3Settings } from '../../../backups/s3/settings.ts'
import { hasMembers, isCount, isFlag, isListOf, isName, isOneOf, isText, isTime, isWhole, orAbsent, shapeOf } from '../../../util/stored/shape.ts' // prettier-ignore
import type { Shape } from '../../../util/stored/shape.ts'

/** A folder below the one that the configuration file names. */
export interface FolderSettings {
  /** The folder as it was given. */
  readonly given: string
  /** The same below the root; empty: the root itself. */
  readonly below: string
  /** The most bytes of all snapshots that are kept; absent: no limit. */
  readonly maxSpace?: number
}

export interface BucketSettings extends S3Settings {
  /** What keys begin with; empty, or ending in `/`. */
  readonly folder: string
}

/** Snapshots that the server makes by itself. */
export interface ScheduledConfig {
  /** Seconds. */
  readonly interval: number
  /** How many are kept. */
  readonly retain: number
  readonly filePrefix: string
  /** Recipients of age; none: the snapshots are not encrypted once more. */
  readonly recipients: readonly string[]
  /** Epoch milliseconds. */
  readonly created: number
  readonly changed: number
  /** One of them. */
  readonly local?: FolderSettings
  readonly s3?: BucketSettings
}

/** The least and the most time between two, seconds; the most that are kept. */
export const shortestInterval = 60
export const longestInterval = 366 * 86_400
export const mostKept = 1000

const isLocal = (value: unknown): boolean =>
  hasMembers<FolderSettings>(value, { given: isText, below: isText, maxSpace: orAbsent(isCount) })

const isBucket = (value: unknown): boolean =>
  hasMembers<BucketSettings>(value, {
    bucket: isName,
    region: isName,
    endpoint: isText,
    pathStyle: isFlag,
    accessKey: isName,
    secretKey: isName,
    sessionToken: isText,
    encryption: isOneOf('none', 'AES256', 'aws:kms'),
    kmsKey: isText,
    ca: isText,
    folder: isText,
  })

export const scheduledConfig: Shape<ScheduledConfig> = shapeOf<ScheduledConfig>(
  'the configuration of scheduled snapshots',
  {
    interval: isWhole(shortestInterval),
    retain: isWhole(1, mostKept),
    filePrefix: isName,
    recipients: isListOf(isName),
    created: isTime,
    changed: isTime,
    local: orAbsent(isLocal),
    s3: orAbsent(isBucket),
  },
  ({ local, s3 }) => (local === undefined) !== (s3 === undefined),
)

/** Where the snapshots of a configuration are: equal exactly for the same folder or bucket and the same beginning of names. */
export const placeOf = ({ local, s3, filePrefix }: ScheduledConfig): string =>
  s3 ? `${bucketAddress(s3)}/${s3.folder}${filePrefix}` : `file:${local?.below ?? ''}/${filePrefix}`

/** The address of a snapshot, without a path of the host that its caller did not give. */
export function urlOf({ local, s3 }: ScheduledConfig, name: string): string {
  if (s3) return `${bucketAddress(s3)}/${s3.folder}${name}`
  const folder = (local?.given ?? '').replace(/\/*$/, '')
  return `file:${folder.startsWith('/') ? '//' : ''}${folder === '' ? '' : `${folder}/`}${name}`
}

/** The name of a snapshot, in the order of time. @param at epoch milliseconds */
export const nameOf = ({ filePrefix, recipients }: ScheduledConfig, at: number): string =>
  `${filePrefix}-${new Date(at).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')}.snap${recipients.length > 0 ? '.age' : ''}`

/** Whether a name is one of `nameOf`: nothing else is ever removed. */
export const isOwnName = ({ filePrefix }: ScheduledConfig, name: string): boolean =>
  name.startsWith(`${filePrefix}-`) && /^\d{8}T\d{6}Z\.snap(?:\.age)?$/.test(name.slice(filePrefix.length + 1))
