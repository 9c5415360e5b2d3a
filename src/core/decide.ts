import { Fault, asFault } from '../contract/fault.ts'
import { readFields } from '../contract/field.ts'
import type { Caller, TokenRecord } from '../contract/identity.ts'
import type { Request } from '../contract/request.ts'
import type { Call, Route } from '../contract/route.ts'
import type { AclOperation } from '../policy/acl.ts'
import type { TokenStore } from '../tokens/store.ts'
import type { Acls } from './acls.ts'
import { TokenCaller, anyone } from './caller.ts'
import { listFilter } from './list-filter.ts'
import type { Shows } from './list-filter.ts'
import type { Mount } from './mount.ts'
import type { Router } from './router.ts'
import type { Offers } from './trie.ts'

/** What deciding needs of an open server. */
export interface DecidingParts {
  readonly router: Router
  readonly tokens: TokenStore
  readonly acls: Acls
}

/** The outcome of routing, authentication and authorisation. A refusal is a result too: it is audited like any other. */
export interface Decision {
  /** What the policy was asked for. */
  readonly operation: AclOperation
  readonly caller: Caller
  readonly mount?: Mount
  readonly route?: Route
  readonly params: Readonly<Record<string, string>>
  /** The token was used up by this request: it is revoked after the answer. */
  readonly lastUse: boolean
  readonly granting: readonly string[]
  /** A policy cuts this list to so many names. */
  readonly limit?: number
  /** A policy hides names of this list. */
  readonly shows?: Shows
  readonly refusal?: Fault
}

/** How a request names the root namespace; there is no other yet. */
const rootNamespacePath = ''

type Draft = { -readonly [K in keyof Decision]: Decision[K] }

/** Routes, authenticates and authorises. Never throws: what is refused carries its Fault. */
export async function decide(parts: DecidingParts, request: Request): Promise<Decision> {
  const draft: Draft = { operation: plainOperation(request), caller: anyone, params: {}, lastUse: false, granting: [] }
  try {
    await judge(parts, request, draft)
  } catch (thrown) {
    draft.refusal = asFault(thrown)
  }
  return draft
}

async function judge(parts: DecidingParts, request: Request, draft: Draft): Promise<void> {
  if ((request.operation === 'write' || request.operation === 'patch') && request.path.endsWith('/'))
    throw new Fault('invalid_request', "cannot write to a path ending in '/'")
  const destination = parts.router.find(request.path, request.operation === 'list' || request.operation === 'scan')
  const offers = destination?.match?.offers
  // To serve the root namespace instead would hand its secrets to someone who asked for another's.
  if (request.namespace !== rootNamespacePath && !isOfServerLife(offers))
    throw new Fault('no_route', 'namespace not found')
  const route = offers && request.operation !== 'help' ? offers[request.operation] : undefined
  if (destination) draft.mount = destination.mount
  if (destination?.match) draft.params = destination.match.params
  if (route) draft.route = route
  const vet = offers && Object.values(offers).find((one) => one.vet)?.vet
  if (vet) await vet(request)
  if (offers && isPublic(offers)) return admitAnyone(offers, parts, request, draft, route)
  const token = await authenticate(parts.tokens, request, draft)
  if (route?.exists) draft.operation = await createOrUpdate(request, draft, route, token, parts)
  await authorise(parts, request, draft, token, route)
  if (request.operation === 'help') return undefined
  if (!destination) throw new Fault('no_route', `no handler for route "${request.path}". route entry not found.`)
  if (!offers) throw new Fault('unsupported_path', 'unsupported path')
  if (!route) throw wrongVerb(request, offers)
  return undefined
}

/** A path is public as a whole: whether a verb exists there is no secret. */
function isPublic(offers: Offers): boolean {
  return isOfServerLife(offers) || Object.values(offers).some((route) => route.access === 'public')
}

/** Sealing, health and the like are of the whole server, whatever namespace is named. */
function isOfServerLife(offers: Offers = {}): boolean {
  return Object.values(offers).some((route) => route.whenSealed)
}

/** A list is of a folder: a path that lists nothing is no folder. On paths of the server's own life the verb alone is told. */
function wrongVerb(request: Request, offers: Offers, bare = false): Fault {
  const details = bare ? { bare } : {}
  if (bare && isOfServerLife(offers)) return new Fault('unsupported_operation', '', details)
  const listing = request.operation === 'list' || request.operation === 'scan'
  if (listing && !offers.list && !offers.scan) return new Fault('unsupported_path', 'unsupported path', details)
  return new Fault('unsupported_operation', 'unsupported operation', details)
}

/** A token is not needed, but it counts if it is good: some public routes show more to its owner. */
async function admitAnyone(
  offers: Offers,
  parts: DecidingParts,
  request: Request,
  draft: Draft,
  route: Route | undefined,
): Promise<void> {
  if (!route) throw wrongVerb(request, offers, true)
  if (route.access !== 'public') {
    const token = await authenticate(parts.tokens, request, draft)
    return authorise(parts, request, draft, token, route)
  }
  if (request.credential.kind !== 'token') return undefined
  const token = await parts.tokens.resolve(request.credential.token)
  if (token) draft.caller = new TokenCaller(token, await parts.acls.of(token), false)
  return undefined
}

async function authenticate(tokens: TokenStore, request: Request, draft: Draft): Promise<TokenRecord> {
  if (request.credential.kind !== 'token') throw noToken()
  const found = tokens.resolve(request.credential.token)
  const token = found instanceof Promise ? await found : found
  if (!token || !tokens.allowsAddress(token, request.client.address)) throw noToken()
  if (token.numUses > 0) {
    const use = await tokens.use(token)
    if (use === 'spent') throw noToken()
    draft.lastUse = use.last
    return use.record
  }
  return token
}

/** Whatever is wrong with a token, the answer is the same. */
function noToken(): Fault {
  return new Fault('unauthenticated', 'permission denied', { bare: true })
}

async function authorise(
  parts: DecidingParts,
  request: Request,
  draft: Draft,
  token: TokenRecord,
  route: Route | undefined,
): Promise<void> {
  const found = parts.acls.of(token)
  const acl = found instanceof Promise ? await found : found
  const { path, data, wrapTtl } = request
  const verdict = acl.decide({ path, operation: draft.operation, data, ...(wrapTtl !== undefined && { wrapTtl }) })
  draft.caller = new TokenCaller(token, acl, verdict.sudo)
  draft.granting = verdict.granting
  if (verdict.limit !== undefined) draft.limit = verdict.limit
  if (verdict.filters) draft.shows = listFilter(parts.router, acl, verdict.filters, path)
  if (!verdict.allowed || (route?.access === 'sudo' && !verdict.sudo))
    throw new Fault('permission_denied', 'permission denied')
}

/** `create` when what would be written does not exist yet. Parameters are not validated here: what cannot be read is an update. */
async function createOrUpdate(
  request: Request,
  draft: Draft,
  route: Route,
  token: TokenRecord,
  parts: DecidingParts,
): Promise<AclOperation> {
  const call = callOf(request, { ...draft, caller: new TokenCaller(token, await parts.acls.of(token), false) })
  try {
    const values = readFields(route.fields, { ...request.data, ...draft.params })
    return (await route.exists?.(call, values)) === false ? 'create' : 'update'
  } catch (thrown) {
    if (asFault(thrown).code === 'invalid_request') return 'update'
    throw thrown
  }
}

/** What a handler is given. */
export function callOf(request: Request, decision: Decision): Call<never> {
  return new HandlerCall(request, decision) as unknown as Call<never>
}

class HandlerCall implements Call<unknown> {
  readonly engine: unknown
  readonly caller: Caller
  readonly request: Request
  readonly mountPath: string
  readonly given: (name: string) => boolean

  constructor(request: Request, decision: Decision) {
    this.engine = decision.mount?.state
    this.caller = decision.caller
    this.request = request
    this.mountPath = decision.mount?.apiPath ?? ''
    this.given = (name) => Object.hasOwn(request.data, name)
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

function plainOperation(request: Request): AclOperation {
  return operations[request.operation]
}
