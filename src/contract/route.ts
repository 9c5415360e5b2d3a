import type { Fields, Values } from './field.ts'
import type { Caller } from './identity.ts'
import type { Canonicaliser } from './names.ts'
import type { Operation, Request } from './request.ts'
import type { FormedResponse, Response } from './response.ts'
import { formed } from './wire/formed.ts'
import { Returns } from './wire/returns.ts'
import type { Secret } from '../util/secret.ts'

/** The context of a handler, besides its validated fields. `S` is the state that the engine's `start` returned for this mount. */
export interface Call<S> {
  readonly engine: S
  readonly caller: Caller
  readonly request: Request
  /**
   * A route that has `exists` calls it where it commits, with whether the record exists now: in the transaction that
   * changes it, at each run. It throws when the policy was asked about the other case; the request is then judged again.
   */
  readonly confirm: (exists: boolean) => void
  /**
   * A pure route that has to change something after all (a counter, a key that is used up) awaits this first: then the
   * request is in the audit log and counts as a change. For other routes that has happened already.
   * @throws Fault when no audit device recorded it; then nothing may be changed
   */
  readonly beforeChange: BeforeChange
  /**
   * The caller, judged again by the token and the policies of now: for a request that took long before it changes something
   * (an upload). @throws Fault when it would be refused now, or the server was sealed in between
   */
  readonly judgedAgain: JudgedAgain
  /** The mount's path with a trailing slash, e.g. `transit/`. */
  readonly mountPath: string
  /** The names in the path as the caller spelled them, maybe not canonical: for messages only. */
  readonly rawParams: Readonly<Record<string, string>>
  /** Whether the caller set a field (to any value, null included). */
  readonly isGiven: (name: string) => boolean
}

/** Resolves when a request may change something. */
export type BeforeChange = () => Promise<void>

/** See `Call.judgedAgain`. */
export type JudgedAgain = () => Promise<Caller>

/** The token that is the subject of a request. */
export interface Subject {
  /** Undefined: the request names no token and stays in its namespace. */
  readonly token: (request: Request) => Secret<string> | undefined
  /** Only when the token's namespace is the named one, or above it. The policies are asked about the named path. */
  readonly fromBelow?: boolean
}

/** The caller's own token, as a request's subject. */
export const callersToken = ({ credential }: Request): Secret<string> | undefined =>
  credential.kind === 'token' ? credential.token : undefined

/** Whether the record that the parameters of a path name exists. */
export type Exists<S> = (call: Call<S>, params: Readonly<Record<string, string>>) => Promise<boolean> | boolean

/** Whether a mount has published something for callers without a token. */
export type HasPublished<S> = (engine: S) => Promise<boolean>

/**
 * Other paths of the same record, from the parameters of the path, the other fields, and the path of the request's namespace
 * as the caller's policies see it. Relative to the mount; with a leading slash: as the policies see it. Undefined: none.
 */
export type Alias = (
  params: Readonly<Record<string, string>>,
  data: Readonly<Record<string, unknown>>,
  reach: string,
) => string | readonly string[] | undefined

/**
 * Names the role of a login by its parameters, before anything is proven; undefined: none. It must not tell which roles exist:
 * a request is treated by what was sent, as if there were such a role.
 * @param limited the roles of the mount with quotas of their own
 */
export type LoginRole<S, F extends Fields> = (
  call: Pick<Call<S>, 'engine' | 'request'>,
  values: Values<F>,
  limited: readonly string[],
) => Promise<string | undefined> | string | undefined

/** Everything about one operation on one path. Routing, policy, validation, help, OpenAPI and docs read this object. */
export interface RouteOptions<S, F extends Fields> {
  /** One sentence for help and docs. */
  readonly about: string
  /** Parameters of the path (`:name`) and of the body or query. */
  readonly fields?: F
  /** The payload of its successful responses: the members of the usual form, or another form, which every response then has. Absent: no content. */
  readonly returns?: Fields | Returns
  /** `sudo`: the caller's policy must give sudo as well. `public`: no token is needed. */
  readonly access?: 'token' | 'sudo' | 'public'
  /** Available before the unseal too. Implies `public` while sealed. */
  readonly whenSealed?: boolean
  /** Concerns the whole server: refused in every namespace but the root one. */
  readonly rootOnly?: boolean
  /** Available while the namespace is locked, too: for the route that unlocks it. */
  readonly whenLocked?: boolean
  /** The token that the request is about: the request is decided and performed in that token's own namespace. */
  readonly subject?: Subject
  /**
   * Runs before authentication, and for every verb of the path: throws when the request cannot succeed for any caller (an
   * invalid wrapping token). It must change nothing.
   */
  readonly vet?: (request: Request) => Promise<void>
  /**
   * For writes that may create a record: whether it exists already. True asks the policy for `update`, false for `create`.
   * Without it every write is `update`. Only the path is available: the other fields are not read yet. The handler
   * confirms the answer (`Call.confirm`), because others may write in between.
   */
  readonly exists?: Exists<S>
  /** Names in the path with more than one spelling: the policy, the audit log and the handler see the canonical one. */
  readonly canonical?: Readonly<Record<string, Canonicaliser>>
  /**
   * For public routes: callers without a token reach it in every namespace where this is true, because something has been
   * published there. Elsewhere they get the response of a missing namespace, whatever they send, so that they do not learn
   * which namespaces exist.
   */
  readonly forEveryone?: HasPublished<S>
  /** For public routes of a namespace: the response of an empty one, so that callers without a token do not learn which ones exist. */
  readonly absentNamespace?: Response
  /** Other paths of the same record: a request that a policy denies there is denied here. See `Caller.denies` for paths that only the handler can name. */
  readonly alias?: Alias
  /** For routes that log in to a role: quotas by role need it. Without it, the mount has none. */
  readonly loginRole?: LoginRole<S, F>
  /**
   * Changes nothing: its audit request line may share the response line's write. A request of such a route is nevertheless
   * a change when its token counts uses, its response is wrapped, its policy was checked for `create`, or its handler awaited
   * `Call.beforeChange`.
   */
  readonly pure?: boolean
  /**
   * Status without secrets, for monitoring: available also while no audit device can write its lines, which then count as
   * lost. Only for routes that change nothing.
   */
  readonly responseUnaudited?: boolean
  /** The route accepts any body members (KV, cubbyhole): no warning about unknown ones. */
  readonly anyFields?: boolean
  /** It responds to requests for paths that the engine does not have: help and OpenAPI leave it out. */
  readonly unlisted?: boolean
  /** The body of its requests is a file of any length (`Request.upload`); the parameters are those of the query. */
  readonly upload?: boolean
  /**
   * Its requests or responses contain key shares, one-time passwords, their keys, root tokens, or the secrets and tokens of
   * OIDC: no audit device writes them in plaintext, regardless of its options, the mount's unhashed keys and the recorded headers.
   */
  readonly neverRaw?: boolean
  readonly handle: (call: Call<S>, values: Values<F>) => Promise<Response> | Response
}

/** A route in the router: the field types are erased, because the compiler checked them at the definition. */
export interface Route<S = never> {
  readonly operation: Exclude<Operation, 'help'>
  /** Relative to the mount: literals, `:name` for one segment, and as last part `*name` for the entire rest (may be empty). */
  readonly pattern: string
  readonly about: string
  readonly fields: Fields
  readonly returns: Returns | undefined
  readonly access: 'token' | 'sudo' | 'public'
  readonly whenSealed: boolean
  readonly rootOnly: boolean
  readonly whenLocked: boolean
  readonly subject: Subject | undefined
  readonly vet: ((request: Request) => Promise<void>) | undefined
  readonly pure: boolean
  readonly responseUnaudited: boolean
  readonly anyFields: boolean
  readonly unlisted: boolean
  readonly upload: boolean
  readonly neverRaw: boolean
  readonly exists: Exists<S> | undefined
  readonly canonical: Readonly<Record<string, Canonicaliser>> | undefined
  readonly alias: Alias | undefined
  readonly forEveryone: HasPublished<S> | undefined
  readonly absentNamespace: FormedResponse | undefined
  readonly loginRole: LoginRole<S, Fields> | undefined
  /** Its responses have the form of `returns`. */
  readonly handle: Handle<S, FormedResponse>
}

type Handle<S, R> = (call: Call<S>, values: Readonly<Record<string, unknown>>) => Promise<R> | R

function route<S, F extends Fields>(
  operation: Route['operation'],
  pattern: string,
  options: RouteOptions<S, F>,
): Route<S> {
  const returns = returnsOf(options.returns)
  return {
    operation,
    pattern,
    about: options.about,
    fields: options.fields ?? {},
    returns,
    access: options.access ?? 'token',
    whenSealed: options.whenSealed ?? false,
    rootOnly: options.rootOnly ?? false,
    whenLocked: options.whenLocked ?? false,
    subject: options.subject,
    vet: options.vet,
    pure: options.pure ?? (operation === 'read' || operation === 'list' || operation === 'scan'),
    responseUnaudited: options.responseUnaudited ?? false,
    anyFields: options.anyFields ?? false,
    unlisted: options.unlisted ?? false,
    upload: options.upload ?? false,
    neverRaw: options.neverRaw ?? false,
    exists: options.exists,
    canonical: options.canonical,
    alias: options.alias,
    forEveryone: options.forEveryone,
    absentNamespace: options.absentNamespace && formed(returns, options.absentNamespace),
    loginRole: options.loginRole as LoginRole<S, Fields> | undefined,
    handle: inForm(returns, options.handle as Handle<S, Response>),
  }
}

const returnsOf = (returns: Fields | Returns | undefined): Returns | undefined =>
  !returns || returns instanceof Returns ? returns : new Returns(returns, 'envelope')

function inForm<S>(returns: Returns | undefined, handle: Handle<S, Response>): Handle<S, FormedResponse> {
  return (call, values) => {
    const response = handle(call, values)
    return response instanceof Promise ? response.then((one) => formed(returns, one)) : formed(returns, response)
  }
}

type Maker<S> = <F extends Fields = Record<never, never>>(pattern: string, options: RouteOptions<S, F>) => Route<S>

/**
 * The functions that create routes for one engine state: read (GET), list, scan, write (POST and PUT), patch and remove (DELETE).
 */
interface Makers<S> {
  readonly read: Maker<S>
  /** LIST, or GET with `?list=true`. The pattern is written without the trailing slash. */
  readonly list: Maker<S>
  /** A recursive list (OpenBao). */
  readonly scan: Maker<S>
  readonly write: Maker<S>
  readonly patch: Maker<S>
  readonly remove: Maker<S>
}

/** `const { read, write } = routesOf<Keys>()`: the field types are inferred from the options. */
export function routesOf<S>(): Makers<S> {
  const maker =
    (operation: Route['operation']): Maker<S> =>
    (pattern, options) =>
      route(operation, pattern, options)
  return {
    read: maker('read'),
    list: maker('list'),
    scan: maker('scan'),
    write: maker('write'),
    patch: maker('patch'),
    remove: maker('delete'),
  }
}
