import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import type { Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { barePath } from '../../http/paths.ts'
import { textOf } from '../../output/table.ts'

/** The flag that says which part of a path is the mount. */
export const mountFlag = {
  mount: { kind: 'text', about: 'Where the store is mounted; the path is then inside it.', mayBeEmpty: true },
} as const

/** Where a secret is: its store, the version of that, and its path inside. */
export interface Place {
  readonly version: 1 | 2
  readonly mount: string
  /** The whole path, as version 1 has it. */
  readonly path: string
  /** The path of one side of a version 2 store: `secret/data/app`. */
  at(side: 'data' | 'metadata' | 'delete' | 'undelete' | 'destroy'): string
}

/** Asks the server which store the path of the command line is in. @throws UsageError without a path, ServerError */
export async function locate(run: Run): Promise<Place> {
  // An empty -mount counts as none, as with Vault's clients: the path names its store then.
  const mount = barePath(run.flags.text('mount') ?? '')
  const given = barePath(run.args[0] ?? '')
  if (given === '' && mount === '') throw new UsageError('Not enough arguments: give the path of a secret')
  const store = await preflight(run, mount === '' ? given : mount)
  // Old servers do not know the question: they have version 1 only, and there the whole path is the secret's.
  if (!store) return placeIn(1, mount, given)
  const version = (store['options'] as Json | null | undefined)?.['version'] === '2' ? 2 : 1
  const named = textOf(store['path'])
  const base = mount === '' ? storeOf(run, given, named) : checkedMount(run, mount, named)
  return placeIn(version, base, mount === '' ? barePath(given.slice(base.length)) : given)
}

function placeIn(version: 1 | 2, mount: string, inside: string): Place {
  const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('/')
  return { version, mount, path: join(mount, inside), at: (side) => join(mount, side, inside) }
}

/** What the server says of the mount that a path lies in; undefined where it does not know the question. */
async function preflight(run: Run, path: string): Promise<Json | undefined> {
  const asked = run.client.send('GET', `sys/internal/ui/mounts/${path}`, undefined, { always: true })
  return during('', asked).then(
    ({ body }) => (body?.['data'] ?? {}) as Json,
    (thrown: unknown) => {
      if (thrown instanceof ServerError && thrown.status === 404 && !thrown.isUnknownNamespace) return undefined
      throw thrown
    },
  )
}

/**
 * The ways in which a mount may be written from here. Servers name a mount of the namespace in use by its path alone, and
 * one of a namespace further down by the whole path from the root namespace.
 */
function namesOf(run: Run, named: string): readonly string[] {
  const here = run.client.namespace === '' ? '' : `${run.client.namespace}/`
  const fromHere = named.startsWith(here) ? named.slice(here.length) : named
  return [...new Set([barePath(named), barePath(fromHere)])].filter((name) => name !== '')
}

/** The part of a path that is the mount. It is never guessed: another part could be another secret. @throws UsageError */
function storeOf(run: Run, path: string, named: string): string {
  const fitting = namesOf(run, named).filter((name) => `${path}/`.startsWith(`${name}/`))
  if (fitting.length === 1) return fitting[0] as string
  throw new UsageError(
    `${path} is in the mount ${named}, and it is not plain which part of the path that is: nothing was done\n  next: give the mount with -mount, and its namespace with -namespace`,
  )
}

/** @throws UsageError if -mount is no mount, but a path inside one */
function checkedMount(run: Run, mount: string, named: string): string {
  const names = namesOf(run, named)
  if (names.includes(mount)) return mount
  const right = names.find((name) => mount.startsWith(`${name}/`)) ?? barePath(named)
  throw new UsageError(
    `there is no mount ${mount}/: that path lies in the mount ${right}/\n  next: say -mount=${right}, and give the rest with the path`,
  )
}

/** Says in an error of the server what was being done; an empty text says nothing. */
export async function during<T>(what: string, asked: Promise<T>): Promise<T> {
  return asked.catch((thrown: unknown) => {
    if (thrown instanceof ServerError && thrown.during === undefined) thrown.during = what === '' ? '' : `Error ${what}`
    throw thrown
  })
}

/**
 * A flag about versions has no meaning in a store without them. Leaving it out would do more than was asked for: overwrite
 * whatever is there, or delete all of it.
 * @throws UsageError
 */
export function refuseVersionFlag(run: Run, { version, mount }: Place, flag: string): void {
  if (version === 1 && run.flags.has(flag))
    throw new UsageError(
      `${mount}/ is a version 1 store and keeps no versions: -${flag} would have no effect, so nothing was done`,
    )
}

/** What needs versions and finds none. @returns the exit status */
export function refuseVersion1(run: Run, sentence: string, status = 2): number {
  run.err(sentence)
  return status
}
