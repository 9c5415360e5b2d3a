import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Capability, TokenRecord } from '../../contract/identity.ts'
import type { Response } from '../../contract/response.ts'
import { injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { byteOrder } from '../../util/bytes.ts'
import { Secret } from '../../util/secret.ts'

/** The port of these routes: the capabilities of the caller, or of a token that is named by its string or its accessor. */
export interface CapabilityPort {
  ofCaller(token: TokenRecord, paths: readonly string[]): Promise<readonly (readonly Capability[])[]>
  /** Undefined when the token is not valid. */
  ofToken(token: Secret<string>, paths: readonly string[]): Promise<readonly (readonly Capability[])[] | undefined>
  /** Undefined if there is no such accessor. */
  ofAccessor(accessor: string, paths: readonly string[]): Promise<readonly (readonly Capability[])[] | undefined>
}

type Has = { readonly capabilities: CapabilityPort }
const { write } = routesOf<Has>()
/** Paths in one question, and characters of one of them. */
const most = { paths: 1000, characters: 8192 } as const
const pathFields = {
  paths: f.list('The paths.').or([]),
  path: f.list('Older name of paths.').alias('paths').or([]),
}

const capabilityMembers = injected({
  '*': f.list('The capabilities on a path, by the path.'),
  capabilities: f.list('The capabilities of a single path.'),
})

/** `sys/capabilities`, `-self` and `-accessor`. */
export function capabilityRoutes(): Route<Has>[] {
  return [
    write('capabilities', {
      about: 'The capabilities of a token on some paths.',
      returns: capabilityMembers,
      pure: true,
      fields: { ...pathFields, token: f.string('The token.').secret().or('') },
      handle: async ({ engine: { capabilities: port } }, { token, ...values }) => {
        if (token === '') throw refuse('missing token', { listed: true })
        const found = await port.ofToken(new Secret(token), wanted(values))
        if (!found) throw refuse('invalid token', { listed: true })
        return responseOf(wanted(values), found)
      },
    }),
    write('capabilities-accessor', {
      about: 'The capabilities of a token on some paths, by its accessor.',
      returns: capabilityMembers,
      pure: true,
      fields: { ...pathFields, accessor: f.string('The accessor.').or('') },
      handle: async ({ engine: { capabilities: port } }, { accessor, ...values }) => {
        if (accessor === '') throw refuse('missing accessor')
        const found = await port.ofAccessor(accessor, wanted(values))
        if (!found) throw refuse('invalid accessor', { listed: true })
        return responseOf(wanted(values), found)
      },
    }),
    write('capabilities-self', {
      about: 'The capabilities of the caller on some paths.',
      returns: capabilityMembers,
      pure: true,
      fields: { ...pathFields, token: f.string('Ignored: the token is that of the caller.').secret().or('') },
      handle: async ({ engine: { capabilities: port }, caller }, values) => {
        if (!caller.token) throw new Fault('unauthenticated', 'permission denied')
        const all = wanted(values)
        return responseOf(all, await port.ofCaller(caller.token, all))
      },
    }),
  ]
}

interface PathValues {
  readonly paths: readonly string[]
  readonly path: readonly string[]
}

function wanted(values: PathValues): readonly string[] {
  const all = values.paths.length > 0 ? values.paths : values.path
  if (all.length === 0) throw refuse('paths must be supplied')
  if (all.length > most.paths) throw refuse(`one request asks about at most ${most.paths} paths`)
  if (all.some((path) => path.length > most.characters))
    throw refuse(`a path is longer than ${most.characters} characters: no request has such a one`)
  if (all.includes('')) throw refuse('missing path', { listed: true })
  return all
}

function responseOf(paths: readonly string[], found: readonly (readonly Capability[])[]): Response {
  const pairs = paths.map((path, at) => [path, found[at] ?? ['deny']] as const).sort(([a], [b]) => byteOrder(a, b))
  return {
    data: { ...Object.fromEntries(pairs), ...(paths.length === 1 && { capabilities: found[0] ?? ['deny'] }) },
  }
}
