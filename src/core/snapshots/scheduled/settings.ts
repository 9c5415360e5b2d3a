import { posix } from 'node:path'
import { recipientsProblem } from '../../../backups/age.ts'
import { refuse } from '../../../contract/fault.ts'
import { bucketSettings } from './bucket-settings.ts'
import type { BucketFields } from './bucket-settings.ts'
import { longestInterval, mostKept, shortestInterval } from './config.ts'
import type { FolderSettings, ScheduledConfig } from './config.ts'

/** What a request gives, by the names of Vault's API; what it leaves out stays as it is. */
export interface ScheduledFields extends BucketFields {
  readonly interval?: number | undefined
  readonly retain?: number | undefined
  readonly storage_type?: string | undefined
  readonly path_prefix?: string | undefined
  readonly file_prefix?: string | undefined
  readonly local_max_space?: number | undefined
  readonly age_recipients?: readonly string[] | undefined
}

/** @param root the folder of the configuration file; undefined: none @param now epoch milliseconds */
export interface Surroundings {
  readonly root: string | undefined
  readonly now: number
}

const mostRecipients = 20

/** The configuration after a request. @throws Fault invalid_request */
export async function changedConfig(
  given: ScheduledFields,
  before: ScheduledConfig | undefined,
  { root, now }: Surroundings,
): Promise<ScheduledConfig> {
  const recipients = given.age_recipients ?? before?.recipients ?? []
  await checkRecipients(recipients)
  const common = { ...scheduleOf(given, before), recipients, created: before?.created ?? now, changed: now }
  const type = given.storage_type ?? (before && (before.s3 ? 'aws-s3' : 'local'))
  if (type === 'local') return { ...common, local: folderSettings(given, before?.local, root) }
  if (type === 'aws-s3') return { ...common, s3: bucketSettings(given, given.path_prefix, before?.s3) }
  throw refuse("'storage_type' must be set: local or aws-s3")
}

function scheduleOf(given: ScheduledFields, before: ScheduledConfig | undefined) {
  const interval = given.interval ?? before?.interval
  if (interval === undefined) throw refuse("'interval' must be set: the time between two snapshots, such as 24h")
  if (interval < shortestInterval) throw refuse(`'interval' must be ${shortestInterval} seconds or more`)
  if (interval > longestInterval) throw refuse("'interval' must be 366 days or less")
  const retain = given.retain ?? before?.retain ?? 1
  if (retain < 1 || retain > mostKept) throw refuse(`'retain' must be from 1 to ${mostKept}`)
  const filePrefix = given.file_prefix ?? before?.filePrefix ?? 'strongroom'
  if (!/^\w[\w.-]{0,63}$/.test(filePrefix))
    throw refuse("'file_prefix' may have letters, digits, _, - and . only, and 64 of them at most")
  return { interval, retain, filePrefix }
}

async function checkRecipients(recipients: readonly string[]): Promise<void> {
  if (recipients.length === 0) return
  if (recipients.length > mostRecipients) throw refuse(`'age_recipients' has at most ${mostRecipients} recipients`)
  const problem = await recipientsProblem(recipients)
  if (problem !== undefined) throw refuse(`'age_recipients' cannot be used: ${problem}`)
}

function folderSettings(
  { path_prefix: path, local_max_space: space }: ScheduledFields,
  before: FolderSettings | undefined,
  root: string | undefined,
): FolderSettings {
  if (root === undefined)
    throw refuse(
      'snapshots cannot be kept in a folder of the server: its configuration file has no backup_folder, which says below which one they may be written',
    )
  const given = path ?? before?.given ?? ''
  const maxSpace = space ?? before?.maxSpace
  if (maxSpace !== undefined && maxSpace < 1) throw refuse("'local_max_space' must be 1 byte or more")
  return { given, below: belowRoot(given, root), ...(maxSpace !== undefined && { maxSpace }) }
}

/** The folder from the root on. @throws Fault invalid_request for one that is not below it */
function belowRoot(given: string, root: string): string {
  const segments = given.split('/').filter((segment) => segment !== '')
  if (given.length > 1024 || !segments.every((segment) => /^\w[\w.-]*$/.test(segment)))
    throw refuse("'path_prefix' may have letters, digits, _, - and . only, and no name in it begins with a dot")
  if (!given.startsWith('/')) return segments.join('/')
  const below = posix.relative(root, `/${segments.join('/')}`)
  if (below === '..' || below.startsWith('../'))
    throw refuse("'path_prefix' must be a folder below the backup_folder of the server, or a name in it")
  return below
}
