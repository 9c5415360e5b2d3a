import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import type { Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { barePath } from '../../http/paths.ts'
import { textOf } from '../../output/table.ts'

/** The flag for the mount part of a path. */
export const mountFlag = {
  mount: { kind: 'string', about: 'The mount of the store; the path is then relative to it.', mayBeEmpty: true },
} as const

/** Where a secret is: its store, the version of that, and its path inside. */
export interface SecretLocation {
  readonly version: 1 | 2
  readonly mount: string
  /** The whole path, as version 1 has it. */
  readonly path: string
  /** The path of one side of a version 2 store: `secret/data/app`. */
  at(side: 'data' | 'metadata' | 'delete' | 'undelete' | 'destroy'): string
}

/** Requests the store of a path from the server. @throws UsageError without a path, ServerError */
export async function locate(run: Run): Promise<SecretLocation> {
  // An empty -mount counts as none, as with Vault's clients: then the path begins with its store.
  const mount = barePath(run.flags.string('mount') ?? '')
  const inputPath = barePath(run.args[0] ?? '')
  if (inputPath === '' && mount === '') throw new UsageError('Not enough arguments: give the path of a secret')
  const store = await preflight(run, mount === '' ? inputPath : mount)
  // Old servers lack this route: they have only version 1, where the whole path is the secret's.
  if (!store) return placeIn(1, mount, inputPath)
  const version = (store['options'] as Json | null | undefined)?.['version'] === '2' ? 2 : 1
  const mountName = textOf(store['path'])
  const base = mount === '' ? storeOf(run, inputPath, mountName) : checkedMount(run, mount, mountName)
  return placeIn(version, base, mount === '' ? barePath(inputPath.slice(base.length)) : inputPath)
}

function placeIn(version: 1 | 2, mount: string, inside: string): SecretLocation {
  const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('/')
  return { version, mount, path: join(mount, inside), at: (side) => join(mount, side, inside) }
}

/** The server's description of the mount of a path; undefined if the server has no such route. */
async function preflight(run: Run, path: string): Promise<Json | undefined> {
  const pending = run.client.ask('path', 'GET', `sys/internal/ui/mounts/${path}`, undefined, { evenInDryRun: true })
  return during('', pending).then(
    (body) => (body['data'] ?? {}) as Json,
    (thrown: unknown) => {
      if (thrown instanceof ServerError && thrown.status === 404 && !thrown.isUnknownNamespace) return undefined
      throw thrown
    },
  )
}

/**
 * The forms in which a mount may be given here. Servers return a mount of the current namespace by its path alone, and
 * one of a namespace further down by the whole path from the root namespace.
 */
function namesOf(run: Run, mountName: string): readonly string[] {
  const here = run.client.namespace === '' ? '' : `${run.client.namespace}/`
  const fromHere = mountName.startsWith(here) ? mountName.slice(here.length) : mountName
  return [...new Set([barePath(mountName), barePath(fromHere)])].filter((name) => name !== '')
}

/** The part of a path that is the mount. It is never guessed: another part could be another secret. @throws UsageError */
function storeOf(run: Run, path: string, mountName: string): string {
  const fitting = namesOf(run, mountName).filter((name) => `${path}/`.startsWith(`${name}/`))
  if (fitting.length === 1) return fitting[0] as string
  throw new UsageError(
    `${path} is in the mount ${mountName}, and which part of the path is the mount is ambiguous: nothing was done\n  next: give the mount with -mount, and its namespace with -namespace`,
  )
}

/** @throws UsageError if -mount is no mount, but a path inside one */
function checkedMount(run: Run, mount: string, mountName: string): string {
  const names = namesOf(run, mountName)
  if (names.includes(mount)) return mount
  const right = names.find((name) => mount.startsWith(`${name}/`)) ?? barePath(mountName)
  throw new UsageError(
    `there is no mount ${mount}/: the path is inside the mount ${right}/\n  next: use -mount=${right}, and add the rest to the path`,
  )
}

/** Adds to a server's error what was being done; an empty string adds nothing. */
export async function during<T>(what: string, pending: Promise<T>): Promise<T> {
  return pending.catch((thrown: unknown) => {
    if (thrown instanceof ServerError && thrown.during === undefined) thrown.during = what === '' ? '' : `Error ${what}`
    throw thrown
  })
}

/**
 * A flag about versions has no meaning in a store without them. Leaving it out would do more than was asked for: overwrite
 * whatever is there, or delete all of it.
 * @throws UsageError
 */
export function refuseVersionFlag(run: Run, { version, mount }: SecretLocation, flag: string): void {
  if (version === 1 && run.flags.has(flag))
    throw new UsageError(
      `${mount}/ is a version 1 store without versions: -${flag} would have no effect, so nothing was done`,
    )
}

/** The error of a command that needs versions in a store without them. @returns the exit status */
export function refuseVersion1(run: Run, sentence: string, status = 2): number {
  run.err(sentence)
  return status
}
