import { f } from '../../../../contract/field.ts'
import type { Values } from '../../../../contract/field.ts'
import type { Principal } from '../../../../contract/identity.ts'
import type { Response } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Call } from '../../../../contract/route.ts'
import { body } from '../../../../contract/wire/returns.ts'
import type { Identity } from '../../identity.ts'
import { canonicalName, nameField } from '../names.ts'
import { isAssigned } from './assigned.ts'
import type { OidcClient } from './settings/client-record.ts'
import { clientById } from './settings/clients.ts'
import { newCode } from './codes.ts'
import type { Grant } from './codes.ts'
import { OAuthError, withOAuthErrors, errorMembers } from './oauth-error.ts'
import { allowsClient, providerNamed } from './settings/records.ts'
import { isRegistered } from './settings/redirect-uris.ts'
import { openid } from './settings/scope-routes.ts'

const { read, write } = routesOf<Identity>()

const fields = {
  response_type: f.string('code.').or(''),
  client_id: f.string('The id of the client.').or(''),
  redirect_uri: f.string('The URI to return the browser to; the client must have registered it.').or(''),
  scope: f.string('The requested scopes, separated by spaces, including openid.').or(''),
  state: f.string('Returned unchanged.').or(''),
  nonce: f.string('Becomes a claim of the ID token.').or(''),
  max_age: f.int('The maximum time since the login of the caller, seconds.').limiting(),
  code_challenge: f.string('PKCE: the challenge. Required for public clients.').or(''),
  code_challenge_method: f.string('PKCE: plain (the default) or S256.').or('plain'),
  request: f.string('Not supported.'),
  request_uri: f.string('Not supported.'),
}
type Request = Values<typeof fields>

/** `oidc/provider/:name/authorize`: a page requests a code for the user who is logged in. */
export const authorizeRoutes = [read, write].map((maker) =>
  maker('oidc/provider/:name/authorize', {
    about:
      'Get a code for a client, which exchanges it for tokens about the caller (OpenID Connect, authorization code flow).',
    canonical: canonicalName,
    fields: { ...nameField('provider'), ...fields },
    pure: false,
    neverRaw: true,
    returns: body({
      code: f.string('The code, valid for one use within five minutes.').secret(),
      state: f.string('The state of the request.'),
      ...errorMembers,
    }),
    handle: async (call, { name, ...request }) =>
      withOAuthErrors(
        async () => {
          const grant = await granted(call, name, request)
          return { data: { code: await newCode(call.engine, grant), state: request.state } }
        },
        ({ error, message }) => refusal(error, message, request.state),
      ),
  }),
)

const refusal = (error: string, description: string, state: string): Response => ({
  status: 400,
  data: { error, error_description: description, state },
})

const longest = { nonce: 1024, scope: 4096 } as const

/** The grant of a valid request. @throws OAuthError */
async function granted(call: Call<Identity>, name: string, request: Request): Promise<Omit<Grant, 'expiresAt'>> {
  const { engine } = call
  if (request.request !== undefined) throw new OAuthError('request_not_supported', 'request parameter is not supported')
  if (request.request_uri !== undefined)
    throw new OAuthError('request_uri_not_supported', 'request_uri parameter is not supported')
  const provider = await providerNamed(engine.view, name)
  if (!provider) throw new OAuthError('invalid_request', 'provider not found')
  const scopes = scopesOf(request).filter((scope) => scope === openid || provider.scopes.includes(scope))
  if (request.response_type === '') throw new OAuthError('invalid_request', 'response_type parameter is required')
  if (request.response_type !== 'code')
    throw new OAuthError('unsupported_response_type', 'unsupported response_type value')
  const client = await clientOf(engine, request)
  if (!allowsClient(provider, client.id))
    throw new OAuthError('unauthorized_client', 'client is not authorized to use the provider')
  if (!client.authorizationCode)
    throw new OAuthError('invalid_grant', 'client not allowed to perform authorization code credential flow')
  if (request.nonce.length > longest.nonce)
    throw new OAuthError('invalid_request', `nonce has ${longest.nonce} characters at most`)
  const pkce = challengeOf(call, request, client)
  const authTime = authTimeOf(call, request)
  const { entity } = await callerOf(call, client)
  return {
    provider: name,
    ...(provider.id !== undefined && { providerId: provider.id }),
    client: client.id,
    entity: entity.id,
    redirectUri: request.redirect_uri,
    scopes,
    nonce: request.nonce,
    authTime,
    ...pkce,
  }
}

/** The scopes of a request. @throws OAuthError unless they include openid */
export function scopesOf({ scope }: { readonly scope: string }): readonly string[] {
  const scopes = scope.length > longest.scope ? [] : scope.split(' ').filter((one) => one !== '')
  if (!scopes.includes(openid))
    throw new OAuthError('invalid_request', 'scope parameter must contain the "openid" value')
  return [...new Set(scopes)]
}

async function clientOf(engine: Identity, request: Request): Promise<OidcClient> {
  if (request.client_id === '') throw new OAuthError('invalid_client_id', 'client_id parameter is required')
  const client = await clientById(engine, request.client_id)
  if (!client) throw new OAuthError('invalid_client_id', 'client with client_id not found')
  if (request.redirect_uri === '') throw new OAuthError('invalid_request', 'redirect_uri parameter is required')
  if (!isRegistered(client.redirectUris, request.redirect_uri))
    throw new OAuthError('invalid_redirect_uri', 'redirect_uri is not allowed for the client')
  return client
}

/** A challenge (RFC 7636 4.2). */
const isChallenge = (text: string): boolean => /^[A-Za-z0-9._~-]{43,128}$/.test(text)

function challengeOf(
  { isGiven }: Call<Identity>,
  request: Request,
  { type }: OidcClient,
): Pick<Grant, 'challenge' | 'challengeMethod'> {
  const { code_challenge: challenge, code_challenge_method: method } = request
  const isUsed = isGiven('code_challenge') || isGiven('code_challenge_method')
  if (!isUsed && type === 'public') throw new OAuthError('invalid_request', 'PKCE is required for public clients')
  if (!isUsed) return { challenge: '', challengeMethod: 'plain' }
  if (method !== 'plain' && method !== 'S256') throw new OAuthError('invalid_request', 'invalid code_challenge_method')
  if (!isChallenge(challenge)) throw new OAuthError('invalid_request', 'invalid code_challenge')
  return { challenge, challengeMethod: method }
}

/**
 * The time of the caller's login, epoch seconds; null unless the client requests it. Only a token of a login has this time: a
 * token that another token created is younger than the login.
 * @throws OAuthError if the login is older than the client accepts
 */
function authTimeOf({ engine, caller }: Call<Identity>, { max_age: maxAge }: Request): number | null {
  if (maxAge === undefined) return null
  if (maxAge <= 0) throw new OAuthError('invalid_request', 'max_age must be greater than zero')
  const { token } = caller
  if (token?.mount === undefined || engine.clock.now() > token.issuedAt + maxAge * 1000)
    throw new OAuthError('max_age_violation', 'active re-authentication is required by max_age')
  return Math.floor(token.issuedAt / 1000)
}

async function callerOf({ engine, caller }: Call<Identity>, client: OidcClient): Promise<Principal> {
  const { principal, token } = caller
  if (!principal || token?.namespace !== engine.namespace)
    throw new OAuthError('access_denied', 'identity entity must be associated with the request')
  if (!(await isAssigned(engine.view, client, principal)))
    throw new OAuthError('access_denied', 'identity entity not authorized by client assignment')
  return principal
}
