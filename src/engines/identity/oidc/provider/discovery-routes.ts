import { f } from '../../../../contract/field.ts'
import { routesOf } from '../../../../contract/route.ts'
import { body } from '../../../../contract/wire/returns.ts'
import type { Identity } from '../../identity.ts'
import { mustExist } from '../../routes/shared.ts'
import { pathUrl } from '../issuer.ts'
import { canonicalName, nameField } from '../names.ts'
import { documentHeaders, keySet, keySetReturns } from '../published-keys.ts'
import { hasClients } from '../published.ts'
import { algorithmNames } from '../tokens/key-record.ts'
import { clientsOf } from './settings/client-record.ts'
import { allowsClient, providerNamed } from './settings/records.ts'
import { openid } from './settings/scope-routes.ts'
import { providerIssuer } from './tokens.ts'

const { read } = routesOf<Identity>()

const url = (about: string) => f.string(about)
const options = (about: string) => f.list(about)

/** The discovery documents of a provider. */
export const discoveryRoutes = [
  read('oidc/provider/:name/.well-known/openid-configuration', {
    about: 'The endpoints and abilities of a provider (OpenID Connect Discovery).',
    access: 'public',
    forEveryone: hasClients,
    canonical: canonicalName,
    fields: nameField('provider'),
    returns: body({
      issuer: url('The `iss` of its tokens.'),
      authorization_endpoint: url('The page where users log in.'),
      token_endpoint: url('Where clients exchange codes.'),
      userinfo_endpoint: url('Where clients read claims.'),
      jwks_uri: url('The address of its keys.'),
      request_parameter_supported: f.bool('Always false.'),
      request_uri_parameter_supported: f.bool('Always false.'),
      id_token_signing_alg_values_supported: options('The supported signature algorithms.'),
      response_types_supported: options('code.'),
      scopes_supported: options('The scopes that clients can ask for.'),
      claims_supported: options('Always empty: scopes decide.'),
      subject_types_supported: options('public.'),
      grant_types_supported: options('How clients get tokens.'),
      token_endpoint_auth_methods_supported: options('How clients authenticate.'),
      code_challenge_methods_supported: options('PKCE.'),
    }),
    handle: async ({ engine }, { name }) => document(engine, name),
  }),
  read('oidc/provider/:name/.well-known/keys', {
    about: 'The public keys that verify the tokens of a provider (a JWK set).',
    access: 'public',
    forEveryone: hasClients,
    canonical: canonicalName,
    fields: nameField('provider'),
    returns: keySetReturns,
    handle: async ({ engine }, { name }) => {
      const provider = mustExist(await providerNamed(engine.view, name))
      const allowed = (await clientsOf(engine.view)).filter(([, { id }]) => allowsClient(provider, id))
      return keySet(
        engine,
        allowed.map(([, { key }]) => key),
      )
    },
  }),
]

async function document(engine: Identity, name: string) {
  const provider = mustExist(await providerNamed(engine.view, name))
  const issuer = providerIssuer(engine, name, provider)
  return {
    data: {
      issuer,
      authorization_endpoint: `${pathUrl(engine, provider.issuer, 'ui/vault')}/provider/${name}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/.well-known/keys`,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
      id_token_signing_alg_values_supported: algorithmNames,
      response_types_supported: ['code'],
      scopes_supported: [...provider.scopes, openid],
      claims_supported: [],
      subject_types_supported: ['public'],
      grant_types_supported: ['authorization_code', 'client_credentials'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      code_challenge_methods_supported: ['plain', 'S256'],
    },
    headers: documentHeaders,
  }
}
