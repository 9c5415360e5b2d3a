import type { Json } from '../../../util/json.ts'
import { isSame, member } from './differences.ts'
import type { Current, ServerState } from './server-state.ts'

/** A request that changes something. */
export interface Write {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly data?: Json
}

/** How things of one kind are read, compared and changed. */
export interface Kind {
  readonly name: 'mount' | 'login method' | 'audit device' | 'policy' | 'role' | 'data'
  /** Its values may be shown: servers show them to whoever may read them, and they are no secrets. */
  readonly shows: boolean
  readonly current: (state: ServerState, options: { readonly token?: string }) => Promise<Current>
  /** What `current` has of a field. */
  readonly part: (current: Json, name: string) => unknown
  readonly same: (name: string, wanted: unknown, current: unknown) => boolean
  /** Why a change is not possible. */
  readonly conflict: (changed: readonly string[]) => string | undefined
  readonly update: (path: string, wanted: Json, changed: readonly string[]) => Write
}

const mounted = /^sys\/(mounts|auth|audit)\/(.+?)\/?$/
const policies = /^sys\/(policies\/(acl|password)|policy)\/[^/]+$/
/** Collections of named things, whose names can be listed. */
const roles = /^(auth\/.+\/(users?|roles?|groups|certs)|auth\/token\/roles)\/[^/]+$/

/** The namespace that a path begins with, if it is one, with a slash at its end, and the rest. */
export function splitPath(path: string): readonly [namespace: string, rest: string] {
  const namespace = /^((?:[^/]+\/)*?)(?:sys|auth)\//.exec(path)?.[1] ?? ''
  return [namespace, path.slice(namespace.length)]
}

/** The kind of what is at a path. */
export async function kindAt(path: string, state: ServerState): Promise<Kind> {
  const [namespace, rest] = splitPath(path)
  if (!(await state.isNamespace(namespace))) return plainKind(path, 'data')
  const found = mounted.exec(rest)
  if (found && !rest.endsWith('/tune')) return mountKind(namespace, found[1] as Table, found[2] as string)
  return plainKind(path, policies.test(rest) ? 'policy' : roles.test(rest) ? 'role' : 'data')
}

function plainKind(path: string, name: 'policy' | 'role' | 'data'): Kind {
  const isOldPolicy = name === 'policy' && /(^|\/)sys\/policy\//.test(path)
  return {
    name,
    shows: name !== 'data',
    current: async (state, options) => state.at(path, options),
    // sys/policy takes `policy`, and shows it as `rules`.
    part: (current, field) => member(current, isOldPolicy && field === 'policy' ? 'rules' : field),
    same: (_, wanted, current) => isSame(wanted, current),
    conflict: () => undefined,
    update: (_, wanted) => ({ method: 'POST', path, data: wanted }),
  }
}

/** The folder of things that can be listed, and thus pruned. */
export function collectionOf(path: string): string | undefined {
  const [, rest] = splitPath(path)
  return policies.test(rest) || roles.test(rest) ? path.slice(0, path.lastIndexOf('/')) : undefined
}

type Table = 'mounts' | 'auth' | 'audit'
const tableNames = { mounts: 'mount', auth: 'login method', audit: 'audit device' } as const

/** The table of mounts or login methods that a path stands in, for pruning. */
export function tableOf(path: string): string | undefined {
  const [namespace, rest] = splitPath(path)
  const found = rest.endsWith('/tune') ? null : mounted.exec(rest)
  return found && found[1] !== 'audit' ? `${namespace}sys/${found[1]}` : undefined
}

function mountKind(namespace: string, table: Table, name: string): Kind {
  return {
    name: tableNames[table],
    shows: true,
    current: async (state) => member(await state.table(`${namespace}sys/${table}`), `${name}/`) as Current,
    part: member,
    // The server adds settings of its own: only those of the file are compared.
    same: (field, wanted, current) =>
      (field === 'config' || field === 'options') && typeof wanted === 'object' && wanted !== null
        ? Object.keys(wanted).every((key) => isSame(member(wanted, key), member(Object(current) as object, key)))
        : isSame(wanted, current),
    conflict: (changed) => {
      const fixed = table === 'audit' ? changed : changed.filter((field) => !tunable.has(field))
      if (fixed.length === 0) return undefined
      return `${fixed.join(', ')} cannot be changed: disable it first, which removes what it has, or restore the file`
    },
    update: (path, wanted, changed) => ({
      method: 'POST',
      path: `${path.replace(/\/$/, '')}/tune`,
      data: Object.assign({}, ...changed.map((field) => tuned(field, wanted))) as Json,
    }),
  }
}

const tunable = new Set(['description', 'config', 'options'])

const tuned = (field: string, wanted: Json): Json =>
  field === 'config' ? (wanted['config'] as Json) : { [field]: wanted[field] }
