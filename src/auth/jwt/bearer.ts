import type { BearerLogin, BearerMethod } from '../../contract/engine.ts'
import { smallerLimit } from '../../contract/token-params.ts'
import { timeOf } from '../../crypto/jwt/times.ts'
import { invalidToken } from '../../crypto/jwt/token.ts'
import type { Claims } from '../../crypto/jwt/token.ts'
import { listOf } from './claims.ts'
import { configKey, configShape, issuerOf } from './config.ts'
import type { Config } from './config.ts'
import { claimsOf, loginOf, mustBeUnchanged } from './login.ts'
import type { Jwt } from './mount.ts'
import { keyOf, roleShape } from './role.ts'
import type { Role } from './role.ts'

/** JWTs as tokens of requests: those of the mount's issuer, for the audiences of its `default_role`, if that has `role_type` bearer. */
export const bearerMethod: BearerMethod<Jwt> = {
  epoch: ({ changes }) => changes.count,
  isFor: async (engine, { iss, aud }) => {
    const { config, role } = (await bearerRole(engine)) ?? {}
    if (!config || !role || iss !== issuerOf(config)) return false
    return listOf(aud).some((one) => typeof one === 'string' && role.boundAudiences?.includes(one))
  },
  login: async (engine, token) => {
    const found = await bearerRole(engine)
    if (!found) throw invalidToken('it is for no role of this mount')
    const claims = await claimsOf(engine, found.config, token)
    await mustBeUnchanged(engine, found.config)
    // Read again: it may have been changed or removed while the signature was verified.
    const { role, config } = (await bearerRole(engine)) ?? {}
    if (!role || !config) throw invalidToken('it is for no role of this mount')
    return boundedLogin(engine, config.defaultRole, role, claims)
  },
}

interface Found {
  readonly config: Config
  readonly role: Role
}

async function bearerRole({ view }: Jwt): Promise<Found | undefined> {
  const config = await view.get(configKey, configShape)
  // Without an issuer, the mount would accept tokens of every issuer with one of its keys.
  if (!config || config.defaultRole === '' || issuerOf(config) === '') return undefined
  const role = await view.get(keyOf(config.defaultRole), roleShape)
  return role?.type === 'bearer' ? { config, role } : undefined
}

/** The login expires with its token, and no later than the role's own tokens would. */
function boundedLogin(engine: Jwt, name: string, role: Role, claims: Claims): BearerLogin {
  const login = loginOf(engine, name, role, claims)
  const [iat, exp] = ['iat', 'exp'].map((claim) => timeOf(claims, claim))
  if (iat === undefined || exp === undefined)
    throw invalidToken('it has no "iat" or no "exp": the token of requests must say when it begins and ends')
  const { ttl, maxTtl, explicitMaxTtl } = role.params
  const longest = [ttl, maxTtl, explicitMaxTtl].reduce(smallerLimit, engine.limits().maxTtl)
  const left = Math.floor(Math.min(exp, iat + longest) - engine.clock.now() / 1000)
  if (left < 1) throw invalidToken('it has expired ("exp"), or is older than tokens of the role may be')
  const { ceiling } = role
  return { ...login, ttl: left, maxTtl: 0, explicitMaxTtl: 0, renewable: false, ...(ceiling && { ceiling }) }
}
