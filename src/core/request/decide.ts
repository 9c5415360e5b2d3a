import { Fault, asFault } from '../../contract/fault.ts'
import type { Caller, TokenRecord } from '../../contract/identity.ts'
import type { Request } from '../../contract/request.ts'
import type { Response } from '../../contract/response.ts'
import type { Route, Subject } from '../../contract/route.ts'
import type { Acl, AclOperation, AclQuery, Verdict } from '../../policy/acl.ts'
import type { TokenStore } from '../../tokens/store.ts'
import type { Acls } from '../policies/acl-cache.ts'
import { refusalOf, showsValidToken, maySeeReason, noToken } from './disclosure.ts'
import { callOf } from './call.ts'
import { canonicalOf } from './canonical.ts'
import { TokenCaller, anyone, reachOf } from './caller.ts'
import { listFilter } from './list-filter.ts'
import type { Shows } from './list-filter.ts'
import type { Mount } from '../mounts/mount.ts'
import { destinationOf, namespaceOf, seenFrom } from '../namespaces/namespace.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import type { Namespaces } from '../namespaces/namespaces.ts'
import type { Destination } from './router.ts'
import { traitsOf } from './trie.ts'
import type { Offers, Traits } from './trie.ts'

/** What deciding needs of an open server. */
export interface DecidingParts {
  readonly namespaces: Namespaces
  readonly tokens: TokenStore
  readonly acls: Acls
}

/** The outcome of routing, authentication and authorisation. A refusal is a result too: it is audited like any other. */
export interface Decision {
  /** As its namespace sees it: the path is one of that namespace. */
  readonly request: Request
  /** Where it is judged and performed. Absent while sealed, and when there is none of that name. */
  readonly namespace?: Namespace
  /** The namespace that the caller's token lives in. */
  readonly home?: Namespace
  /** What the policy was asked for. */
  readonly operation: AclOperation
  readonly caller: Caller
  readonly mount?: Mount
  readonly route?: Route
  readonly params: Readonly<Record<string, string>>
  /** The same as they were spelled, where that is not canonical. */
  readonly spelled?: Readonly<Record<string, string>>
  /** The token whose uses are counted: this request takes one when it stands in the audit log, whatever becomes of it. */
  readonly spends?: TokenRecord
  readonly granting: readonly string[]
  /** A policy cuts this list to so many names. */
  readonly limit?: number
  /** A policy hides names of this list. */
  readonly shows?: Shows
  /** The answer in place of the handler's, where there is no namespace that the caller may know of. */
  readonly nowhere?: Response
  readonly refusal?: Fault
}

/** No policy reaches out of its namespace. */
const nothingAllowed: Verdict = { allowed: false, sudo: false, root: false, granting: [] }

/** A decision while it is made. All its members are there from the beginning: every request makes one. */
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
  /** Nobody may go there, or there is no such place: told to those who may know of it. */
  barred?: Fault | undefined
  nowhere?: Response
  /** The path as the namespace that was named sees it, where the request was taken to another one. */
  judgedAt?: string
  /** A name in the path can be none of ours: told to those who may do what they asked for. */
  unnamed?: Fault

  constructor(request: Request) {
    this.request = request
    this.operation = operations[request.operation]
  }
}

/** Routes, authenticates and authorises. Never throws: what is refused carries its Fault. */
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
 * Judges a request again whose record came or went after its policy was asked: `update` where it was `create`, and the
 * other way round. The token is not looked up, and no use of it taken, a second time. Never throws, as `decide`.
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

async function judge(parts: DecidingParts, draft: Draft): Promise<void> {
  refuseFolder(draft.request)
  const asked = draft.request.namespace
  const destination = locate(parts, draft)
  const offers = destination?.match?.offers
  const traits = offers && traitsOf(offers)
  const named = draft.request.namespace !== asked
  // Which namespaces there are is no secret from the owner of a token, and from everybody else it is.
  const open = traits !== undefined && (traits.public || traits.vet !== undefined)
  const shut = open && draft.mount?.record.builtin && (named || tellsOfNamespace(draft, traits))
  if (shut && !(await showsValidToken(parts.tokens, draft.request))) throw noToken()
  if (draft.barred && (await maySeeReason(parts.tokens, draft.request, offers, asked))) throw draft.barred
  if (traits?.vet) await traits.vet(draft.request)
  if (draft.barred) return admitNowhere(draft, offers)
  // Where sudo is wanted, the answer that a verb is not there is for those who have it.
  if (offers && traits?.public && (draft.route || !traits.sudo)) return admitAnyone(offers, parts, draft, draft.route)
  const token = await authenticate(parts, draft)
  const { route } = draft
  if (route?.subject) await goHome(parts, draft, route.subject)
  if (route?.exists && !draft.unnamed) draft.operation = await createOrUpdate(draft, route, token, parts)
  await authorise(parts, draft, token, wantsSudo(draft, offers))
  if (draft.unnamed) throw draft.unnamed
  if (draft.request.operation !== 'help') refuseMissing(draft, destination)
  return undefined
}

/** Whether the answer of a public route would tell which namespaces there are: it has none for a namespace that is not there. */
function tellsOfNamespace({ request, route }: Draft, { serverLife, vet }: Traits): boolean {
  const bound = route?.rootOnly === true || route?.nowhere !== undefined || vet !== undefined || serverLife
  return request.namespace !== '' && route !== undefined && !bound
}

/** What is written has a name. */
function refuseFolder({ operation, path }: Request): void {
  if ((operation === 'write' || operation === 'patch') && path.endsWith('/'))
    throw new Fault('invalid_request', "cannot write to a path ending in '/'")
}

/** Finds the namespace of a request, and where its path leads there. @throws Fault when nobody may go there */
function locate(parts: DecidingParts, draft: Draft): Destination | undefined {
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
  return destination
}

/** What is judged from here on is what is performed. */
function canonicalise(draft: Draft, route: Route, { mount }: Destination): void {
  const { request, params } = draft
  const found = canonicalOf(route, mount.apiPath, request.path, params)
  if (found instanceof Fault) {
    draft.unnamed = found
    return
  }
  if (found.path !== request.path) draft.request = { ...request, path: found.path }
  draft.spelled = params
  draft.params = found.params
}

/** Told only to those who may be there. */
function refuseMissing({ request, route }: Draft, destination: Destination | undefined): void {
  if (!destination) throw new Fault('no_route', `no handler for route "${request.path}". route entry not found.`)
  if (!destination.match) throw new Fault('unsupported_path', 'unsupported path')
  if (!route) throw wrongVerb(request, destination.match.offers)
}

/** From here on the request is one of this namespace. */
function enter(draft: Draft, namespace: Namespace): void {
  draft.namespace = namespace
  draft.request = seenFrom(namespace, draft.request)
}

/** What everybody is told who shows no token, be a namespace empty, locked, or not there. */
function admitNowhere(draft: Draft, offers: Offers | undefined): void {
  const { route, request, mount } = draft
  const traits = offers && traitsOf(offers)
  if (offers && traits?.public && !traits.sudo && !route && mount?.record.builtin) throw wrongVerb(request, offers)
  if (!route?.nowhere || request.credential.kind === 'token') throw noToken()
  draft.nowhere = route.nowhere
}

/** Takes a request to the namespace of the token that it is about. What it may do there is judged there. */
async function goHome(parts: DecidingParts, draft: Draft, subject: Subject): Promise<void> {
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

/** A list is of a folder: a path that lists nothing is no folder. On paths of the server's own life the verb alone is told. */
function wrongVerb(request: Request, offers: Offers): Fault {
  const { public: bare, serverLife } = traitsOf(offers)
  const details = bare ? { bare } : {}
  if (serverLife) return new Fault('unsupported_operation', '', details)
  const listing = request.operation === 'list' || request.operation === 'scan'
  if (listing && !offers.list && !offers.scan) return new Fault('unsupported_path', 'unsupported path', details)
  return new Fault('unsupported_operation', 'unsupported operation', details)
}

/** A token is not needed, but it counts if it is good here: some public routes show more to its owner. */
async function admitAnyone(
  offers: Offers,
  parts: DecidingParts,
  draft: Draft,
  route: Route | undefined,
): Promise<void> {
  const { credential } = draft.request
  if (!route) throw wrongVerb(draft.request, offers)
  if (route.access !== 'public') {
    const token = await authenticate(parts, draft)
    return authorise(parts, draft, token, wantsSudo(draft, offers))
  }
  if (credential.kind !== 'token') return undefined
  const token = await parts.tokens.resolve(credential.token)
  if (token && reachFrom(parts, draft, token) !== undefined) draft.caller = await callerOf(parts, draft, token)
  return undefined
}

async function authenticate(parts: DecidingParts, draft: Draft): Promise<TokenRecord> {
  const { credential, client } = draft.request
  const { tokens } = parts
  if (credential.kind !== 'token') throw noToken()
  const found = tokens.resolve(credential.token)
  const token = found instanceof Promise ? await found : found
  if (!token || !tokens.allowsAddress(token, client.address)) throw noToken()
  if (token.numUses === 0) return token
  const usesLeft = (token.usesLeft ?? 0) - 1
  if (usesLeft < 0) throw noToken()
  draft.spends = token
  return { ...token, usesLeft }
}

/** The path of the request's namespace as the caller's policies see it (`reachOf`). Notes where the caller's token lives. */
function reachFrom(parts: DecidingParts, draft: Draft, token: TokenRecord): string | undefined {
  const { namespace = parts.namespaces.root } = draft
  const home = token.namespace === namespace.id ? namespace : parts.namespaces.byId(token.namespace)
  if (home) draft.home = home
  return home === namespace ? '' : reachOf(home, namespace)
}

async function callerOf(parts: DecidingParts, draft: Draft, token: TokenRecord): Promise<Caller> {
  return new TokenCaller(token, await parts.acls.of(token), reachFrom(parts, draft, token), false)
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
  draft.caller = new TokenCaller(token, acl, reach, verdict.sudo)
  draft.granting = verdict.granting
  if (verdict.limit !== undefined) draft.limit = verdict.limit
  if (verdict.filters) {
    const home = draft.home ?? parts.namespaces.root
    draft.shows = listFilter((at, listing) => destinationOf(home, at, listing), acl, verdict.filters, path)
  }
  if (!verdict.allowed || (sudo && !verdict.sudo) || isDeniedElsewhere(draft, acl, query, reach ?? ''))
    throw new Fault('permission_denied', 'permission denied')
}

/** Whether sudo is needed to do what is asked for, or to hear that it cannot be done. */
function wantsSudo({ route, request }: Draft, offers: Offers | undefined): boolean {
  if (route) return route.access === 'sudo'
  return request.operation !== 'help' && offers !== undefined && traitsOf(offers).sudo
}

/** Whether a policy denies another path of the same thing. */
function isDeniedElsewhere({ route, mount, params }: Draft, acl: Acl, query: AclQuery, reach: string): boolean {
  if (!route?.alias || !mount || acl.root) return false
  const paths = [route.alias(params, query.data, reach) ?? []].flat()
  return paths.some((alias) => {
    const path = alias.startsWith('/') ? alias.slice(1) : reach + mount.apiPath + alias
    return acl.weigh({ ...query, path }).ground === 'denied'
  })
}

/** `create` when what would be written does not exist yet. A path that cannot be read is an update: its handler refuses it. */
async function createOrUpdate(
  draft: Draft,
  route: Route,
  token: TokenRecord,
  parts: DecidingParts,
): Promise<AclOperation> {
  draft.caller = await callerOf(parts, draft, token)
  try {
    return (await route.exists?.(callOf(draft), draft.params)) === false ? 'create' : 'update'
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
