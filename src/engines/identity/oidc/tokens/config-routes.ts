import { f } from '../../../../contract/field.ts'
import { answer, done } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import { body } from '../../../../contract/wire/returns.ts'
import type { Identity } from '../../identity.ts'
import { configureIssuer, configuredIssuer, issuerWarning, tokenIssuer } from '../issuer.ts'
import { documentHeaders, keySet, keySetReturns } from '../published-keys.ts'
import { hasRoles } from '../published.ts'
import { keysOfRoles } from './introspect.ts'
import { algorithmNames } from './key-record.ts'

const { read, write } = routesOf<Identity>()

const settings = {
  issuer: f.string('Scheme, host and port of the `iss` of identity tokens; empty: those of the server.'),
}

/** `oidc/config`, and the documents for verifying identity tokens. */
export const configRoutes = [
  read('oidc/config', {
    about: 'Read the settings of identity tokens.',
    returns: settings,
    handle: async ({ engine }) => answer({ issuer: await configuredIssuer(engine.view) }),
  }),
  write('oidc/config', {
    about: 'Set the issuer of identity tokens.',
    fields: settings,
    handle: async ({ engine }, { issuer }) => {
      if (issuer !== undefined) await configureIssuer(engine.view, issuer)
      return done(issuer ? [issuerWarning] : [])
    },
  }),
  read('oidc/.well-known/openid-configuration', {
    about: 'The issuer of identity tokens and the address of its keys (OpenID Connect Discovery).',
    access: 'public',
    forEveryone: hasRoles,
    returns: body({
      issuer: f.string('The `iss` of its tokens.'),
      jwks_uri: f.string('The address of its keys.'),
      response_types_supported: f.list('id_token.'),
      subject_types_supported: f.list('public.'),
      id_token_signing_alg_values_supported: f.list('The supported signature algorithms.'),
    }),
    handle: async ({ engine }) => {
      const issuer = await tokenIssuer(engine)
      return {
        data: {
          issuer,
          jwks_uri: `${issuer}/.well-known/keys`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: algorithmNames,
        },
        headers: documentHeaders,
      }
    },
  }),
  read('oidc/.well-known/keys', {
    about: 'The public keys that verify identity tokens (a JWK set).',
    access: 'public',
    forEveryone: hasRoles,
    returns: keySetReturns,
    handle: async ({ engine }) => keySet(engine, await keysOfRoles(engine)),
  }),
]
