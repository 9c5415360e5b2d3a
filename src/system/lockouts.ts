import { f } from '../contract/field.ts'
import { answer, done } from '../contract/response.ts'
import { routesOf } from '../contract/route.ts'
import type { Route } from '../contract/route.ts'

/** The users of one mount that are locked out. */
export interface LockedUsers {
  readonly accessor: string
  readonly names: readonly string[]
}

/** The users of one namespace that are locked out, by mount. */
export interface LockedNamespace {
  readonly id: string
  readonly path: string
  readonly mounts: readonly LockedUsers[]
}

/** Users that failed logins have locked out, for these routes: see core/authentication/lockouts.ts. */
export interface LockoutPort {
  /** By mount: those of this namespace first, then those of the namespaces below. Only mounts that lock users out. */
  locked(): Promise<readonly LockedNamespace[]>
  /** Unlocks a user of a mount of this namespace, if it is locked. */
  unlock(accessor: string, alias: string): void
}

type Has = { readonly lockouts: LockoutPort }
const { read, write } = routesOf<Has>()

/** `sys/locked-users`. */
export function lockoutRoutes(): Route<Has>[] {
  return [
    read('locked-users', {
      about: 'List the users that failed logins have locked out, of this namespace and of those below.',
      fields: { mount_accessor: f.string('Only users of the mount with this accessor.').or('') },
      returns: { by_namespace: f.array('The users, by namespace and mount.'), total: f.int('Their number.') },
      handle: async ({ engine }, { mount_accessor: accessor }) =>
        answer(rendered(await engine.lockouts.locked(), accessor)),
    }),
    write('locked-users/:mount_accessor/unlock/*alias_identifier', {
      about: 'Unlock a user, and forget the failed logins.',
      alias: ({ mount_accessor: accessor = '', alias_identifier: alias = '' }) =>
        `locked-users/${accessor}/unlock/${alias.toLowerCase()}`,
      fields: {
        mount_accessor: f.string('The accessor of the mount.').or(''),
        alias_identifier: f.string('The name of the user, or the role id.').or(''),
      },
      handle: ({ engine }, { mount_accessor: accessor, alias_identifier: alias }) => {
        engine.lockouts.unlock(accessor, alias)
        return done()
      },
    }),
  ]
}

/** In the order of the API: mounts with the most users first, and always the namespace of the request. */
function rendered(locked: readonly LockedNamespace[], accessor: string): Readonly<Record<string, unknown>> {
  const namespaces = locked.map(({ id, path, mounts }) => {
    const counted = mounts
      .filter(({ accessor: own, names }) => (accessor === '' ? names.length > 0 : own === accessor))
      .map(({ accessor: own, names }) => ({ mount_accessor: own, counts: names.length, alias_identifiers: names }))
      .sort((a, b) => b.counts - a.counts)
    const counts = counted.reduce((sum, one) => sum + one.counts, 0)
    return { namespace_id: id, namespace_path: path, counts, mount_accessors: counted }
  })
  const [own, ...below] = namespaces
  const counted = [...(own ? [own] : []), ...below.filter(({ counts }) => counts > 0)]
  const total = counted.reduce((sum, { counts }) => sum + counts, 0)
  return { by_namespace: counted.sort((a, b) => b.counts - a.counts), total }
}
