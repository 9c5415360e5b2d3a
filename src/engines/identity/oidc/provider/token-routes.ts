import { f } from '../../../../contract/field.ts'
import type { Values } from '../../../../contract/field.ts'
import type { Response } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Call } from '../../../../contract/route.ts'
import { body } from '../../../../contract/wire/returns.ts'
import type { Identity } from '../../identity.ts'
import { canonicalName, nameField } from '../names.ts'
import { hasClients } from '../published.ts'
import { scopesOf } from './authorize-routes.ts'
import { authenticatedClient } from './client-authentication.ts'
import { OAuthError, withOAuthErrors, errorMembers } from './oauth-error.ts'
import { allowsClient, providerNamed } from './settings/records.ts'
import { tokenOfClient, tokensOfCode } from './tokens.ts'
import type { Tokens } from './tokens.ts'

const { write } = routesOf<Identity>()

const fields = {
  grant_type: f.string('authorization_code or client_credentials.').or(''),
  code: f.string('The code, as received from the browser.').secret().or(''),
  redirect_uri: f.string('The redirect URI of the request for the code.').or(''),
  code_verifier: f.string('PKCE: the verifier of the challenge.').secret().or(''),
  client_id: f.string('The id of the client, unless it is sent by HTTP Basic.').or(''),
  client_secret: f.string('The secret of the client, unless it is sent by HTTP Basic.').secret().or(''),
  scope: f.string('With client_credentials: openid.').or(''),
}

/** `oidc/provider/:name/token`. The client authenticates itself, without a token of this server. */
export const tokenRoutes = [
  write('oidc/provider/:name/token', {
    about: 'Exchange a code for an access token and an ID token, or get a token about the client itself.',
    access: 'public',
    forEveryone: hasClients,
    canonical: canonicalName,
    fields: { ...nameField('provider'), ...fields },
    neverRaw: true,
    returns: body({
      access_token: f.string('The token for the user info endpoint; with client_credentials, a JWT.').secret(),
      token_type: f.string('Bearer.'),
      expires_in: f.int('The TTL of the access token, seconds.'),
      id_token: f.string('A JWT about the user.').secret(),
      ...errorMembers,
    }),
    handle: async (call, { name, ...form }) => {
      const headers = { Pragma: 'no-cache' }
      return withOAuthErrors(async () => ({ data: { ...(await tokensFor(call, name, form)) }, headers }), failed)
    },
  }),
]

/** The challenge for a client that is not authenticated (RFC 6749, 5.2). */
function failed({ error, message }: OAuthError): Response {
  const isClient = error === 'invalid_client'
  return {
    status: isClient ? 401 : 400,
    data: { error, error_description: message },
    headers: { Pragma: 'no-cache', ...(isClient && { 'WWW-Authenticate': 'Basic' }) },
  }
}

async function tokensFor(call: Call<Identity>, name: string, form: Values<typeof fields>): Promise<Tokens> {
  const { engine, request } = call
  const provider = await providerNamed(engine.view, name)
  if (!provider) throw new OAuthError('invalid_request', 'provider not found')
  const client = await authenticatedClient(engine, request, { id: form.client_id, secret: form.client_secret })
  if (!allowsClient(provider, client.id))
    throw new OAuthError('invalid_client', 'client is not authorized to use the provider')
  const parties = { engine, name, provider, client }
  if (form.grant_type === 'authorization_code')
    return tokensOfCode(parties, { code: form.code, redirectUri: form.redirect_uri, verifier: form.code_verifier })
  if (form.grant_type !== 'client_credentials')
    throw new OAuthError('unsupported_grant_type', 'unsupported grant_type or parameter is empty value')
  scopesOf(form)
  return tokenOfClient(parties)
}
