import { collectionOf, kindAt, tableOf } from './kinds.ts'
import type { ServerState } from './server-state.ts'
import type { Step } from './steps.ts'
import type { Wanted } from './wanted.ts'

const builtin: Readonly<Record<string, readonly string[]>> = {
  mounts: ['sys/', 'cubbyhole/', 'identity/', 'agent-registry/'],
  auth: ['token/'],
}
const kept = ['root', 'default', 'response-wrapping', 'control-group']

/**
 * What the server has and the files do not name, within the tables and collections that the files have something in: mounts,
 * login methods, policies, users and roles. Audit devices are never removed.
 */
export async function pruned(wanted: readonly Wanted[], state: ServerState): Promise<readonly Step[]> {
  const paths = wanted.flatMap(({ request }) => (request ? [request.path.replace(/\/$/, '')] : []))
  // The case of a name is not always told apart: what may be meant is kept.
  const named = new Set(paths.map((path) => path.toLowerCase()))
  const steps: Step[] = []
  for (const folder of distinct(paths.map(collectionOf)))
    for (const name of await state.names(folder))
      if (!kept.includes(name) && !name.endsWith('/')) steps.push(removal(`${folder}/${name}`))
  for (const table of distinct(paths.map(tableOf))) {
    const own = builtin[table.slice(table.lastIndexOf('/') + 1)] ?? []
    for (const name of Object.keys(await state.table(table)).sort())
      if (!own.includes(name)) steps.push(removal(`${table}/${name.replace(/\/$/, '')}`))
  }
  return steps.filter(({ path }) => !named.has(path.toLowerCase()))
}

const distinct = (values: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(values.filter((value) => value !== undefined)),
]

const removal = (path: string): Step => ({
  action: 'delete',
  path,
  kind: kindAt(path).name,
  fields: [],
  why: 'the files do not name it',
  write: { method: 'DELETE', path },
})
