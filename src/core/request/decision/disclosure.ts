import { Fault, asFault, refuse } from '../../../contract/fault.ts'
import type { Request } from '../../../contract/request.ts'
import { authenticated } from '../../authentication/authenticators.ts'
import type { AuthenticatingParts } from '../../authentication/authenticators.ts'
import type { Namespace } from '../../namespaces/namespace.ts'
import { traitsOf } from '../trie.ts'
import type { Offers } from '../trie.ts'

/** The reason why a request to a namespace below the root is refused to every caller. */
export function refusalOf(namespace: Namespace | undefined, offers: Offers = {}): Fault | undefined {
  const routes = Object.values(offers)
  if (routes.some((route) => route.rootOnly)) return refuse('operation only available in root namespace')
  // The state of the server does not depend on any namespace.
  if (traitsOf(offers).serverLife) return undefined
  // Serving the root namespace instead would give its secrets to a caller of another namespace.
  if (!namespace) return new Fault('no_route', 'namespace not found')
  if (routes.some((route) => route.whenLocked)) return undefined
  try {
    namespace.refuseLocked()
    return undefined
  } catch (thrown) {
    return asFault(thrown)
  }
}

/** Whether a request carries a token that is valid in any namespace. It is not counted as a use. */
export async function showsValidToken(parts: AuthenticatingParts, request: Request): Promise<boolean> {
  return (await authenticated(parts, request)) !== undefined
}

/** Whether the caller may see why a request is refused: always if the reason depends only on the request. */
export async function maySeeReason(
  parts: AuthenticatingParts,
  request: Request,
  offers: Offers | undefined,
  sentNamespace: string,
): Promise<boolean> {
  const rootOnly = Object.values(offers ?? {}).some((route) => route.rootOnly)
  return (rootOnly && sentNamespace !== '' && request.namespace === sentNamespace) || showsValidToken(parts, request)
}

/** The one refusal for every kind of invalid token. */
export function noToken(): Fault {
  return new Fault('unauthenticated', 'permission denied')
}
