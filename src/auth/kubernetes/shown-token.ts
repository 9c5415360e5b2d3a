import { Fault } from '../../contract/fault.ts'
import { publicKeyOf } from '../../crypto/jwt/public-keys.ts'
import { checkTimes } from '../../crypto/jwt/times.ts'
import { unverifiedClaims, verifiedClaims } from '../../crypto/jwt/token.ts'
import type { Claims } from '../../crypto/jwt/token.ts'
import type { Clock } from '../../util/clock.ts'
import { issuerOf } from './config.ts'
import type { Config } from './config.ts'
import type { Role } from './role.ts'
import { accountOf } from './service-account.ts'
import type { ServiceAccount } from './service-account.ts'

/** The signature algorithms of Kubernetes. */
const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512']

/** The default leeways, seconds: 60 for clock differences, 150 for tokens without a begin or an end. */
const leeways = { clockSkewLeeway: 0, expirationLeeway: 0, notBeforeLeeway: 0 }

/**
 * The account in the claims of a token, after the checks that need no API server: signature if there are keys, issuer,
 * audience and times.
 * @throws Fault unauthenticated, always the same
 */
export async function checkedAccount(clock: Clock, config: Config, role: Role, jwt: string): Promise<ServiceAccount> {
  try {
    const claims = await claimsOf(config, jwt)
    const account = accountOf(claims)
    if (account && isFor(config, role, claims)) {
      if (hasTimes(claims)) checkTimes(claims, leeways, clock.now() / 1000)
      return account
    }
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code !== 'invalid_request') throw thrown
  }
  throw new Fault('unauthenticated', 'permission denied')
}

async function claimsOf({ pemKeys }: Config, jwt: string): Promise<Claims> {
  if (pemKeys.length === 0) return unverifiedClaims(jwt, algorithms)
  const keys = pemKeys.flatMap((pem) => {
    const key = publicKeyOf(pem)
    return key ? [{ key }] : []
  })
  return verifiedClaims(jwt, algorithms, async () => keys)
}

function isFor(config: Config, { audience }: Role, { iss, aud }: Claims): boolean {
  const issuer = issuerOf(config)
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return (issuer === undefined || iss === issuer) && (audience === '' || audiences.includes(audience))
}

/** Older tokens have none: they are valid until Kubernetes revokes them. */
const hasTimes = (claims: Claims): boolean => ['iat', 'nbf', 'exp'].some((name) => claims[name] !== undefined)
