import type { Json } from '../util/json.ts'
import { ServerError } from './failure.ts'
import type { Run } from './command.ts'
import { UsageError } from './flags.ts'
import { barePath } from './paths.ts'
import { textOf } from './table.ts'

/** The flag that says which part of a path is the mount. */
export const mountFlag = {
  mount: { kind: 'text', about: 'Where the store is mounted; the path is then inside it.' },
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
  const mount = run.flags.text('mount')
  const given = barePath(run.args[0] ?? '')
  if (given === '' && mount === undefined) throw new UsageError('Not enough arguments: give the path of a secret')
  const whole = mount === undefined ? given : barePath(mount)
  const data = await preflight(run, whole)
  const store = barePath(textOf(data['path']))
  // A namespace may stand before the mount in the path, and the server leaves it out.
  const cut = whole === store ? whole.length : whole.indexOf(`${store}/`) + store.length
  const base = store === '' ? '' : whole.slice(0, cut)
  const inside = mount === undefined ? barePath(whole.slice(cut)) : given
  const version = (data['options'] as Json | null | undefined)?.['version'] === '2' ? 2 : 1
  const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('/')
  return { version, mount: base, path: join(base, inside), at: (side) => join(base, side, inside) }
}

async function preflight(run: Run, path: string): Promise<Json> {
  const asked = run.client.send('GET', `sys/internal/ui/mounts/${path}`, undefined, { always: true })
  return during('', asked).then(
    ({ body }) => (body?.['data'] ?? {}) as Json,
    (thrown: unknown) => {
      // Old servers do not know the question: they have version 1 only.
      if (thrown instanceof ServerError && thrown.status === 404)
        return { path: `${path.split('/')[0] ?? ''}/`, options: null }
      throw thrown
    },
  )
}

/** Says in an error of the server what was being done; an empty text says nothing. */
export async function during<T>(what: string, asked: Promise<T>): Promise<T> {
  return asked.catch((thrown: unknown) => {
    if (thrown instanceof ServerError && thrown.during === undefined) thrown.during = what === '' ? '' : `Error ${what}`
    throw thrown
  })
}

/** What needs versions and finds none. @returns the exit status */
export function refuseVersion1(run: Run, sentence: string, status = 2): number {
  run.err(sentence)
  return status
}
