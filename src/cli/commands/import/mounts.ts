import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import { read } from './servers.ts'
import type { Import } from './servers.ts'

/** A mount of the source that the target has as well, or would have. */
export interface Mounted {
  /** Without a slash at its end. */
  readonly path: string
  /** `kv`, or another type. */
  readonly type: string
  /** Of `kv`: 1 or 2. */
  readonly version: 1 | 2
}

/** Every server has them. */
const builtIn = ['system', 'identity', 'cubbyhole', 'token', 'ns_system', 'ns_identity', 'ns_cubbyhole', 'ns_token']
const settings = ['default_lease_ttl', 'max_lease_ttl', 'listing_visibility', 'token_type', 'force_no_cache']

/** Mounts of secrets engines (`sys/mounts`), or of auth methods (`sys/auth`), of the types whose content can be imported. */
export async function importMounts(
  { source, target, report }: Import,
  table: 'sys/mounts' | 'sys/auth',
  types: readonly string[],
): Promise<readonly Mounted[]> {
  const [theirs, ours] = [await read(source, table), await read(target, table)]
  // Every server and every namespace has some.
  if (!theirs) throw new ServerError(`the source has no ${table}: check -from and -from-namespace`)
  if (!ours) throw new ServerError(`the target has no ${table}: check -address and -namespace`)
  const done: Mounted[] = []
  for (const [path, value] of Object.entries(theirs)) {
    const mount = mountedAt(path, value as Json)
    if (builtIn.includes(mount.type)) continue
    const item = { kind: 'mount', path: table === 'sys/auth' ? `auth/${path}` : path } as const
    const present = ours[path] === undefined ? undefined : mountedAt(path, ours[path] as Json)
    if (!types.includes(mount.type)) report.left(item, `mounts of type ${mount.type} are not imported: set it up anew`)
    else if (present && (present.type !== mount.type || present.version !== mount.version))
      report.left(item, 'the target has another engine, or another version of it, at this path')
    else if (present) {
      report.same(item)
      done.push(mount)
    } else if (
      await report.import(item, mount.type, async () =>
        target.send('POST', `${table}/${mount.path}`, wanted(value as Json)),
      )
    )
      // prettier-ignore
      done.push(mount)
  }
  return done
}

function mountedAt(path: string, { type, options }: Json): Mounted {
  const version = (options as Json | null)?.['version'] === '2' ? 2 : 1
  // Vault's first name of the key/value store.
  return { path: path.replace(/\/$/, ''), type: type === 'generic' ? 'kv' : String(type), version }
}

function wanted({ type, description, options, config }: Json): Json {
  const found = Object.entries((config ?? {}) as Json).filter(([name, value]) => settings.includes(name) && value)
  return { type: type === 'generic' ? 'kv' : type, description, options: options ?? {}, config: Object.fromEntries(found) } // prettier-ignore
}
