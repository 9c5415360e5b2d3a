import { Fault } from '../../../contract/fault.ts'
import type { Request } from '../../../contract/request.ts'
import type { Route } from '../../../contract/route.ts'
import { namespaceOf, seenFrom } from '../../namespaces/namespace.ts'
import type { Namespace } from '../../namespaces/namespace.ts'
import type { Destination } from '../router.ts'
import { traitsOf } from '../trie.ts'
import type { Offers, Traits } from '../trie.ts'
import { canonicalOf } from './canonical.ts'
import type { DecidingParts, Draft } from './decision.ts'
import { refusalOf } from './disclosure.ts'

/** The destination of a request's path. */
export interface Target {
  readonly destination?: Destination | undefined
  /** The operations of its path and what holds for all of them. Absent where no route matches. */
  readonly offers?: Offers | undefined
  readonly traits?: Traits | undefined
  /** The namespace as the client sent it, before segments of the path were read as namespaces. */
  readonly sentNamespace: string
}

/** Finds the namespace of a request and the route of its path. Records why the namespace is inaccessible, if it is. */
export function locate(parts: DecidingParts, draft: Draft): Target {
  const sentNamespace = draft.request.namespace
  const namespace = namespaceOf(parts.namespaces.root, draft.request)
  if (namespace) enter(draft, namespace)
  const { request } = draft
  const destination = (namespace ?? parts.namespaces.root).mounts.router.find(request.path, isListing(request))
  const offers = destination?.match?.offers
  if (request.namespace !== '') draft.namespaceFault = refusalOf(namespace, offers)
  const route = offers && request.operation !== 'help' ? offers[request.operation] : undefined
  if (destination) draft.mount = destination.mount
  if (destination?.match) draft.params = destination.match.params
  if (route) draft.route = route
  if (route && destination) canonicalise(draft, route, destination)
  return { destination, offers, traits: offers && traitsOf(offers), sentNamespace }
}

/** Puts the path and its parameters into canonical form: what is decided from here on is what is performed. */
function canonicalise(draft: Draft, route: Route, { mount }: Destination): void {
  const { request, params } = draft
  const found = canonicalOf(route, mount.apiPath, request.path, params)
  if (found instanceof Fault) {
    draft.invalidName = found
    return
  }
  if (found.path !== request.path) draft.request = { ...request, path: found.path }
  draft.rawParams = params
  draft.params = found.params
}

/** Refuses a path or a verb that does not exist. Comes last: only callers who may use the path learn of it. */
export function refuseMissing({ request, route }: Draft, { destination }: Target): void {
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

const isListing = ({ operation }: Request): boolean => operation === 'list' || operation === 'scan'

/** The refusal of a verb that a path does not have. Only folders can be listed. Paths of the server's lifecycle give no reason. */
export function wrongVerb(request: Request, offers: Offers): Fault {
  const { public: needsNoToken, serverLife } = traitsOf(offers)
  const details = needsNoToken ? { listed: false } : {}
  if (serverLife) return new Fault('unsupported_operation', '')
  if (isListing(request) && !offers.list && !offers.scan)
    return new Fault('unsupported_path', 'unsupported path', details)
  return new Fault('unsupported_operation', 'unsupported operation', details)
}
