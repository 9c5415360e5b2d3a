import { f } from '../../../../contract/field.ts'
import type { Response } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Call } from '../../../../contract/route.ts'
import { body, otherMembers } from '../../../../contract/wire/returns.ts'
import type { Identity } from '../../identity.ts'
import { canonicalName, nameField } from '../names.ts'
import { hasClients } from '../published.ts'
import { isAssigned } from './assigned.ts'
import { claimsOfScopes } from './claims.ts'
import { clientById } from './settings/clients.ts'
import { OAuthError, withOAuthErrors, errorMembers } from './oauth-error.ts'
import { allowsClient, providerNamed } from './settings/records.ts'
import { conflicting } from './tokens.ts'

const { read, write } = routesOf<Identity>()

/** `oidc/provider/:name/userinfo`. Its token is the access token of a client, not a token of this server. */
export const userinfoRoutes = [read, write].map((maker) =>
  maker('oidc/provider/:name/userinfo', {
    about: 'The claims of the user of an access token. The token is sent as a Bearer token.',
    access: 'public',
    forEveryone: hasClients,
    canonical: canonicalName,
    fields: nameField('provider'),
    pure: true,
    neverRaw: true,
    returns: body({
      sub: f.string('The id of the entity.'),
      [otherMembers]: f.any('The claims of the scopes.'),
      ...errorMembers,
    }),
    handle: async (call, { name }) => withOAuthErrors(async () => ({ data: await claimsFor(call, name) }), failed),
  }),
)

/** RFC 6750, 3. */
function failed({ error, message }: OAuthError): Response {
  const isToken = error === 'invalid_token'
  return {
    status: isToken ? 401 : 400,
    data: { error, error_description: message },
    ...(isToken && { headers: { 'WWW-Authenticate': `Bearer error="${error}",error_description="${message}"` } }),
  }
}

async function claimsFor(
  { engine, request }: Call<Identity>,
  name: string,
): Promise<Readonly<Record<string, unknown>>> {
  const header = request.headers['authorization']
  const token = typeof header === 'string' && header.startsWith('Bearer ') ? header.slice('Bearer '.length).trim() : ''
  if (token === '') throw new OAuthError('invalid_token', 'access token must be sent as a Bearer token')
  const access = await engine.access.read(token)
  const provider = await providerNamed(engine.view, name)
  const client = access && (await clientById(engine, access.client))
  const principal = access && (await engine.principal(access.entity))
  // The same answer for all of them, so that it does not reveal which of them has changed.
  if (!access || !provider || !client || !principal || !allowsClient(provider, client.id))
    throw new OAuthError('invalid_token', 'permission denied')
  const isSame = access.provider === name && access.providerId === provider.id
  if (!isSame || !(await isAssigned(engine.view, client, principal)))
    throw new OAuthError('invalid_token', 'permission denied')
  const now = Math.floor(engine.clock.now() / 1000)
  const found = await claimsOfScopes(engine.view, provider, access.scopes, { principal, now })
  if ('conflict' in found) throw conflicting(found.conflict)
  return { ...found.claims, sub: principal.entity.id }
}
