import { Fault, asFault } from '../../contract/fault.ts'
import type { Caller, TokenRecord } from '../../contract/identity.ts'
import type { Request } from '../../contract/request.ts'
import type { Response } from '../../contract/response.ts'
import type { Route, Subject } from '../../contract/route.ts'
import type { Acl, AclOperation, AclQuery, Verdict } from '../../policy/acl.ts'
import type { TokenStore } from '../../tokens/store.ts'
import { authenticated } from '../authentication/authenticators.ts'
import type { AuthenticatingParts } from '../authentication/authenticators.ts'
import type { Acls } from '../policies/acl-cache.ts'
import { refusalOf, showsValidToken, maySeeReason, noToken } from './disclosure.ts'
import { callOf } from './call.ts'
import { canonicalOf } from './canonical.ts'
import { TokenCaller, anyone, reachOf } from './caller.ts'
import { deniedElsewhere } from './other-paths.ts'
import { listFilter } from './list-filter.ts'
import type { Shows } from './list-filter.ts'
import type { Mount } from '../mounts/mount.ts'
import { destinationOf, namespaceOf, seenFrom } from '../namespaces/namespace.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import type { Namespaces } from '../namespaces/namespaces.ts'
import type { Destination } from './router.ts'
import { traitsOf } from './trie.ts'
import type { Offers, Traits } from './trie.ts'

/** The parts of an unsealed server that decisions need. */
export interface DecidingParts extends AuthenticatingParts {
  readonly namespaces: Namespaces
  readonly tokens: TokenStore
  readonly acls: Acls
}

/** The outcome of routing, authentication and authorisation. A refusal is a result too: it is audited like any other. */
export interface Decision {
  /** The request seen from its namespace: the path is relative to it. */
  readonly request: Request
  /** Where the request is judged and performed. Absent while the server is sealed and when the namespace does not exist. */
  readonly namespace?: Namespace
  /** The namespace of the caller's token. */
  readonly home?: Namespace
  /** The operation that the policies were asked for. */
  readonly operation: AclOperation
  readonly caller: Caller
  readonly mount?: Mount
  readonly route?: Route
  readonly params: Readonly<Record<string, string>>
  /** The same parameters as the client spelled them, if that differs. */
  readonly spelled?: Readonly<Record<string, string>>
  /** The token whose uses are counted. The request takes one use once it is in the audit log, whatever its outcome. */
  readonly spends?: TokenRecord
  readonly granting: readonly string[]
  /** The most names that a policy lets this list show. */
  readonly limit?: number
  /** Decides which names of this list a policy lets the caller see. */
  readonly shows?: Shows
  /** The response in place of the handler's, for a namespace that does not exist or that the caller may not know of. */
  readonly nowhere?: Response
  readonly refusal?: Fault
}

/** The verdict outside of a token's namespace: no policy reaches there. */
const nothingAllowed: Verdict = { allowed: false, sudo: false, root: false, granting: [] }

/** A decision in the making. It has all its members from the start, because every request creates one. */
class Draft implements Decision {
  request: Request
  namespace?: Namespace
  home?: Namespace
  operation: AclOperation
  caller: Caller = anyone
  mount?: Mount
  route?: Route
  params: Readonly<Record<string, string>> = {}
  spelled?: Readonly<Record<string, string>>
  spends?: TokenRecord
  granting: readonly string[] = []
  limit?: number
  shows?: Shows
  refusal?: Fault
  /** Why nobody may go there, or that the namespace does not exist. Only callers who may know of it hear of it. */
  barred?: Fault | undefined
  nowhere?: Response
  /** The path seen from the namespace that the client named, if the request was moved to another one. */
  judgedAt?: string
  /** A name in the path is invalid. Callers hear of it when they are allowed what they asked for. */
  invalidName?: Fault

  constructor(request: Request) {
    this.request = request
    this.operation = operations[request.operation]
  }
}

/** Routes, authenticates and authorises. Never throws: a refused decision carries its Fault. */
export async function decide(parts: DecidingParts, request: Request): Promise<Decision> {
  const draft = new Draft(request)
  try {
    await judge(parts, draft)
  } catch (thrown) {
    draft.refusal = asFault(thrown)
  }
  return draft
}

/**
 * Judges a request again after its record was created or removed in the meantime: as `update` where it was `create`, and
 * the other way round. The token is neither looked up nor used a second time. Never throws, like `decide`.
 */
export async function decideAgain(parts: DecidingParts, earlier: Decision): Promise<Decision> {
  const draft = Object.assign(new Draft(earlier.request), earlier)
  draft.operation = earlier.operation === 'create' ? 'update' : 'create'
  try {
    if (!draft.caller.token) throw noToken()
    await authorise(parts, draft, draft.caller.token, draft.route?.access === 'sudo')
  } catch (thrown) {
    draft.refusal = asFault(thrown)
  }
  return draft
}

/** The steps that every request takes, in this order. Each of them may refuse it. */
async function judge(parts: DecidingParts, draft: Draft): Promise<void> {
  refuseFolder(draft.request)
  const target = locate(parts, draft)
  if (revealsNamespaces(draft, target)) await requireValidToken(parts, draft.request)
  if (draft.barred) await refuseBarred(parts, draft.request, draft.barred, target)
  if (target.traits?.vet) await target.traits.vet(draft.request)
  if (draft.barred) return admitNowhere(draft, target)
  if (isPublic(draft, target)) return admitAnyone(parts, draft, target)
  const token = await authenticate(parts, draft)
  if (draft.route?.subject) await enterSubjectNamespace(parts, draft, draft.route.subject)
  if (draft.route?.exists && !draft.invalidName)
    draft.operation = await createOrUpdate(parts, draft, draft.route.exists, token)
  await authorise(parts, draft, token, wantsSudo(draft, target))
  if (draft.invalidName) throw draft.invalidName
  refuseMissing(draft, target)
  return undefined
}

/** The destination of a request's path. */
interface Target {
  readonly destination?: Destination | undefined
  /** The operations of its path and what holds for all of them. Absent where no route matches. */
  readonly offers?: Offers | undefined
  readonly traits?: Traits | undefined
  /** The namespace as the client sent it, before segments of the path were read as namespaces. */
  readonly sentNamespace: string
}

/** A write needs a name, and a path that ends in a slash is a folder. */
function refuseFolder({ operation, path }: Request): void {
  if ((operation === 'write' || operation === 'patch') && path.endsWith('/'))
    throw new Fault('invalid_request', "cannot write to a path ending in '/'")
}

/**
 * Whether the response to a caller without a token would reveal which namespaces exist. Owners of a token may know that,
 * nobody else.
 */
function revealsNamespaces(draft: Draft, { traits, sentNamespace }: Target): boolean {
  if (!traits || !(traits.public || traits.vet) || !draft.mount?.record.builtin) return false
  return draft.request.namespace !== sentNamespace || dependsOnNamespace(draft, traits)
}

/** Whether a public route responds differently where its namespace does not exist. */
function dependsOnNamespace({ request, route }: Draft, { serverLife, vet }: Traits): boolean {
  const independent = route?.rootOnly === true || route?.nowhere !== undefined || vet !== undefined || serverLife
  return request.namespace !== '' && route !== undefined && !independent
}

async function requireValidToken(parts: DecidingParts, request: Request): Promise<void> {
  if (!(await showsValidToken(parts, request))) throw noToken()
}

/** Gives the reason to callers who may know it. The others go on, to a response that gives none. */
async function refuseBarred(parts: DecidingParts, request: Request, barred: Fault, target: Target): Promise<void> {
  if (await maySeeReason(parts, request, target.offers, target.sentNamespace)) throw barred
}

/** Whether no token is needed; help always needs one. Where sudo is wanted, only its owners hear that a verb does not exist. */
function isPublic({ route, request }: Draft, { traits }: Target): boolean {
  if (request.operation === 'help') return false
  return traits !== undefined && traits.public && (route !== undefined || !traits.sudo)
}

/** Finds the namespace of a request and the route that its path leads to. Notes why nobody may go there, if so. */
function locate(parts: DecidingParts, draft: Draft): Target {
  const sentNamespace = draft.request.namespace
  const namespace = namespaceOf(parts.namespaces.root, draft.request)
  if (namespace) enter(draft, namespace)
  const { request } = draft
  const destination = (namespace ?? parts.namespaces.root).mounts.router.find(request.path, isListing(request))
  const offers = destination?.match?.offers
  if (request.namespace !== '') draft.barred = refusalOf(namespace, offers)
  const route = offers && request.operation !== 'help' ? offers[request.operation] : undefined
  if (destination) draft.mount = destination.mount
  if (destination?.match) draft.params = destination.match.params
  if (route) draft.route = route
  if (route && destination) canonicalise(draft, route, destination)
  return { destination, offers, traits: offers && traitsOf(offers), sentNamespace }
}

/** Puts the path and its parameters into canonical form: what is judged from here on is what is performed. */
function canonicalise(draft: Draft, route: Route, { mount }: Destination): void {
  const { request, params } = draft
  const found = canonicalOf(route, mount.apiPath, request.path, params)
  if (found instanceof Fault) {
    draft.invalidName = found
    return
  }
  if (found.path !== request.path) draft.request = { ...request, path: found.path }
  draft.spelled = params
  draft.params = found.params
}

/** Refuses a path or a verb that does not exist. Comes last: only callers who are allowed to go there hear of it. */
function refuseMissing({ request, route }: Draft, { destination }: Target): void {
  if (request.operation === 'help') return
  if (!destination) throw new Fault('no_route', `no handler for route "${request.path}". route entry not found.`)
  if (!destination.match) throw new Fault('unsupported_path', 'unsupported path')
  if (!route) throw wrongVerb(request, destination.match.offers)
}

/** Makes the request one of this namespace. */
function enter(draft: Draft, namespace: Namespace): void {
  draft.namespace = namespace
  draft.request = seenFrom(namespace, draft.request)
}

/** Without a token, an empty, a locked and a missing namespace get the same response. */
function admitNowhere(draft: Draft, { offers, traits }: Target): void {
  const { route, request, mount } = draft
  if (offers && traits?.public && !traits.sudo && !route && mount?.record.builtin) throw wrongVerb(request, offers)
  if (!route?.nowhere || request.credential.kind !== 'none') throw noToken()
  draft.nowhere = route.nowhere
}

/** Takes a request to the namespace of the token that it is about. The policies of that namespace decide. */
async function enterSubjectNamespace(parts: DecidingParts, draft: Draft, subject: Subject): Promise<void> {
  const { request, namespace: here } = draft
  const bearer = subject.token(request)
  const record = bearer && (await parts.tokens.resolve(bearer))
  const home = record && parts.namespaces.byId(record.namespace)
  if (!home || home === here || (subject.fromBelow && !(here && home.holds(here)))) return
  home.refuseLocked()
  if (subject.fromBelow && here) draft.judgedAt = home.pathIn(here, request.path)
  draft.namespace = home
  draft.request = { ...request, namespace: home.path }
  const mount = home.mounts.router.mountOf(request.path)
  if (mount) draft.mount = mount
}

const isListing = ({ operation }: Request): boolean => operation === 'list' || operation === 'scan'

/** The refusal of a verb that a path does not have. Only folders can be listed. Paths of the server's life name no reason. */
function wrongVerb(request: Request, offers: Offers): Fault {
  const { public: needsNoToken, serverLife } = traitsOf(offers)
  const details = needsNoToken ? { listed: false } : {}
  if (serverLife) return new Fault('unsupported_operation', '')
  if (isListing(request) && !offers.list && !offers.scan)
    return new Fault('unsupported_path', 'unsupported path', details)
  return new Fault('unsupported_operation', 'unsupported operation', details)
}

/** A token is not needed, but a valid one counts: some public routes show more to its owner. */
async function admitAnyone(parts: DecidingParts, draft: Draft, target: Target): Promise<void> {
  const { route, request } = draft
  if (!route) throw wrongVerb(request, target.offers ?? {})
  if (route.access !== 'public') {
    const token = await authenticate(parts, draft)
    return authorise(parts, draft, token, wantsSudo(draft, target))
  }
  const { tokens, identities } = parts
  const token = await authenticated(performsLogins(draft) ? parts : { tokens, identities }, request)
  if (token && reachFrom(parts, draft, token) !== undefined) draft.caller = await callerOf(parts, draft, token)
  return undefined
}

/** On public routes a login that comes with the request is not performed for another login, or for the state of the server. */
function performsLogins({ route, mount }: Draft): boolean {
  return !(route?.whenSealed === true || mount?.record.kind === 'auth')
}

async function authenticate(parts: DecidingParts, draft: Draft): Promise<TokenRecord> {
  const found = authenticated(parts, draft.request)
  const token = found instanceof Promise ? await found : found
  if (!token) throw noToken()
  if (token.numUses === 0) return token
  const usesLeft = (token.usesLeft ?? 0) - 1
  if (usesLeft < 0) throw noToken()
  draft.spends = token
  return { ...token, usesLeft }
}

/** The path of the request's namespace as the caller's policies see it (`reachOf`). Notes the namespace of the token. */
function reachFrom(parts: DecidingParts, draft: Draft, token: TokenRecord): string | undefined {
  const { namespace = parts.namespaces.root } = draft
  const home = token.namespace === namespace.id ? namespace : parts.namespaces.byId(token.namespace)
  if (home) draft.home = home
  return home === namespace ? '' : reachOf(home, namespace)
}

async function callerOf(parts: DecidingParts, draft: Draft, token: TokenRecord): Promise<Caller> {
  const acl = await parts.acls.of(token)
  const here = draft.namespace ?? parts.namespaces.root
  return new TokenCaller(token, acl, { here, reach: reachFrom(parts, draft, token), sudo: false })
}

async function authorise(parts: DecidingParts, draft: Draft, token: TokenRecord, sudo: boolean): Promise<void> {
  const { route } = draft
  const found = parts.acls.of(token)
  const acl = found instanceof Promise ? await found : found
  const reach = reachFrom(parts, draft, token)
  const { data, wrapTtl } = draft.request
  const path = draft.judgedAt ?? (reach ?? '') + draft.request.path
  const query = {
    path,
    operation: draft.operation,
    data,
    ...(route && { fields: route.fields }),
    params: draft.params,
    ...(wrapTtl !== undefined && { wrapTtl }),
  }
  const verdict = reach === undefined ? nothingAllowed : acl.decide(query)
  const here = draft.namespace ?? parts.namespaces.root
  draft.caller = new TokenCaller(token, acl, { here, reach, sudo: verdict.sudo, query })
  draft.granting = verdict.granting
  if (verdict.limit !== undefined) draft.limit = verdict.limit
  if (verdict.filters) {
    const home = draft.home ?? parts.namespaces.root
    draft.shows = listFilter((at, listing) => destinationOf(home, at, listing), acl, verdict.filters, path)
  }
  if (!verdict.allowed || (sudo && !verdict.sudo) || isDeniedElsewhere(draft, acl, query, reach ?? ''))
    throw new Fault('permission_denied', 'permission denied')
}

/** Whether sudo is needed for the operation, or to hear that the path does not have it. */
function wantsSudo({ route, request }: Draft, { traits }: Target): boolean {
  if (route) return route.access === 'sudo'
  return request.operation !== 'help' && traits !== undefined && traits.sudo
}

/** Whether a policy denies the same object under another path. */
function isDeniedElsewhere({ route, mount, params }: Draft, acl: Acl, query: AclQuery, reach: string): boolean {
  if (!route || !mount) return false
  return deniedElsewhere({ route, mountPath: mount.apiPath, params, reach }, acl, query) !== undefined
}

/** `create` when the record does not exist yet. A path that cannot be read is an update: its handler refuses it. */
async function createOrUpdate(
  parts: DecidingParts,
  draft: Draft,
  exists: NonNullable<Route['exists']>,
  token: TokenRecord,
): Promise<AclOperation> {
  draft.caller = await callerOf(parts, draft, token)
  try {
    return (await exists(callOf(draft), draft.params)) ? 'update' : 'create'
  } catch (thrown) {
    if (asFault(thrown).code === 'invalid_request') return 'update'
    throw thrown
  }
}

const operations: Readonly<Record<Request['operation'], AclOperation>> = {
  read: 'read',
  list: 'list',
  scan: 'scan',
  write: 'update',
  patch: 'patch',
  delete: 'delete',
  help: 'help',
}
