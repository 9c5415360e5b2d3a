import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Caller, Capability } from '../../contract/identity.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { MountRecord } from '../../contract/mount.ts'
import { answer } from '../../contract/response.ts'
import type { Call } from '../../contract/route.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { mountEntry, mountMembers } from '../mounts/mount-view.ts'

/** The namespace of the request, for these routes. */
export interface InternalPort {
  list(kind: MountRecord['kind']): readonly MountRecord[]
  /** The mount of a path, here or in a child namespace. */
  holding(apiPath: string): HeldMount | undefined
  /** The paths of the namespaces directly inside this one. */
  namespaces(): readonly string[]
  /** The caller's rules, for `sys/internal/ui/resultant-acl`. */
  resultant(caller: Caller): Promise<Readonly<Record<string, unknown>>>
}

/** A mount and its namespace: `under` relative to the current one, `namespace` from the root namespace. */
export interface HeldMount {
  readonly record: MountRecord
  readonly under: string
  readonly namespace: string
}

type Has = { readonly internal: InternalPort }
const { read } = routesOf<Has>()

/** `sys/internal/ui/…`: preparatory requests of user interfaces and the command line. */
export function internalRoutes(): Route<Has>[] {
  return [
    read('internal/ui/mounts', {
      about: 'The mounts that are visible to the caller.',
      returns: { secret: f.object('Secrets engines, by path.'), auth: f.object('Login methods, by path.') },
      access: 'public',
      absentNamespace: answer({ secret: {}, auth: {} }),
      handle: (call) => answer({ secret: visible(call, 'secret'), auth: visible(call, 'auth') }),
    }),
    read('internal/ui/mounts/*path', {
      about: 'The mount of a path.',
      returns: { ...mountMembers, path: f.string('Its path.') },
      access: 'public',
      fields: { path: f.string('An API path.').or('') },
      handle: ({ engine, caller }, { path }) => {
        if (!caller.token) throw denied()
        const found = engine.internal.holding(path.endsWith('/') ? path : `${path}/`)
        if (!found || !caller.reaches(found.under + apiPathOf(found.record))) throw preflight(path)
        return answer({ ...mountEntry(found.record), path: pathFor(found) })
      },
    }),
    read('internal/ui/mounts/', {
      about: 'An error: a path is required.',
      access: 'public',
      handle: () => {
        throw new Fault('unsupported_path', 'unsupported path', { listed: false })
      },
    }),
    read('internal/ui/namespaces', {
      about: 'The namespaces that are visible to the caller.',
      returns: { keys: f.list('Their paths.') },
      access: 'public',
      handle: ({ engine, caller }) => {
        if (!caller.token) throw denied()
        const keys = engine.internal.namespaces().filter((path) => caller.reaches(path))
        return answer(keys.length > 0 ? { keys } : {})
      },
    }),
    read('internal/ui/resultant-acl', {
      about: "The caller's own rules.",
      returns: {
        root: f.bool('The caller may do everything.'),
        exact_paths: f.object('Rules for single paths.').orNull(),
        glob_paths: f.object('Rules for all paths that begin so.').orNull(),
      },
      handle: async ({ engine, caller }) => answer(await engine.internal.resultant(caller)),
    }),
  ]
}

/** As recorded: a mount of the namespace in use by its own path, one further down by its path from the root namespace. */
const pathFor = ({ record, under, namespace }: HeldMount): string => (under === '' ? '' : namespace) + record.path

const denied = (): Fault => new Fault('unauthenticated', 'permission denied')

function preflight(path: string): Fault {
  const text = `preflight capability check returned 403, please ensure client's policies grant access to path "${path.endsWith('/') ? path : `${path}/`}"`
  return new Fault('permission_denied', text, { listed: false })
}

/** Mounts with public visibility are shown to all; the owner of a token also sees those that its policies reach. */
function visible({ engine, caller, request }: Call<Has>, kind: MountRecord['kind']): Record<string, unknown> {
  if (request.credential.kind !== 'none' && !caller.token) throw denied()
  const mounts: Record<string, unknown> = {}
  for (const record of engine.internal.list(kind)) {
    const open = record.config.listing_visibility === 'unauth'
    if (!open && !caller.reaches(apiPathOf(record))) continue
    mounts[record.path] = caller.token
      ? mountEntry(record)
      : { type: record.type, description: record.description, options: record.options }
  }
  return mounts
}

/** The capabilities that make a mount reachable. */
export function allows(capabilities: readonly Capability[]): boolean {
  return capabilities.length > 0 && !capabilities.includes('deny')
}
