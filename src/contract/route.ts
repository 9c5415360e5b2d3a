import type { Fields, Values } from './field.ts'
import type { Caller } from './identity.ts'
import type { Canonicaliser } from './names.ts'
import type { Operation, Request } from './request.ts'
import type { Response } from './response.ts'
import type { Secret } from '../util/secret.ts'

/** What a handler is given besides its validated fields. `S` is what the engine's `start` returned for this mount. */
export interface Call<S> {
  readonly engine: S
  readonly caller: Caller
  readonly request: Request
  /**
   * A route that has `exists` calls it where it commits, with whether the record is there now: in the transaction that
   * changes it, each time that runs. It throws when the policy was asked otherwise; the request is then judged again.
   */
  readonly confirm: (exists: boolean) => void
  /**
   * A pure route that finds that it has to change something after all (a counter, a key that is used up) waits for this
   * first: the request stands in the audit log then, and counts as a change. Others need not: it was waited for.
   * @throws Fault when no audit device took it; then nothing may be changed
   */
  readonly beforeChange: BeforeChange
  /** The mount's path with a trailing slash, e.g. `transit/`. */
  readonly mountPath: string
  /** The names in the path as they were spelled, which may not be canonical: for messages only. */
  readonly spelled: Readonly<Record<string, string>>
  /** Which fields the caller gave (with any value, null included). */
  readonly isGiven: (name: string) => boolean
}

/** Resolves when a request may change something. */
export type BeforeChange = () => Promise<void>

/** The token that a request is about. */
export interface Subject {
  /** Undefined: none that was given; the request stays where it is. */
  readonly token: (request: Request) => Secret<string> | undefined
  /** Only when the token's namespace is the one that was named, or above it. What it may do is judged at the path that was named. */
  readonly fromBelow?: boolean
}

/** The caller's own token, as a request's subject. */
export const callersToken = ({ credential }: Request): Secret<string> | undefined =>
  credential.kind === 'token' ? credential.token : undefined

/** Tells from the parameters of a path whether what it names is there. */
export type Exists<S> = (call: Call<S>, params: Readonly<Record<string, string>>) => Promise<boolean> | boolean

/**
 * From the parameters of the path, what else was sent, and the path of the request's namespace as the caller's policies see
 * it. One path or several, relative to the mount; with a leading slash: as the policies see it. Undefined: there is none.
 */
export type Alias = (
  params: Readonly<Record<string, string>>,
  data: Readonly<Record<string, unknown>>,
  reach: string,
) => string | readonly string[] | undefined

/** Everything about one operation on one path. Routing, policy, validation, help, OpenAPI and docs read this object. */
export interface RouteOptions<S, F extends Fields> {
  /** One sentence for help and docs. */
  readonly about: string
  /** Parameters of the path (`:name`) and of the body or query. */
  readonly fields?: F
  /** `sudo`: the caller's policy must give sudo as well. `public`: no token is needed. */
  readonly access?: 'token' | 'sudo' | 'public'
  /** Answered before unsealing too. Implies `public` unless open. */
  readonly whenSealed?: boolean
  /** Of the whole server: refused in every namespace but the root one. */
  readonly rootOnly?: boolean
  /** Answered also while the namespace is locked: the way to unlock it. */
  readonly whenLocked?: boolean
  /** Which token the request is about: it is judged and performed in that token's own namespace, whichever one was named. */
  readonly subject?: Subject
  /**
   * Judged before anyone is asked who they are, and for every verb of the path: throws for what cannot succeed whoever
   * asks (a wrapping token that is none). It must change nothing.
   */
  readonly vet?: (request: Request) => Promise<void>
  /**
   * For writes that may make something new: whether it exists already. True asks the policy for `update`, false for
   * `create`. Without it every write is `update`. Only the path is known here: what else was sent is not read yet. The
   * handler confirms it (`Call.confirm`), because others may write in between.
   */
  readonly exists?: Exists<S>
  /** Names in the path that can be spelled in more than one way: the policy, the audit log and the handler see one. */
  readonly canonical?: Readonly<Record<string, Canonicaliser>>
  /** For what is public in a namespace: what it answers in an empty one. Nobody without a token learns which ones there are. */
  readonly nowhere?: Response
  /** Other paths by which the same thing is reached; what a policy denies there is denied here. See `Caller.denies` for what only the handler can name. */
  readonly alias?: Alias
  /**
   * Changes nothing: its audit request line may share the response line's write. A request of such a route is none the less
   * a change where its token counts uses, its answer is wrapped, its policy was asked for `create`, or its handler waited
   * for `Call.beforeChange`.
   */
  readonly pure?: boolean
  /**
   * Status that holds no secret, for monitoring: answered also while no audit device can take its lines, which then count
   * as lost. Only for routes that change nothing.
   */
  readonly answersUnaudited?: boolean
  /** The route takes whatever body members come (KV, cubbyhole): no warning about unknown ones. */
  readonly anyFields?: boolean
  /**
   * Key shares, one-time passwords or root tokens are in its requests or responses: no audit device writes them in clear,
   * whatever its options, the mount's open keys and the recorded headers say.
   */
  readonly carriesKeyShares?: boolean
  readonly handle: (call: Call<S>, values: Values<F>) => Promise<Response> | Response
}

/** A route as the router keeps it: the field types are erased, they were checked where it was written. */
export interface Route<S = never> {
  readonly operation: Exclude<Operation, 'help'>
  /** Relative to the mount: literals, `:name` for one segment, and as last part `*name` for the whole rest (may be empty). */
  readonly pattern: string
  readonly about: string
  readonly fields: Fields
  readonly access: 'token' | 'sudo' | 'public'
  readonly whenSealed: boolean
  readonly rootOnly: boolean
  readonly whenLocked: boolean
  readonly subject: Subject | undefined
  readonly vet: ((request: Request) => Promise<void>) | undefined
  readonly pure: boolean
  readonly answersUnaudited: boolean
  readonly anyFields: boolean
  readonly carriesKeyShares: boolean
  readonly exists: Exists<S> | undefined
  readonly canonical: Readonly<Record<string, Canonicaliser>> | undefined
  readonly alias: Alias | undefined
  readonly nowhere: Response | undefined
  readonly handle: (call: Call<S>, values: Readonly<Record<string, unknown>>) => Promise<Response> | Response
}

function route<S, F extends Fields>(
  operation: Route['operation'],
  pattern: string,
  options: RouteOptions<S, F>,
): Route<S> {
  return {
    operation,
    pattern,
    about: options.about,
    fields: options.fields ?? {},
    access: options.access ?? 'token',
    whenSealed: options.whenSealed ?? false,
    rootOnly: options.rootOnly ?? false,
    whenLocked: options.whenLocked ?? false,
    subject: options.subject,
    vet: options.vet,
    pure: options.pure ?? (operation === 'read' || operation === 'list' || operation === 'scan'),
    answersUnaudited: options.answersUnaudited ?? false,
    anyFields: options.anyFields ?? false,
    carriesKeyShares: options.carriesKeyShares ?? false,
    exists: options.exists,
    canonical: options.canonical,
    alias: options.alias,
    nowhere: options.nowhere,
    handle: options.handle as Route<S>['handle'],
  }
}

type Maker<S> = <F extends Fields = Record<never, never>>(pattern: string, options: RouteOptions<S, F>) => Route<S>

/** The makers of routes for one engine state: read (GET), list, scan, write (POST and PUT), patch and remove (DELETE). */
export interface Makers<S> {
  readonly read: Maker<S>
  /** LIST, or GET with `?list=true`. The pattern is written without the trailing slash. */
  readonly list: Maker<S>
  /** A recursive list (OpenBao). */
  readonly scan: Maker<S>
  readonly write: Maker<S>
  readonly patch: Maker<S>
  readonly remove: Maker<S>
}

/** `const { read, write } = routesOf<Keys>()`: the field types are inferred, the engine's state is given. */
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
