import { Fault, refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import type { Login } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { newToken } from '../../../contract/wire/returns.ts'
import type { Client, Config } from '../config.ts'
import type { Discovery } from '../keys/issuer.ts'
import { configOf, loginOf, mustBeUnchanged, roleNameOf, roleOf } from '../login.ts'
import type { Jwt } from '../mount.ts'
import type { Role } from '../role.ts'
import { claimsOfCode } from './exchange.ts'
import type { BrowserLogin } from './state.ts'
import { complete, mustBeUnused } from './used.ts'

const { read, write } = routesOf<Jwt>()

const callbackFields = {
  state: f.string('The state that the provider sent back.').or(''),
  code: f.string('The code that the provider sent.').secret().or(''),
  client_nonce: f.string('The client_nonce that the login was begun with.').or(''),
  error: f.string('Why the provider refused the login.').or(''),
  error_description: f.string('The same in words.').or(''),
  error_uri: f.string('A page about it. Ignored.').or(''),
}

/** `oidc/auth_url` and `oidc/callback`. */
export const oidcRoutes = [
  write('oidc/auth_url', {
    about: 'Begin a login in a browser.',
    access: 'public',
    pure: true,
    fields: {
      role: f.string('The role; default_role when left out.').or(''),
      redirect_uri: f.string('Where the provider sends the browser back to: one of allowed_redirect_uris.').or(''),
      client_nonce: f.string('A random string that the callback must repeat.').or(''),
    },
    // `bao login` takes a member `state` for a sign that the provider sends the browser back to the server itself.
    returns: { auth_url: f.string('The address for the browser. Its state is that of the callback.') },
    handle: async ({ engine }, { role: wanted, redirect_uri: redirectUri, client_nonce: nonce }) => {
      const config = await configOf(engine)
      const name = roleNameOf(config, wanted)
      if (redirectUri === '') throw refuse('missing redirect_uri')
      if (nonce.length > longestNonce) throw refuse(`client_nonce has at most ${longestNonce} characters`)
      const role = await browserRole(engine, name, redirectUri)
      const { client, discovery } = await clientOf(engine, config)
      const { state, login } = engine.states.begin(name, redirectUri, nonce)
      return answer({ auth_url: authUrl(discovery, client, role, { state, login }) })
    },
  }),
  ...[read, write].map((maker) =>
    maker('oidc/callback', {
      about: 'Complete a login in a browser.',
      access: 'public',
      pure: false,
      fields: callbackFields,
      returns: newToken,
      handle: async ({ engine }, values) => {
        const { state, code, client_nonce: nonce, error, error_description: why } = values
        if (error !== '') throw refuse(`the provider refused the login: ${printable(error)}${why === '' ? '' : `, ${printable(why)}`}`) // prettier-ignore
        if (state === '') throw refuse('missing state')
        if (code === '') throw refuse('missing code')
        return { login: await finish(engine, engine.states.read(state, nonce), code) }
      },
    }),
  ),
]

const longestNonce = 512

/** An error message from an unknown source, reduced to harmless characters for pages and terminals. */
const printable = (text: string): string => text.slice(0, 200).replace(/[^\w .,:;()-]/g, '?')

/** @throws Fault invalid_request when the role is not for browsers, or for another address */
async function browserRole(engine: Jwt, name: string, redirectUri: string): Promise<Role> {
  const role = await roleOf(engine, name)
  if (role.type !== 'oidc') throw refuse(`role "${name}" is not for browsers: its role_type is ${role.type}`)
  if (!role.redirectUris?.includes(redirectUri))
    throw refuse(`the redirect_uri is none of the allowed_redirect_uris of role "${name}"`)
  return role
}

/** @throws Fault invalid_request when the mount is not configured for browsers */
async function clientOf(
  engine: Jwt,
  config: Config,
): Promise<{ readonly client: Client; readonly discovery: Discovery }> {
  if (!config.client) throw refuse('logins in a browser are not configured: set oidc_client_id and oidc_client_secret')
  const discovery = await engine.sourceOf(config).discovery()
  if (!discovery) throw new Fault('internal', 'internal error')
  return { client: config.client, discovery }
}

function authUrl(
  { authorization_endpoint: endpoint }: Discovery,
  { id, responseMode }: Client,
  { scopes, maxAge }: Role,
  { state, login }: { readonly state: string; readonly login: BrowserLogin },
): string {
  if (endpoint === undefined) throw new Fault('unavailable', 'the provider has no authorization endpoint')
  const url = new URL(endpoint)
  const parameters: Readonly<Record<string, string>> = {
    client_id: id,
    response_type: 'code',
    redirect_uri: login.redirectUri,
    scope: [...new Set(['openid', ...(scopes ?? [])])].join(' '),
    state,
    nonce: login.nonce,
    code_challenge: login.challenge,
    code_challenge_method: 'S256',
    ...(responseMode !== '' && { response_mode: responseMode }),
    ...(maxAge > 0 && { max_age: String(maxAge) }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/** Exchanges the code, once, and checks the token with the current role. @throws Fault */
async function finish(engine: Jwt, login: BrowserLogin, code: string): Promise<Login> {
  await mustBeUnused(engine.view, login)
  const config = await configOf(engine)
  await browserRole(engine, login.role, login.redirectUri)
  const { client, discovery } = await clientOf(engine, config)
  const claims = await claimsOfCode({ engine, config, client, discovery }, login, code)
  await complete(engine.view, login)
  await mustBeUnchanged(engine, config)
  const role = await browserRole(engine, login.role, login.redirectUri)
  return loginOf(engine, login.role, role, claims, client.id)
}
