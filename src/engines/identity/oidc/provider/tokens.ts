import { createHash, hash } from 'node:crypto'
import { Fault } from '../../../../contract/fault.ts'
import type { Principal } from '../../../../contract/identity.ts'
import { signedToken } from '../../../../crypto/jwt/sign.ts'
import { sameText } from '../../../../util/bytes.ts'
import type { Identity } from '../../identity.ts'
import { pathUrl } from '../issuer.ts'
import { signsFor } from '../tokens/key-record.ts'
import type { OidcKey } from '../tokens/key-record.ts'
import { signingKey } from '../tokens/key-ring.ts'
import { usableKey } from '../tokens/keys.ts'
import { isAssigned } from './assigned.ts'
import { claimsOfScopes } from './claims.ts'
import type { OidcClient } from './settings/client-record.ts'
import { takeGrant } from './codes.ts'
import type { Grant } from './codes.ts'
import { OAuthError } from './oauth-error.ts'
import type { OidcProvider } from './settings/records.ts'

/** The parties of an exchange. */
interface Parties {
  readonly engine: Identity
  /** The name of the provider. */
  readonly name: string
  readonly provider: OidcProvider
  readonly client: OidcClient
}

/** The parameters that a client sends with its code. */
interface Exchange {
  readonly code: string
  readonly redirectUri: string
  readonly verifier: string
}

/** The tokens of a response. Names as in RFC 6749. */
export interface Tokens {
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Seconds. */
  readonly expires_in: number
  readonly id_token?: string
}

/** The `iss` of a provider. @throws Fault invalid_request if the address of the server is not configured */
export const providerIssuer = (engine: Identity, name: string, { issuer }: OidcProvider): string =>
  `${pathUrl(engine, issuer)}/provider/${name}`

/** Exchanges a code for tokens. The code is used up even if the exchange fails. @throws OAuthError */
export async function tokensOfCode(parties: Parties, exchange: Exchange): Promise<Tokens> {
  const { engine, name, provider, client } = parties
  if (!client.authorizationCode)
    throw new OAuthError('invalid_grant', 'client not allowed to perform authorization code credential flow')
  if (exchange.code === '') throw new OAuthError('invalid_request', 'code parameter is required')
  const grant = await takeGrant(engine, exchange.code)
  if (!grant) throw new OAuthError('invalid_grant', 'authorization grant is invalid or expired')
  checkGrant(grant, parties, exchange)
  const principal = await engine.principal(grant.entity)
  if (!principal || !(await isAssigned(engine.view, client, principal)))
    throw new OAuthError('invalid_request', 'identity entity not authorized by client assignment')
  const key = await keyOf(engine, client)
  const now = Math.floor(engine.clock.now() / 1000)
  const found = await claimsOfScopes(engine.view, provider, grant.scopes, { principal, now })
  if ('conflict' in found) throw conflicting(found.conflict)
  const issuer = providerIssuer(engine, name, provider)
  const accessToken = await engine.access.issue({
    provider: name,
    ...(provider.id !== undefined && { providerId: provider.id }),
    client: client.id,
    entity: principal.entity.id,
    scopes: grant.scopes,
    expiresAt: (now + client.accessTokenTtl) * 1000,
  })
  const hashes = { at_hash: halfHash(key, accessToken), c_hash: halfHash(key, exchange.code) }
  const claims = { ...found.claims, ...hashes, ...idClaims({ engine, client, grant, principal, issuer, now }) }
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: client.accessTokenTtl,
    id_token: await signedToken(claims, signingKey(key)),
  }
}

/** The error for scopes that set the same claim. */
export const conflicting = ({
  claim,
  scopes: [a, b],
}: {
  readonly claim: string
  readonly scopes: readonly [string, string]
}) =>
  new OAuthError(
    'invalid_request',
    `found scopes with conflicting top-level claim: claim "${claim}" in scopes "${a}", "${b}"`,
  )

/** Checks that the code was issued for this exchange. @throws OAuthError */
function checkGrant(grant: Grant, { name, provider, client }: Parties, { redirectUri, verifier }: Exchange): void {
  const { challenge, challengeMethod } = grant
  if (grant.client !== client.id)
    throw new OAuthError('invalid_grant', 'authorization code was not issued to the client')
  if (grant.provider !== name || grant.providerId !== provider.id)
    throw new OAuthError('invalid_grant', 'authorization code was not issued by the provider')
  if (grant.redirectUri !== redirectUri)
    throw new OAuthError(
      'invalid_grant',
      'redirect_uri does not match the redirect_uri used in the authorization request',
    )
  if (challenge === '' && verifier !== '')
    throw new OAuthError('invalid_request', 'unexpected code_verifier for token exchange')
  if (challenge === '' && client.type === 'confidential') return
  if (verifier === '') throw new OAuthError('invalid_request', 'expected code_verifier for token exchange')
  const shown = challengeMethod === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier
  if (challenge === '' || !sameText(shown, challenge))
    throw new OAuthError('invalid_grant', 'invalid code_verifier for token exchange')
}

/** @throws OAuthError if the key must not sign for the client */
async function keyOf(engine: Identity, client: OidcClient): Promise<OidcKey> {
  const key = await usableKey(engine, client.key)
  if (!key) throw new Fault('internal', 'internal error')
  if (!signsFor(key, client.id)) throw new OAuthError('invalid_client', 'client is not authorized to use the key')
  return key
}

function idClaims({
  engine,
  client,
  grant: { nonce, authTime },
  principal,
  issuer,
  now,
}: {
  readonly engine: Identity
  readonly client: OidcClient
  readonly grant: Grant
  readonly principal: Principal
  readonly issuer: string
  readonly now: number
}): Readonly<Record<string, unknown>> {
  return {
    iss: issuer,
    namespace: engine.namespace,
    sub: principal.entity.id,
    aud: client.id,
    iat: now,
    exp: now + client.idTokenTtl,
    ...(nonce !== '' && { nonce }),
    ...(authTime !== null && { auth_time: authTime }),
  }
}

/** The left half of a hash, which identifies a code or an access token in an ID token (OpenID Connect Core, 3.1.3.6). */
function halfHash({ algorithm }: OidcKey, text: string): string {
  const digest = hash(algorithm === 'EdDSA' ? 'sha512' : `sha${algorithm.slice(2)}`, text, 'buffer')
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

/** A token about the client itself (RFC 6749, 4.4): a JWT. @throws OAuthError */
export async function tokenOfClient({ engine, name, provider, client }: Parties): Promise<Tokens> {
  if (!client.clientCredentials || client.type === 'public')
    throw new OAuthError('unauthorized_client', 'client not allowed to perform client credentials flow')
  const key = await keyOf(engine, client)
  const now = Math.floor(engine.clock.now() / 1000)
  const claims = {
    iss: providerIssuer(engine, name, provider),
    namespace: engine.namespace,
    sub: client.id,
    aud: client.id,
    iat: now,
    exp: now + client.accessTokenTtl,
    jti: engine.uuid(),
  }
  return {
    access_token: await signedToken(claims, signingKey(key)),
    token_type: 'Bearer',
    expires_in: client.accessTokenTtl,
  }
}
