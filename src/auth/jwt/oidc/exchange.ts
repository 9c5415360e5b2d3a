import { Fault, refuse } from '../../../contract/fault.ts'
import { isObject } from '../../../util/stored/shape.ts'
import type { Client, Config } from '../config.ts'
import type { Discovery } from '../keys/issuer.ts'
import { Provider, ProviderError } from '../keys/provider.ts'
import { claimsOf } from '../login.ts'
import type { Jwt } from '../mount.ts'
import { invalidToken } from '../token.ts'
import type { Claims } from '../token.ts'
import { areEqual } from './state.ts'
import type { BrowserLogin } from './state.ts'

/** The parties of an exchange. */
export interface Parties {
  readonly engine: Jwt
  readonly config: Config
  readonly client: Client
  readonly discovery: Discovery
}

/** The claims of the ID token that the provider gives for a code. @throws Fault */
export async function claimsOfCode(parties: Parties, login: BrowserLogin, code: string): Promise<Claims> {
  const { engine, config, client } = parties
  const claims = await claimsOf(engine, config, await idTokenOf(parties, login, code))
  const { nonce, azp } = claims
  if (typeof nonce !== 'string' || !areEqual(nonce, login.nonce)) throw invalidToken('it is of another login ("nonce")')
  if (azp !== undefined && azp !== client.id) throw invalidToken('it is for another client ("azp")')
  return claims
}

/** The most exchanges at a time: strangers with made-up codes make no storm of requests. */
const mostExchanges = 32

async function idTokenOf(
  { engine, config, client, discovery }: Parties,
  login: BrowserLogin,
  code: string,
): Promise<string> {
  const url = discovery.token_endpoint
  if (url === undefined) throw new Fault('unavailable', 'the provider has no token endpoint')
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: login.redirectUri,
    code_verifier: login.verifier,
    ...(discovery.secretInForm && { client_id: client.id, client_secret: client.secret }),
  }).toString()
  const headers = discovery.secretInForm ? {} : { Authorization: basic(client) }
  const request = { url, ca: config.remote?.ca ?? '', form, headers }
  const { exchanges } = engine
  if (exchanges.running >= mostExchanges) throw new Fault('unavailable', 'too many logins at once: try again')
  exchanges.running++
  try {
    const response = await Provider.ask(engine.clock, async (provider) => provider.json(request))
    const token = isObject(response) ? response['id_token'] : undefined
    if (typeof token !== 'string') throw new ProviderError('the response has no id_token')
    return token
  } catch (thrown) {
    if (!(thrown instanceof ProviderError)) throw thrown
    engine.log.warn('a provider did not give a token for a code', { why: thrown.message })
    // 400 and 401 are its word on the code and on us; anything else is a failure.
    if (thrown.status === 400 || thrown.status === 401)
      throw refuse('the provider did not accept the code: begin again')
    throw new Fault('unavailable', 'the provider cannot be asked for a token now: try again; the log of the server says why') // prettier-ignore
  } finally {
    exchanges.running--
  }
}

/** RFC 6749, 2.3.1: both are encoded as in a form first. */
function basic({ id, secret }: Client): string {
  const encoded = [id, secret].map((text) => new URLSearchParams({ x: text }).toString().slice(2))
  return `Basic ${Buffer.from(encoded.join(':')).toString('base64')}`
}
