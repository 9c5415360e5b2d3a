import type { Json } from '../../../util/json.ts'
import { UsageError } from '../../framework/flags.ts'
import { collectionOf, kindAt, splitPath, tableOf } from './kinds.ts'
import type { ServerState } from './server-state.ts'
import type { Step } from './steps.ts'
import type { Named } from './wanted.ts'

const builtin: Readonly<Record<'mounts' | 'auth', readonly string[]>> = {
  mounts: ['sys/', 'cubbyhole/', 'identity/', 'agent-registry/'],
  auth: ['token/'],
}
const kept = ['root', 'default', 'response-wrapping', 'control-group']

/**
 * What the server has and the files do not name, within the tables and collections that the files have something in: mounts,
 * login methods, policies, users and roles. What stands in the files is kept, whether it is wanted now or not, and so is the mount
 * of everything that stands in them. Audit devices and data are never removed.
 * @throws UsageError when a path of the files cannot be known: it might be one that would be removed
 */
export async function pruned(named: readonly Named[], state: ServerState): Promise<readonly Step[]> {
  const paths = named.map(pathOf)
  const ofApi: string[] = []
  for (const path of paths) if (await state.isNamespace(splitPath(path)[0])) ofApi.push(path)
  const isNamed = namedIn(paths)
  const found: string[] = []
  for (const folder of distinct(ofApi.map(collectionOf)))
    for (const name of await state.names(folder))
      if (!kept.includes(name) && !name.endsWith('/') && !isNamed(`${folder}/${name}`)) found.push(`${folder}/${name}`)
  for (const table of distinct(ofApi.map(tableOf)))
    for (const { path, place } of mountsOf(table, await state.table(table)))
      if (!isNamed(path) && !isNamed(place)) found.push(path)
  return Promise.all(found.map(async (path) => removal(path, (await kindAt(path, state)).name)))
}

/** The mounts of a table that can be disabled: their paths in it, and those of what they serve. */
function mountsOf(table: string, mounts: Json): { readonly path: string; readonly place: string }[] {
  const [namespace, rest] = splitPath(table)
  const [own, above] = rest === 'sys/auth' ? [builtin.auth, 'auth/'] : [builtin.mounts, '']
  const names = Object.keys(mounts).filter((name) => !own.includes(name)).sort().map((name) => name.replace(/\/$/, '')) // prettier-ignore
  return names.map((name) => ({ path: `${table}/${name}`, place: `${namespace}${above}${name}` }))
}

/** Policies have an old path as well. */
function pathOf({ name, path }: Named): string {
  if (path === undefined)
    throw new UsageError(`the path of ${name} cannot be known here, so -prune might remove what it names: write the path out, or leave -prune out`) // prettier-ignore
  return path.replace(/\/$/, '').replace(/(^|\/)sys\/policy\//, '$1sys/policies/acl/')
}

/** Whether a path or one below it is among these. The case of a name is not always told apart: what may be meant is kept. */
function namedIn(paths: readonly string[]): (path: string) => boolean {
  const known = new Set<string>()
  for (const path of paths.map((one) => one.toLowerCase()))
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) known.add(path.slice(0, end))
  return (path) => known.has(path.toLowerCase())
}

const distinct = (values: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(values.filter((value) => value !== undefined)),
]

const removal = (path: string, kind: Step['kind']): Step => ({
  action: 'delete',
  path,
  kind,
  fields: [],
  why: 'the files do not name it',
  write: { method: 'DELETE', path },
})
