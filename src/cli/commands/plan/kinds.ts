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

const mounted = /^(.*?\/)?sys\/(mounts|auth|audit)\/(.+?)\/?$/
const policies = /(^|\/)sys\/(policies\/(acl|password)|policy)\/[^/]+$/
/** Collections of named things, whose names can be listed. */
const roles = /(^|\/)(auth\/.+\/(users?|roles?|groups|certs)|auth\/token\/roles)\/[^/]+$/

/** The kind of what is at a path. */
export function kindAt(path: string): Kind {
  const found = mounted.exec(path)
  if (found && !path.endsWith('/tune')) return mountKind(found[1] ?? '', found[2] as Table, found[3] as string)
  const name = policies.test(path) ? 'policy' : roles.test(path) ? 'role' : 'data'
  return {
    name,
    shows: name !== 'data',
    current: async (state, options) => state.at(path, options),
    part: member,
    same: (_, wanted, current) => isSame(wanted, current),
    conflict: () => undefined,
    update: (_, wanted) => ({ method: 'POST', path, data: wanted }),
  }
}

/** The folder of things that can be listed, and thus pruned. */
export function collectionOf(path: string): string | undefined {
  return policies.test(path) || roles.test(path) ? path.slice(0, path.lastIndexOf('/')) : undefined
}

type Table = 'mounts' | 'auth' | 'audit'
const tableNames = { mounts: 'mount', auth: 'login method', audit: 'audit device' } as const

/** The table of mounts or login methods that a path stands in, for pruning. */
export function tableOf(path: string): string | undefined {
  const found = path.endsWith('/tune') ? null : mounted.exec(path)
  return found && found[2] !== 'audit' ? `${found[1] ?? ''}sys/${found[2]}` : undefined
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
