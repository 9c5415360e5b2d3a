import { Fault } from '../../../../../contract/fault.ts'
import { f } from '../../../../../contract/field.ts'
import { answer, done } from '../../../../../contract/response.ts'
import { routesOf } from '../../../../../contract/route.ts'
import { pageFields } from '../../../../../contract/wire/page.ts'
import type { Identity } from '../../../identity.ts'
import { infoOf, listed, mustExist, recordsIn } from '../../../routes/shared.ts'
import { atOidc, canonicalName, nameField } from '../../names.ts'
import { clientShape } from './client-record.ts'
import type { OidcClient } from './client-record.ts'
import { removeClient, setClient } from './clients.ts'

const { read, list, write, remove } = routesOf<Identity>()

const name = nameField('client')
const settings = {
  redirect_uris: f.list(
    'The URIs to which browsers may return. They must match exactly, except for the port of a loopback address.',
  ),
  assignments: f.list('The assignments of the users that may log in; allow_all: every user.'),
  key: f.string('The signing key of its tokens. Cannot be changed later.').initially('default'),
  client_type: f.string('confidential, with a secret; or public, with PKCE. Cannot be changed later.').initially('confidential'), // prettier-ignore
  id_token_ttl: f.duration('The TTL of its ID tokens; at most the verification_ttl of the key.').limiting().initially(86_400), // prettier-ignore
  access_token_ttl: f.duration('The TTL of its access tokens.').limiting().initially(86_400),
  authorization_code: f.bool('Allow users to log in.').initially(true),
  client_credentials: f.bool('Allow tokens about the client itself.').initially(false),
}

/** `oidc/client`: the applications whose users log in here. */
export const clientRoutes = [
  list('oidc/client', {
    about: 'List clients.',
    fields: pageFields,
    returns: listed,
    handle: async ({ engine }, page) => {
      const found = await recordsIn(engine.view, 'oidc-client/', clientShape, page)
      if (found.length === 0) throw new Fault('not_found', 'no clients')
      return answer(infoOf(found.map(([key, client]) => [key, shown(client)])))
    },
  }),
  read('oidc/client/:name', {
    about: 'Read a client, with its secret.',
    canonical: canonicalName,
    fields: name,
    neverRaw: true,
    returns: {
      ...settings,
      client_id: f.string('Its id.'),
      client_secret: f.string('Its secret; absent for public clients.').secret(),
    },
    handle: async ({ engine }, { name: named }) => {
      const client = mustExist(await engine.view.get(atOidc.client(named), clientShape))
      return answer({ ...shown(client), ...(client.type === 'confidential' && { client_secret: client.secret }) })
    },
  }),
  write('oidc/client/:name', {
    about: 'Create or change a client. The id and the secret of a new client are generated; a read returns them.',
    canonical: canonicalName,
    fields: { ...name, ...settings },
    exists: async ({ engine }, { name: named = '' }) =>
      (await engine.view.get(atOidc.client(named), clientShape)) !== undefined,
    handle: async ({ engine, confirm }, { name: named, ...values }) => {
      const change = {
        type: values.client_type,
        key: values.key,
        redirectUris: values.redirect_uris,
        assignments: values.assignments,
        idTokenTtl: values.id_token_ttl,
        accessTokenTtl: values.access_token_ttl,
        authorizationCode: values.authorization_code,
        clientCredentials: values.client_credentials,
      }
      await setClient(engine, named, change, confirm)
      return done()
    },
  }),
  remove('oidc/client/:name', {
    about: 'Remove a client. Its access tokens are refused from then on.',
    canonical: canonicalName,
    fields: name,
    handle: async ({ engine }, { name: named }) => {
      await removeClient(engine, named)
      return done()
    },
  }),
]

function shown(client: OidcClient): Readonly<Record<string, unknown>> {
  return {
    client_id: client.id,
    client_type: client.type,
    key: client.key,
    redirect_uris: client.redirectUris,
    assignments: client.assignments,
    id_token_ttl: client.idTokenTtl,
    access_token_ttl: client.accessTokenTtl,
    authorization_code: client.authorizationCode,
    client_credentials: client.clientCredentials,
  }
}
