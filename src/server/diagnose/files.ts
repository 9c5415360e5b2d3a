import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Check } from '../../cli/framework/command.ts'
import type { ConfigReading } from '../../config/load.ts'
import type { Config } from '../../config/types.ts'
import { nearestFolder } from '../../storage/level/files.ts'
import { defaultMinFree } from '../../storage/level/space.ts'
import { amount } from '../../cli/output/progress.ts'
import { fail, group, ok, warn } from './result.ts'

const others = 0o007
const groupToo = 0o077

/** Who may read and change the files of the configuration, of keys and of the storage. */
export async function checkPermissions({ files, named }: ConfigReading, config: Config): Promise<Check> {
  const keys = config.listeners.flatMap(({ tls }) => (tls ? [{ path: tls.keyFile, setting: 'tls_key_file' }] : []))
  const secret = named.filter(({ setting }) => !/ca|cert/.test(setting))
  return group('Permissions', [
    ...(await Promise.all(files.map(async (file) => forOwnerToWrite(file)))),
    ...(await Promise.all(keys.map(async (key) => forFewToRead(key, others)))),
    ...(await Promise.all(secret.map(async (key) => forFewToRead(key, groupToo)))),
    ...(config.storage.type === 'level' ? [await storageFolder(config.storage.path)] : []),
  ])
}

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0')

async function forOwnerToWrite(path: string): Promise<Check> {
  const { mode } = await stat(path)
  if ((mode & 0o022) === 0) return ok(path, `mode ${octal(mode)}`)
  return fail(path, `other users can change the configuration: mode ${octal(mode)}`, `chmod go-w ${path}`)
}

async function forFewToRead(
  { path, setting }: { readonly path: string; readonly setting: string },
  forbidden: number,
): Promise<Check> {
  const name = `${path} (${setting})`
  const status = await stat(path).catch(() => undefined)
  if (!status) return fail(name, 'it cannot be found or read', `ls -l ${path}`)
  if ((status.mode & forbidden) === 0) return ok(name, `mode ${octal(status.mode)}`)
  const who = forbidden === others ? 'o' : 'go'
  return fail(name, `other users can read it: mode ${octal(status.mode)}`, `chmod ${who}-rwx ${path}; replace the key if others may have read it`) // prettier-ignore
}

async function storageFolder(path: string): Promise<Check> {
  const name = `${path} (path of storage "level")`
  const status = await stat(path).catch(() => undefined)
  if (!status) return ok(name, 'not there yet; the first start creates it')
  const uid = process.getuid?.() ?? status.uid
  if (status.uid !== uid)
    return warn(name, `it belongs to user ${status.uid}, and this runs as user ${uid}`, `run this as the server's user: sudo -u '#${status.uid}' strongroom operator diagnose …`) // prettier-ignore
  if ((status.mode & groupToo) === 0) return ok(name, `mode ${octal(status.mode)}`)
  return warn(name, `other users have access to it: mode ${octal(status.mode)}`, `chmod 700 ${path}`)
}

/** The disks of the storage, of audit files, of the log file and of scheduled snapshots. */
export async function checkDisks(config: Config, audits: readonly string[]): Promise<Check> {
  const { storage, logFile, backupFolder } = config
  const places = [
    ...(storage.type === 'level'
      ? [{ what: 'storage', path: storage.path, least: storage.minFreeBytes ?? defaultMinFree }]
      : []),
    ...audits.map((path) => ({ what: 'audit log', path: dirname(path), least: leastForLogs })),
    ...(logFile === undefined ? [] : [{ what: 'log file', path: dirname(logFile), least: 0 }]),
    ...(backupFolder === undefined ? [] : [{ what: 'scheduled snapshots', path: backupFolder, least: 0 }]),
  ]
  return group('Free space', await Promise.all(places.map(space)))
}

/** A full audit disk stops every request. */
const leastForLogs = 16 * 1024 * 1024

interface Place {
  readonly what: string
  readonly path: string
  readonly least: number
}

async function space({ what, path, least }: Place): Promise<Check> {
  const name = `Disk of the ${what}, ${path}`
  const found = await statfs(await nearestFolder(path)).catch(() => undefined)
  if (!found) return fail(name, 'the file system cannot be read', `ls -ld ${path}`)
  const [free, total] = [found.bavail * found.bsize, found.blocks * found.bsize]
  const text = `${amount(free)} of ${amount(total)} free`
  const cure = `free space on it: df -h ${path}`
  if (free < least) return fail(name, `${text}; at least ${amount(least)} are needed`, cure)
  return free < total / 20 || free < 2 * least ? warn(name, text, cure) : ok(name, text)
}
