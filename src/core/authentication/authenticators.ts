import type { Identities, NamespaceId, Principal, TokenRecord } from '../../contract/identity.ts'
import type { Credential, CredentialOf, Request } from '../../contract/request.ts'
import type { TokenStore } from '../../tokens/store.ts'
import type { BearerTokens } from './bearer-tokens.ts'
import type { InlineLogins } from './inline-login.ts'

/** The parts of an unsealed server that authentication needs. */
export interface AuthenticatingParts {
  readonly tokens: Pick<TokenStore, 'resolve' | 'allowsAddress'>
  /** The identities of a namespace; undefined if the namespace no longer exists. */
  readonly identities: (namespace: NamespaceId) => Identities | undefined
  /** Absent: a login with the request is not performed. */
  readonly inlineLogins?: Pick<InlineLogins, 'token'>
  /** Absent: tokens of other issuers are not accepted. */
  readonly bearerTokens?: Pick<BearerTokens, 'token'>
}

/** The parts of a request for authentication. */
type RequestCredentials = Pick<
  Request,
  'path' | 'namespace' | 'credential' | 'protocol' | 'client' | 'certificates' | 'headers' | 'limits'
>

type Found = TokenRecord | undefined

/** Finds the valid token of a credential of one kind. Undefined: it is invalid. Synchronous if possible. */
type Authenticator<K extends Credential['kind']> = (
  parts: AuthenticatingParts,
  credential: CredentialOf<K>,
  request: RequestCredentials,
) => Found | Promise<Found>

/** How each kind of credential becomes a token: one line each. */
const authenticators: { readonly [K in Credential['kind']]: Authenticator<K> } = {
  none: () => undefined,
  // Our own tokens are checked first: they are never those of another issuer.
  token: ({ tokens, bearerTokens }, { token }, request) => {
    const found = tokens.resolve(token)
    if (!(found instanceof Promise)) return found
    return found.then(async (own) => own ?? bearerTokens?.token(token, request))
  },
  inline: async ({ inlineLogins }, credential, request) => inlineLogins?.token(credential, request),
}

function tokenOf<K extends Credential['kind']>(
  parts: AuthenticatingParts,
  credential: CredentialOf<K> & Credential,
  request: RequestCredentials,
): Found | Promise<Found> {
  return (authenticators[credential.kind] as Authenticator<K>)(parts, credential, request)
}

/** The valid token of a request's caller, if it may be used from the address of the request, and its entity is not disabled. */
export function authenticated(parts: AuthenticatingParts, request: RequestCredentials): Found | Promise<Found> {
  const { credential, client } = request
  const found = tokenOf(parts, credential, request)
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

/** The tokens of a removed entity are invalid. */
const isActive = (principal: Principal | undefined): boolean => principal !== undefined && !principal.entity.disabled
