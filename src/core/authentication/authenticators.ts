import type { Identities, NamespaceId, Principal, TokenRecord } from '../../contract/identity.ts'
import type { Credential, CredentialOf, Request } from '../../contract/request.ts'
import type { TokenStore } from '../../tokens/store.ts'

/** The parts of an unsealed server that authentication needs. */
export interface AuthenticatingParts {
  readonly tokens: Pick<TokenStore, 'resolve' | 'allowsAddress'>
  /** The identities of a namespace; undefined when there is no such namespace now. */
  readonly identities: (namespace: NamespaceId) => Identities | undefined
}

type Found = TokenRecord | undefined

/** Finds the valid token that a credential of one kind stands for. Undefined: it is invalid. Synchronous where it can be. */
type Authenticator<K extends Credential['kind']> = (
  parts: AuthenticatingParts,
  credential: CredentialOf<K>,
) => Found | Promise<Found>

/** How each kind of credential becomes a token: one line each. */
const authenticators: { readonly [K in Credential['kind']]: Authenticator<K> } = {
  none: () => undefined,
  token: ({ tokens }, { token }) => tokens.resolve(token),
}

function tokenOf<K extends Credential['kind']>(
  parts: AuthenticatingParts,
  credential: CredentialOf<K> & Credential,
): Found | Promise<Found> {
  return (authenticators[credential.kind] as Authenticator<K>)(parts, credential)
}

/** The valid token of a request's caller, if it may be used from the address of the request, and its entity is not disabled. */
export function authenticated(
  parts: AuthenticatingParts,
  { credential, client }: Pick<Request, 'credential' | 'client'>,
): Found | Promise<Found> {
  const found = tokenOf(parts, credential)
  if (found instanceof Promise) return found.then((token) => usable(parts, token, client.address))
  return usable(parts, found, client.address)
}

function usable(parts: AuthenticatingParts, token: Found, address: string): Found | Promise<Found> {
  if (!token || !parts.tokens.allowsAddress(token, address)) return undefined
  if (token.entityId === '') return token
  const found = parts.identities(token.namespace)?.principal(token.entityId)
  if (found instanceof Promise) return found.then((principal) => (isActive(principal) ? token : undefined))
  return isActive(found) ? token : undefined
}

/** An entity that was removed takes its tokens along. */
const isActive = (principal: Principal | undefined): boolean => principal !== undefined && !principal.entity.disabled
