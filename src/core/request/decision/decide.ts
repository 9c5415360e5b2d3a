import { Fault, asFault } from '../../../contract/fault.ts'
import { rootNamespace } from '../../../contract/identity.ts'
import type { Caller, TokenRecord } from '../../../contract/identity.ts'
import type { Request } from '../../../contract/request.ts'
import type { Route, Subject } from '../../../contract/route.ts'
import { authenticated } from '../../authentication/authenticators.ts'
import { callOf } from '../call.ts'
import { showsValidToken, maySeeReason, noToken } from './disclosure.ts'
import type { Traits } from '../trie.ts'
import { authorise, callerOf, createOrUpdate, reachFrom } from './authorise.ts'
import { Draft } from './decision.ts'
import type { DecidingParts, Decision } from './decision.ts'
import { locate, refuseMissing, wrongVerb } from './locate.ts'
import type { Target } from './locate.ts'

/** Routes, authenticates and authorises. Never throws: a refused decision carries its Fault. */
export async function decide(parts: DecidingParts, request: Request): Promise<Decision> {
  const draft = new Draft(request)
  try {
    await decideInSteps(parts, draft)
  } catch (thrown) {
    draft.refusal = asFault(thrown)
  }
  return draft
}

/**
 * Decides a request again after its record was created or removed in the meantime: as `update` where it was `create`, and
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

/**
 * The caller of a request that was allowed, by the token and the policies of now. A use that was counted is not counted again,
 * and a login that came with the request is not repeated. @throws Fault when the request would be refused
 */
export async function judgedAgain(parts: DecidingParts, earlier: Decision): Promise<Caller> {
  const draft = Object.assign(new Draft(earlier.request), earlier)
  const isToken = earlier.request.credential.kind === 'token'
  const token = isToken ? await authenticated(parts, earlier.request) : earlier.caller.token
  if (!token) throw noToken()
  await authorise(parts, draft, token, draft.route?.access === 'sudo')
  return draft.caller
}

/** The steps that every request takes, in this order. Each of them may refuse it. */
async function decideInSteps(parts: DecidingParts, draft: Draft): Promise<void> {
  refuseFolder(draft.request)
  const target = locate(parts, draft)
  if (revealsNamespaces(draft, target)) await requireValidToken(parts, draft.request)
  if (draft.namespaceFault) await discloseNamespaceFault(parts, draft.request, draft.namespaceFault, target)
  if (target.traits?.vet) await target.traits.vet(draft.request)
  if (draft.namespaceFault) return admitAbsentNamespace(draft, target)
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

/** A write needs a name, and a path that ends in a slash is a folder. */
function refuseFolder({ operation, path }: Request): void {
  if ((operation === 'write' || operation === 'patch') && path.endsWith('/'))
    throw new Fault('invalid_request', "cannot write to a path ending in '/'")
}

/**
 * Whether the response to a caller without a token would reveal which namespaces exist. Only owners of a token may know
 * that.
 */
function revealsNamespaces(draft: Draft, { traits, sentNamespace }: Target): boolean {
  if (!traits || !(traits.public || traits.vet) || !draft.mount?.record.builtin) return false
  if (draft.route?.forEveryone) return false
  return draft.request.namespace !== sentNamespace || dependsOnNamespace(draft, traits)
}

/** Whether a public route responds differently where its namespace does not exist. */
function dependsOnNamespace({ request, route }: Draft, { serverLife, vet }: Traits): boolean {
  const independent =
    route?.rootOnly === true || route?.absentNamespace !== undefined || vet !== undefined || serverLife
  return request.namespace !== '' && route !== undefined && !independent
}

async function requireValidToken(parts: DecidingParts, request: Request): Promise<void> {
  if (!(await showsValidToken(parts, request))) throw noToken()
}

/** Callers who may know the reason get it; the others get a response without one. */
async function discloseNamespaceFault(
  parts: DecidingParts,
  request: Request,
  fault: Fault,
  target: Target,
): Promise<void> {
  if (await maySeeReason(parts, request, target.offers, target.sentNamespace)) throw fault
}

/** Whether no token is needed; help always needs one. Where sudo is required, only callers with it learn that a verb does not exist. */
function isPublic({ route, request }: Draft, { traits }: Target): boolean {
  if (request.operation === 'help') return false
  return traits !== undefined && traits.public && (route !== undefined || !traits.sudo)
}

/** Without a token, an empty, a locked and a missing namespace get the same response. */
function admitAbsentNamespace(draft: Draft, { offers, traits }: Target): void {
  const { route, request, mount } = draft
  if (offers && traits?.public && !traits.sudo && !route && mount?.record.builtin) throw wrongVerb(request, offers)
  if (!route?.absentNamespace || request.credential.kind !== 'none') throw noToken()
  draft.absentNamespace = route.absentNamespace
}

/** Moves a request to the namespace of the token that it is about. The policies of that namespace decide. */
async function enterSubjectNamespace(parts: DecidingParts, draft: Draft, subject: Subject): Promise<void> {
  const { request, namespace: here } = draft
  const bearer = subject.token(request)
  const record = bearer && (await parts.tokens.resolve(bearer))
  const home = record && parts.namespaces.byId(record.namespace)
  if (!home || home === here || (subject.fromBelow && !(here && home.holds(here)))) return
  home.refuseLocked()
  if (subject.fromBelow && here) draft.policyPath = home.pathIn(here, request.path)
  draft.namespace = home
  draft.request = { ...request, namespace: home.path }
  const mount = home.mounts.router.mountOf(request.path)
  if (mount) draft.mount = mount
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
  if (route.forEveryone && !draft.caller.token) await refuseUnpublished(draft, route.forEveryone)
  return undefined
}

/** Without a token, a namespace that has published nothing responds like a missing one. Checked before the fields are read, because their errors differ. */
async function refuseUnpublished(draft: Draft, hasPublished: NonNullable<Route['forEveryone']>): Promise<void> {
  if (draft.namespace?.id === rootNamespace) return
  if (!(await hasPublished(callOf(draft).engine))) throw noToken()
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
  draft.countedToken = token
  return { ...token, usesLeft }
}

/** Whether sudo is needed for the operation, or to learn that the path does not have it. */
function wantsSudo({ route, request }: Draft, { traits }: Target): boolean {
  if (route) return route.access === 'sudo'
  return request.operation !== 'help' && traits !== undefined && traits.sudo
}
