import { Fault } from '../contract/fault.ts'
import { f } from '../contract/field.ts'
import type { Caller, Capability } from '../contract/identity.ts'
import { apiPathOf } from '../contract/mount.ts'
import type { MountRecord } from '../contract/mount.ts'
import { answer } from '../contract/response.ts'
import type { Call } from '../contract/route.ts'
import { routesOf } from '../contract/route.ts'
import type { Route } from '../contract/route.ts'
import { mountEntry } from './mount-view.ts'

/** What these routes need. */
export interface InternalPort {
  list(kind: MountRecord['kind']): readonly MountRecord[]
  holding(apiPath: string): MountRecord | undefined
  /** Whether some rule of the caller reaches into a mount. */
  reaches(caller: Caller, apiPath: string): Promise<boolean>
  /** The caller's rules, as `sys/internal/ui/resultant-acl` shows them. */
  resultant(caller: Caller): Promise<Readonly<Record<string, unknown>>>
}

const { read } = routesOf<unknown>()

/** `sys/internal/ui/…`: what user interfaces and the command line ask before they begin. */
export function internalRoutes(port: InternalPort): Route<unknown>[] {
  return [
    read('internal/ui/mounts', {
      about: 'The mounts that the caller may know of.',
      access: 'public',
      handle: async (call) =>
        answer({ secret: await visible(port, call, 'secret'), auth: await visible(port, call, 'auth') }),
    }),
    read('internal/ui/mounts/*path', {
      about: 'The mount that a path lies in.',
      access: 'public',
      fields: { path: f.string('An API path.').or('') },
      handle: async (call, { path }) => {
        if (!call.caller.token) throw denied()
        const record = port.holding(path.endsWith('/') ? path : `${path}/`)
        if (!record || !(await port.reaches(call.caller, apiPathOf(record)))) throw preflight(path)
        return answer({ ...mountEntry(record), path: record.path })
      },
    }),
    read('internal/ui/mounts/', {
      about: 'Nothing: a path is needed.',
      access: 'public',
      handle: () => {
        throw new Fault('unsupported_path', 'unsupported path', { bare: true })
      },
    }),
    read('internal/ui/namespaces', {
      about: 'The namespaces that the caller may know of.',
      access: 'public',
      handle: ({ caller }) => {
        if (!caller.token) throw denied()
        return answer({})
      },
    }),
    read('internal/ui/resultant-acl', {
      about: "The caller's own rules.",
      handle: async ({ caller }) => answer(await port.resultant(caller)),
    }),
  ]
}

const denied = (): Fault => new Fault('unauthenticated', 'permission denied', { bare: true })

function preflight(path: string): Fault {
  const text = `preflight capability check returned 403, please ensure client's policies grant access to path "${path.endsWith('/') ? path : `${path}/`}"`
  return new Fault('permission_denied', text, { bare: true })
}

/** Everybody sees what was tuned to be seen; the owner of a token also sees what its policies reach. */
async function visible(
  port: InternalPort,
  call: Call<unknown>,
  kind: MountRecord['kind'],
): Promise<Record<string, unknown>> {
  const { caller, request } = call
  if (request.credential.kind === 'token' && !caller.token) throw denied()
  const shown: Record<string, unknown> = {}
  for (const record of port.list(kind)) {
    const open = record.config.listing_visibility === 'unauth'
    if (!open && !(caller.token && (await port.reaches(caller, apiPathOf(record))))) continue
    shown[record.path] = caller.token
      ? mountEntry(record)
      : { type: record.type, description: record.description, options: record.options }
  }
  return shown
}

/** The capabilities that count as reaching something. */
export function allows(capabilities: readonly Capability[]): boolean {
  return capabilities.length > 0 && !capabilities.includes('deny')
}
