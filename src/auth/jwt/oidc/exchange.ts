import { Fault, refuse } from '../../../contract/fault.ts'
import { sameText } from '../../../util/bytes.ts'
import { isObject } from '../../../util/stored/shape.ts'
import type { Client, Config } from '../config.ts'
import type { Discovery } from '../keys/issuer.ts'
import { Provider, ProviderError } from '../../../util/http/provider.ts'
import { claimsOf } from '../login.ts'
import type { Jwt } from '../mount.ts'
import { invalidToken } from '../../../crypto/jwt/token.ts'
import type { Claims } from '../../../crypto/jwt/token.ts'
import type { BrowserLogin } from './state.ts'

/** The parties of an exchange. */
interface Parties {
  readonly engine: Jwt
  readonly config: Config
  readonly client: Client
  readonly discovery: Discovery
}

/** The most concurrent exchanges: requests with forged codes cannot flood the provider. */
const mostExchanges = 32

/** The claims of the user, from the provider's response to a code. @throws Fault */
export async function claimsOfCode(parties: Parties, login: BrowserLogin, code: string): Promise<Claims> {
  const { exchanges } = parties.engine
  if (exchanges.running >= mostExchanges) throw new Fault('unavailable', 'too many logins at once: try again')
  exchanges.running++
  try {
    return await Provider.ask(parties.engine.clock, async (provider) => {
      const { idToken, accessToken } = await tokensOf(provider, parties, login, code)
      const claims = await idClaimsOf(parties, login, idToken)
      return { ...(await userInfoOf(provider, parties, accessToken, claims)), ...claims }
    })
  } catch (thrown) {
    if (!(thrown instanceof ProviderError)) throw thrown
    parties.engine.log.warn('a provider did not complete a login', { why: thrown.message })
    // 400 and 401 are the provider's refusal of the code or of our client; all other statuses are failures.
    if (thrown.status === 400 || thrown.status === 401)
      throw refuse('the provider did not accept the code: begin again')
    throw new Fault('unavailable', 'the provider cannot be asked for a token now: try again; see the server log for the reason') // prettier-ignore
  } finally {
    exchanges.running--
  }
}

async function idClaimsOf({ engine, config, client }: Parties, login: BrowserLogin, idToken: string): Promise<Claims> {
  const claims = await claimsOf(engine, config, idToken)
  const { nonce, azp } = claims
  if (typeof nonce !== 'string' || !sameText(nonce, login.nonce)) throw invalidToken('it is of another login ("nonce")')
  if (azp !== undefined && azp !== client.id) throw invalidToken('it is for another client ("azp")')
  return claims
}

interface Tokens {
  readonly idToken: string
  /** Empty: none. */
  readonly accessToken: string
}

async function tokensOf(
  provider: Provider,
  { config, client, discovery }: Parties,
  login: BrowserLogin,
  code: string,
): Promise<Tokens> {
  const url = discovery.token_endpoint
  if (url === undefined) throw new ProviderError('it has no token endpoint')
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: login.redirectUri,
    code_verifier: login.verifier,
    ...(discovery.secretInForm && { client_id: client.id, client_secret: client.secret }),
  }).toString()
  const headers = discovery.secretInForm ? {} : { Authorization: basic(client) }
  const response = await provider.json({ url, ca: config.remote?.ca ?? '', form, headers })
  const { id_token: idToken, access_token: accessToken } = isObject(response) ? response : {}
  if (typeof idToken !== 'string') throw new ProviderError('the response has no id_token')
  return { idToken, accessToken: typeof accessToken === 'string' ? accessToken : '' }
}

/** Claims that only a signed token can have. */
const ofTokens = new Set(['iss', 'aud', 'azp', 'exp', 'nbf', 'iat', 'jti', 'nonce', 'auth_time', 'acr', 'amr'])

/** Further claims from the userinfo endpoint (OpenID Connect Core, 5.3). The ID token takes precedence. */
async function userInfoOf(
  provider: Provider,
  { config, discovery }: Parties,
  accessToken: string,
  { sub }: Claims,
): Promise<Claims> {
  const url = discovery.userinfo_endpoint
  if (url === undefined || !/^[\w.~+/-]+=*$/.test(accessToken)) return {}
  const headers = { Authorization: `Bearer ${accessToken}` }
  const info = await provider.json({ url, ca: config.remote?.ca ?? '', headers }).catch((thrown: Error) => {
    // Whatever the status is, it does not concern the code.
    throw new ProviderError(`its user info: ${thrown.message}`)
  })
  if (!isObject(info) || sub === undefined || info['sub'] !== sub)
    throw invalidToken('the user info is of another user')
  return Object.fromEntries(Object.entries(info).filter(([name]) => !ofTokens.has(name)))
}

/** RFC 6749, 2.3.1: both are encoded as in a form first. */
function basic({ id, secret }: Client): string {
  const encoded = [id, secret].map((text) => new URLSearchParams({ x: text }).toString().slice(2))
  return `Basic ${Buffer.from(encoded.join(':')).toString('base64')}`
}
