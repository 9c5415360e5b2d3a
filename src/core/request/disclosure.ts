import { Fault, asFault, refuse } from '../../contract/fault.ts'
import type { Request } from '../../contract/request.ts'
import type { TokenStore } from '../../tokens/store.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import { traitsOf } from './trie.ts'
import type { Offers } from './trie.ts'

/** Why nothing is done below the root namespace, whoever asks. */
export function refusalOf(namespace: Namespace | undefined, offers: Offers = {}): Fault | undefined {
  const routes = Object.values(offers)
  if (routes.some((route) => route.rootOnly)) return refuse('operation only available in root namespace')
  // How the server is does not depend on any namespace.
  if (traitsOf(offers).serverLife) return undefined
  // To serve the root namespace instead would hand its secrets to someone who asked for another's.
  if (!namespace) return new Fault('no_route', 'namespace not found')
  if (routes.some((route) => route.whenLocked)) return undefined
  try {
    namespace.refuseLocked()
    return undefined
  } catch (thrown) {
    return asFault(thrown)
  }
}

/** Whether a request shows a good token, wherever it is good. Takes no use of it. */
export async function showsValidToken(tokens: TokenStore, { credential, client }: Request): Promise<boolean> {
  const token = credential.kind === 'token' ? await tokens.resolve(credential.token) : undefined
  return token !== undefined && tokens.allowsAddress(token, client.address)
}

/** Whether why a request is barred may be told: always where that depends on nothing but what was sent. */
export async function maySeeReason(
  tokens: TokenStore,
  request: Request,
  offers: Offers | undefined,
  asked: string,
): Promise<boolean> {
  const rootOnly = Object.values(offers ?? {}).some((route) => route.rootOnly)
  return (rootOnly && asked !== '' && request.namespace === asked) || showsValidToken(tokens, request)
}

/** Whatever is wrong with a token, the answer is the same. */
export function noToken(): Fault {
  return new Fault('unauthenticated', 'permission denied', { bare: true })
}
