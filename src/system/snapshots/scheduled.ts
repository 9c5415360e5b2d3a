import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { isPathName } from '../../contract/names.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { rfc3339 } from '../../util/clock.ts'

/** Times are epoch milliseconds. See core/snapshots/scheduled. */
interface Config {
  readonly interval: number
  readonly retain: number
  readonly filePrefix: string
  readonly recipients: readonly string[]
  readonly local?: { readonly given: string; readonly maxSpace?: number }
  readonly s3?: {
    readonly folder: string
    readonly bucket: string
    readonly region: string
    readonly endpoint: string
    readonly pathStyle: boolean
    readonly accessKey: string
    readonly encryption: string
    readonly kmsKey: string
    readonly ca: string
  }
}

interface Kept {
  readonly name: string
  readonly size: number
  readonly sha256: string
  readonly at: number
}

interface Status {
  readonly state:
    | {
        readonly kept: readonly Kept[]
        readonly good?: Kept
        readonly started: number
        readonly ended: number
        readonly why: string
        readonly failures: number
      }
    | undefined
  readonly next: number
  readonly attempt: { readonly started: number; readonly url: string } | undefined
  readonly url: string
}

/** The scheduled snapshots, for these routes. */
export interface ScheduledSnapshotPort {
  names(): Promise<readonly string[]>
  get(name: string): Promise<Config>
  write(name: string, given: Omit<Values<typeof fields>, 'name'>): Promise<void>
  remove(name: string): Promise<void>
  status(name: string): Promise<Status>
}

const { read, list, write, remove } = routesOf<unknown>()
const named = { name: f.string('The name of the configuration.').or('') }
const shown = {
  interval: f.duration('The time between two snapshots, a minute or more: 24h.').limiting(),
  retain: f.int('How many snapshots are kept.').limiting().initially(1),
  storage_type: f.string('Where they are kept: local or aws-s3.'),
  path_prefix: f.string('The folder below backup_folder, or what the keys of a bucket begin with.'),
  file_prefix: f.string('What their names begin with.').initially('strongroom'),
  age_recipients: f.list('Recipients of age (age1…) whom they are encrypted to.').limiting(),
  local_max_space: f.int('The most bytes of all that are kept in the folder, and a new one.').limiting(),
  aws_s3_bucket: f.string('The bucket.'),
  aws_s3_region: f.string('Its region.'),
  aws_s3_endpoint: f.string("The address of the store; empty: Amazon's."),
  aws_s3_disable_tls: f.bool('Plain HTTP, to this machine only.'),
  aws_s3_force_path_style: f.bool('The bucket is in the path of the address instead of in the host name.').initially(false),
  aws_access_key_id: f.string('The id of the access key.'),
  aws_s3_server_side_encryption: f.bool('The store encrypts with a key of its own (AES256).').initially(false),
  aws_s3_enable_kms: f.bool('The store encrypts with a key of its KMS.').initially(false),
  aws_s3_kms_key: f.string('That key; empty: that of the bucket.'),
  aws_s3_ca_cert: f.string('The CAs of the store to trust, PEM; those of the system when left out.').limiting(),
} // prettier-ignore
const fields = {
  ...named,
  ...shown,
  aws_secret_access_key: f.string('The access key itself; never shown.').secret(),
  aws_session_token: f.string('The token of temporary credentials; never shown.').secret(),
}
const status = {
  snapshot_start: f.string('When the one was begun that is being made; empty: none is.'),
  snapshot_url: f.string('Where it will be.'),
  last_snapshot_start: f.string('When the last attempt was begun.'),
  last_snapshot_end: f.string('When it ended.'),
  last_snapshot_error: f.string('Why it failed; empty: it did not.'),
  last_snapshot_url: f.string('Where the last good one is.'),
  last_success: f.string('When the last good one was begun: the state that it has.'),
  last_size: f.int('Its bytes.'),
  last_sha256: f.string('The SHA-256 of the file.'),
  consecutive_errors: f.int('Attempts that failed since then.'),
  next_snapshot_start: f.string('When the next one is due.'),
  kept: f.texts('The names of those that are kept, the oldest first.'),
}
const path = 'storage/raft/snapshot-auto'
const one = `${path}/config/:name`
const sudo = { access: 'sudo' } as const

/** `sys/storage/raft/snapshot-auto`: the snapshots that the server makes by itself, as in Vault Enterprise. */
export function scheduledSnapshotRoutes(port: ScheduledSnapshotPort): Route<unknown>[] {
  return [
    list(`${path}/config`, {
      ...sudo,
      about: 'List the configurations of scheduled snapshots.',
      returns: { keys: f.list('Their names.') },
      handle: async () => {
        const keys = await port.names()
        if (keys.length === 0) throw new Fault('not_found', 'there are no scheduled snapshots')
        return answer({ keys })
      },
    }),
    read(one, {
      ...sudo,
      about: 'Read the configuration of scheduled snapshots, without its secrets.',
      returns: { ...named, ...shown },
      fields: named,
      handle: async (_, { name }) => answer({ name, ...bodyOf(await port.get(checked(name))) }),
    }),
    write(one, {
      ...sudo,
      about: 'Create or change a configuration of scheduled snapshots. Omitted parameters stay as they are.',
      fields,
      handle: async (_, { name, ...given }) => {
        await port.write(checked(name), given)
        return done()
      },
    }),
    remove(one, {
      ...sudo,
      about: 'Remove a configuration of scheduled snapshots. The snapshots stay.',
      fields: named,
      handle: async (_, { name }) => {
        await port.remove(checked(name))
        return done()
      },
    }),
    read(`${path}/status/:name`, {
      about: 'Read the outcome of the scheduled snapshots of a configuration, and the time of the next one.',
      returns: status,
      fields: named,
      handle: async (_, { name }) => answer(statusOf(await port.status(checked(name)))),
    }),
  ]
}

/** It becomes part of the name of a file. */
function checked(name: string): string {
  if (!isPathName(name) || name.length > 64)
    throw refuse('the name of a configuration has letters, digits, _, - and . only, and 64 of them at most')
  return name
}

function bodyOf({ interval, retain, filePrefix, recipients, local, s3 }: Config): Readonly<Record<string, unknown>> {
  const common = { interval, retain, file_prefix: filePrefix, age_recipients: recipients }
  if (!s3)
    return {
      ...common,
      storage_type: 'local',
      path_prefix: local?.given ?? '',
      ...(local?.maxSpace !== undefined && { local_max_space: local.maxSpace }),
    }
  return {
    ...common,
    storage_type: 'aws-s3',
    path_prefix: s3.folder,
    aws_s3_bucket: s3.bucket,
    aws_s3_region: s3.region,
    aws_s3_endpoint: s3.endpoint,
    aws_s3_disable_tls: s3.endpoint.startsWith('http:'),
    aws_s3_force_path_style: s3.pathStyle,
    aws_access_key_id: s3.accessKey,
    aws_s3_server_side_encryption: s3.encryption === 'AES256',
    aws_s3_enable_kms: s3.encryption === 'aws:kms',
    aws_s3_kms_key: s3.kmsKey,
    aws_s3_ca_cert: s3.ca,
  }
}

const timeOf = (at: number | undefined): string => (at === undefined ? '' : rfc3339(at))

function statusOf({ state, next, attempt, url }: Status): Readonly<Record<string, unknown>> {
  return {
    snapshot_start: timeOf(attempt?.started),
    snapshot_url: attempt?.url ?? '',
    last_snapshot_url: url,
    next_snapshot_start: rfc3339(next),
    ...pastOf(state),
  }
}

function pastOf(state: Status['state']): Readonly<Record<string, unknown>> {
  const { good, kept = [], why = '', failures = 0 } = state ?? {}
  return {
    last_snapshot_start: timeOf(state?.started),
    last_snapshot_end: timeOf(state?.ended),
    last_snapshot_error: why,
    last_success: timeOf(good?.at),
    last_size: good?.size ?? 0,
    last_sha256: good?.sha256 ?? '',
    consecutive_errors: failures,
    kept: kept.map(({ name }) => name),
  }
}
