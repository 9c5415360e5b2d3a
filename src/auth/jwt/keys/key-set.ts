import { createPublicKey } from 'node:crypto'
import { isObject } from '../../../util/stored/shape.ts'
import { Provider, ProviderError } from '../../../util/http/provider.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Remote } from '../config.ts'
import type { Discovery, Published } from './issuer.ts'
import { isUsable } from '../../../crypto/jwt/token.ts'
import type { VerificationKey } from '../../../crypto/jwt/token.ts'

/** The most keys of a set that are read. */
const mostKeys = 100

/** The keys of an issuer, by its discovery document where that is configured. @throws ProviderError */
export async function fetchPublished(clock: Clock, remote: Remote): Promise<Published> {
  return Provider.ask(clock, async (provider) => {
    const discovery = remote.by === 'discovery' ? await discover(provider, remote) : undefined
    const keys = keysOf(await provider.json({ url: discovery?.jwks_uri ?? remote.url, ca: remote.ca }))
    return { keys, ...(discovery && { discovery }) }
  })
}

/** The discovery document (OpenID Connect Discovery 1.0). Its addresses are on hosts that the operator configured. @throws ProviderError */
async function discover(provider: Provider, remote: Remote): Promise<Discovery> {
  const url = `${remote.url.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await provider.json({ url, ca: remote.ca })
  if (!isObject(document)) throw new ProviderError('the discovery document is no JSON object')
  const { issuer, jwks_uri: keySet, token_endpoint_auth_methods_supported: authMethods } = document
  if (issuer !== remote.url) throw new ProviderError(`the discovery document is of another issuer than ${remote.url}`)
  const optional = ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint'].flatMap((name) =>
    document[name] === undefined ? [] : [[name, addressOf(name, document[name], remote)] as const],
  )
  return {
    issuer,
    jwks_uri: addressOf('jwks_uri', keySet, remote),
    secretInForm:
      Array.isArray(authMethods) &&
      !authMethods.includes('client_secret_basic') &&
      authMethods.includes('client_secret_post'),
    ...Object.fromEntries(optional),
  }
}

function addressOf(name: string, value: unknown, { url, hosts }: Remote): string {
  const own = new URL(url)
  const address = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  const isConfigured =
    address?.origin === own.origin || (address?.protocol === 'https:' && hosts.includes(address.host))
  if (typeof value !== 'string' || !isConfigured)
    throw new ProviderError(`${name} of the discovery document is on another host than ${own.host}: list it in oidc_allowed_hosts if you trust it`) // prettier-ignore
  return value
}

/** The keys of a set (RFC 7517) that verify signatures; others are left out: secret keys, private keys, keys for encryption. */
function keysOf(set: unknown): readonly VerificationKey[] {
  const keys = isObject(set) ? set['keys'] : undefined
  if (!Array.isArray(keys)) throw new ProviderError('the response is no key set: it has no list "keys"')
  if (keys.length > mostKeys) throw new ProviderError(`the key set has more than ${mostKeys} keys`)
  return keys.flatMap((jwk: unknown) => {
    const key = isObject(jwk) ? keyOf(jwk) : undefined
    return key ? [key] : []
  })
}

function keyOf(jwk: Readonly<Record<string, unknown>>): VerificationKey | undefined {
  const { kty, use, key_ops: operations, kid, alg, d } = jwk
  if (typeof kty !== 'string' || !['RSA', 'EC', 'OKP'].includes(kty) || d !== undefined) return undefined
  if (use !== undefined && use !== 'sig') return undefined
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    if (!isUsable(key)) return undefined
    return { key, ...(typeof kid === 'string' && { kid }), ...(typeof alg === 'string' && { alg }) }
  } catch {
    return undefined
  }
}
