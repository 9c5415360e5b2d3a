import { Fault, refuse } from '../contract/fault.ts'
import { f } from '../contract/field.ts'
import { withoutSlash } from '../contract/names.ts'
import { answer, done } from '../contract/response.ts'
import type { Response } from '../contract/response.ts'
import { routesOf } from '../contract/route.ts'
import type { Alias, Call, Route } from '../contract/route.ts'

/** A namespace in responses. */
interface NamespaceView {
  readonly uuid: string
  readonly id: string
  /** From the root namespace on. */
  readonly path: string
  readonly removing: boolean
  readonly locked: boolean
  readonly customMetadata: Readonly<Record<string, string>>
}

type Metadata = Readonly<Record<string, string>>

/** The namespaces inside the one of the request, for these routes. Names are single segments. */
export interface NamespacePort {
  /** '' for the root namespace. */
  readonly path: string
  /** @throws Fault invalid_request when it cannot be a name. */
  get(name: string): NamespaceView | undefined
  /** By path: those directly inside, or all below. */
  list(deep: boolean): readonly NamespaceView[]
  set(name: string, metadata: Metadata): Promise<NamespaceView>
  /** @throws Fault not_found */
  patch(name: string, change: Readonly<Record<string, string | null>> | null): Promise<NamespaceView>
  /** False if it does not exist. Its content is removed afterwards. */
  remove(name: string): Promise<boolean>
  /** `path` may be a longer path; '' is the namespace of the request. Returns the unlock key. */
  lock(path: string): Promise<string>
  /** Without a key: for callers that need none. */
  unlock(path: string, key: string | undefined): Promise<void>
}

type Has = { readonly namespaces: NamespacePort }
const { read, list, scan, write, patch, remove } = routesOf<Has>()
const path = { path: f.string('The name of the namespace, relative to that of the request.').or('') }
const canonical = { path: withoutSlash }
const metadata = { custom_metadata: f.any('Notes about it: names with strings as values.') }

const namespaceMembers = {
  uuid: f.string('Its UUID.'),
  id: f.string('Its short id.'),
  path: f.string('Its path, from the root namespace on.'),
  tainted: f.bool('It is being removed.'),
  locked: f.bool('It is locked.'),
  custom_metadata: f.map('Notes about it.'),
}
const listMembers = { keys: f.list('Their paths.'), key_info: f.object('The namespaces, by path.') }

/** `sys/namespaces`: the child namespaces of the namespace of the request. */
export function namespaceRoutes(): Route<Has>[] {
  return [
    ...listRoutes(),
    read('namespaces/*path', {
      about: 'Read a namespace.',
      returns: namespaceMembers,
      canonical,
      fields: path,
      handle: ({ engine }, values) => {
        const found = engine.namespaces.get(values.path)
        if (!found) throw new Fault('not_found', 'no such namespace')
        return answer(bodyOf(found))
      },
    }),
    write('namespaces/*path', {
      about: 'Create a namespace, or replace its metadata.',
      returns: namespaceMembers,
      canonical,
      fields: { ...path, ...metadata },
      handle: async ({ engine }, values) =>
        answer(bodyOf(await engine.namespaces.set(values.path, texts(values.custom_metadata ?? {})))),
    }),
    patch('namespaces/*path', {
      about: 'Change notes about a namespace; null removes one.',
      returns: namespaceMembers,
      canonical,
      fields: { ...path, ...metadata },
      handle: async ({ engine, request, isGiven }, values) => {
        const change = isGiven('custom_metadata') ? changes(request.data['custom_metadata']) : {}
        return answer(bodyOf(await engine.namespaces.patch(values.path, change)))
      },
    }),
    remove('namespaces/*path', {
      about: 'Remove a namespace with its content. It is inaccessible at once; its data is removed in the background.',
      returns: { status: f.string('`in-progress`.') },
      canonical,
      fields: path,
      handle: async ({ engine }, values) => {
        const found = await engine.namespaces.remove(values.path)
        return found ? answer({ status: 'in-progress' }) : { data: null, warnings: ['there is no such namespace'] }
      },
    }),
    ...lockRoutes(),
  ]
}

function listRoutes(): Route<Has>[] {
  return [
    list('namespaces', {
      about: 'List the namespaces inside.',
      returns: listMembers,
      handle: (call) => listed(call, false),
    }),
    scan('namespaces', {
      about: 'List all namespaces below.',
      returns: listMembers,
      handle: (call) => listed(call, true),
    }),
  ]
}

function lockRoutes(): Route<Has>[] {
  const key = { unlock_key: f.string('The key that locking gave; not needed with sudo.').secret().or('') }
  const unlock = {
    about: 'Unlock a namespace.',
    neverRaw: true,
    fields: { ...path, ...key },
    handle: async (
      { engine, caller }: { readonly engine: Has; readonly caller: { readonly sudo: boolean; readonly root: boolean } },
      values: { readonly path: string; readonly unlock_key: string },
    ): Promise<Response> => {
      if (values.unlock_key === '' && !caller.sudo && !caller.root)
        throw refuse('give "unlock_key": only with sudo on this path it is not needed')
      await engine.namespaces.unlock(values.path, values.unlock_key === '' ? undefined : values.unlock_key)
      return done(values.unlock_key === '' ? ['Namespace unlocked using sudo capabilities'] : [])
    },
  }
  const lock = {
    about: 'Lock a namespace and its child namespaces for all callers, until it is unlocked.',
    returns: { unlock_key: f.string('Unlocks it.').secret() },
    neverRaw: true,
    fields: path,
    handle: async ({ engine }: { readonly engine: Has }, values: { readonly path: string }): Promise<Response> =>
      answer({ unlock_key: await engine.namespaces.lock(values.path) }),
  }
  return [
    write('namespaces/api-lock/lock', { ...lock, alias: fromAbove('lock'), handle: inPath(lock.handle) }),
    write('namespaces/api-lock/lock/*path', { ...lock, alias: fromAbove('lock') }),
    write('namespaces/api-lock/unlock', {
      ...unlock,
      whenLocked: true,
      alias: fromAbove('unlock'),
      handle: inPath(unlock.handle),
    }),
    write('namespaces/api-lock/unlock/*path', { ...unlock, alias: fromAbove('unlock') }),
  ]
}

/** The same namespace can be locked from every namespace above it: its name is before `sys/`, after `lock/`, or in both. */
const fromAbove =
  (verb: string): Alias =>
  ({ path: below = '' }, _data, reach) => {
    const names = (reach + below).split('/').filter((name) => name !== '')
    return names.length > mostNames
      ? undefined
      : Array.from({ length: names.length + 1 }, (_, at) =>
          ['', ...names.slice(0, at), `sys/namespaces/api-lock/${verb}`, ...names.slice(at)].join('/'),
        )
  }

/** A path of a namespace has 1,024 characters at most. */
const mostNames = 512

/** The policy checks the path, so it must contain the name of the namespace. */
const inPath =
  <C, V extends { readonly path: string }>(handle: (call: C, values: V) => Promise<Response>) =>
  async (call: C, values: V): Promise<Response> => {
    if (values.path !== '') throw refuse('put the name of the namespace at the end of the path, not into the body')
    return handle(call, values)
  }

/** The metadata of a namespace that the caller may not read is left out. */
function listed({ engine: { namespaces }, caller }: Pick<Call<Has>, 'engine' | 'caller'>, deep: boolean): Response {
  const found = namespaces.list(deep)
  if (found.length === 0) throw new Fault('not_found', 'there are no namespaces')
  const pairs = found.map((one) => [one.path.slice(namespaces.path.length), bodyOf(one)] as const)
  const open = pairs.filter(([key]) => !caller.denies(ownPath(key)))
  return answer({ keys: pairs.map(([key]) => key), key_info: Object.fromEntries(open) })
}

/** The path for reading a child namespace: in its parent namespace. */
function ownPath(key: string): string {
  const at = key.lastIndexOf('/', key.length - 2) + 1
  return `${key.slice(0, at)}sys/namespaces/${key.slice(at, -1)}`
}

function bodyOf({
  uuid,
  id,
  path: at,
  removing,
  locked,
  customMetadata,
}: NamespaceView): Readonly<Record<string, unknown>> {
  return { uuid, id, path: at, tainted: removing, locked, custom_metadata: customMetadata }
}

function texts(value: unknown): Metadata {
  const pairs = members(value)
  const invalid = pairs.find(([, member]) => typeof member !== 'string')
  if (invalid) throw refuse(`custom_metadata values must be strings; "${invalid[0]}" is none`)
  return Object.fromEntries(pairs) as Metadata
}

function changes(value: unknown): Readonly<Record<string, string | null>> | null {
  if (value === null) return null
  const pairs = members(value)
  const invalid = pairs.find(([, member]) => typeof member !== 'string' && member !== null)
  if (invalid) throw refuse(`custom_metadata values must be strings, or null to remove one; "${invalid[0]}" is neither`)
  return Object.fromEntries(pairs) as Readonly<Record<string, string | null>>
}

/** An empty array is an empty object, as for every map. */
function members(value: unknown): [string, unknown][] {
  if (Array.isArray(value) && value.length === 0) return []
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse('custom_metadata must be an object whose values are strings')
  return Object.entries(value)
}
