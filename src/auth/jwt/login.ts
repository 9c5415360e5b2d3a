import { isDeepStrictEqual } from 'node:util'
import type { LoginData, Renewal } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { isPathName } from '../../contract/names.ts'
import type { Login } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { newToken } from '../../contract/wire/returns.ts'
import { checkAudience, checkBounds, groupsOf, mappedClaims, userOf } from './claims.ts'
import { configKey, configShape, issuerOf } from './config.ts'
import type { Config } from './config.ts'
import type { Jwt } from './mount.ts'
import { keyOf, roleShape } from './role.ts'
import type { Role } from './role.ts'
import { checkAge, checkTimes } from '../../crypto/jwt/times.ts'
import { algorithmNames, invalidToken, verifiedClaims } from '../../crypto/jwt/token.ts'
import type { Claims } from '../../crypto/jwt/token.ts'

const { write } = routesOf<Jwt>()

/** `login`. */
export const loginRoute = write('login', {
  about: 'Log in with a JWT.',
  access: 'public',
  returns: newToken,
  loginRole: async ({ engine }, { role }) => roleNameOf(await configOf(engine), role),
  fields: {
    role: f.string('The role; default_role when left out.').or(''),
    jwt: f.string('The JWT.').secret().or(''),
  },
  handle: async ({ engine }, { role: wanted, jwt }) => {
    const config = await configOf(engine)
    const name = roleNameOf(config, wanted)
    if (jwt.trim() === '') throw refuse('missing token')
    await tokenRole(engine, name)
    const claims = await claimsOf(engine, config, jwt)
    await mustBeUnchanged(engine, config)
    // Read again: it may have been changed or removed while the signature was verified.
    const role = await tokenRole(engine, name)
    return { login: loginOf(engine, name, role, claims) }
  },
})

/** The role of the login: the one in the request, or the mount's default. @throws Fault invalid_request if there is neither */
export function roleNameOf({ defaultRole }: Config, sent: string): string {
  const name = (sent || defaultRole).toLowerCase()
  if (name === '') throw refuse('missing role')
  return name
}

/**
 * @throws Fault invalid_request if the role does not exist, or is for browsers: such a role may have no requirements on a token
 */
async function tokenRole(engine: Jwt, name: string): Promise<Role> {
  const role = await roleOf(engine, name)
  if (role.type === 'oidc') throw refuse('role with oidc role_type is not allowed: log in to it with a browser')
  if (role.type === 'bearer')
    throw refuse('role with bearer role_type is not allowed: send the JWT as the token of each request')
  return role
}

/** The claims of a token that the configured issuer has signed. @throws Fault invalid_request */
export async function claimsOf(engine: Jwt, config: Config, jwt: string): Promise<Claims> {
  const accepted = config.supportedAlgs.length > 0 ? config.supportedAlgs : algorithmNames
  const claims = await verifiedClaims(jwt, accepted, async (header) => engine.sourceOf(config).keysFor(header))
  checkIssuer(config, claims)
  return claims
}

/** After the last request to a provider: the response must be of the issuer that is configured now. @throws Fault unavailable */
export async function mustBeUnchanged(engine: Jwt, config: Config): Promise<void> {
  if (!isDeepStrictEqual(await configOf(engine), config))
    throw new Fault('unavailable', 'the configuration was changed during this login: try again')
}

/** @throws Fault invalid_request when the mount is not configured */
export async function configOf({ view }: Jwt): Promise<Config> {
  const config = await view.get(configKey, configShape)
  if (!config) throw refuse('could not load configuration')
  return config
}

/** @throws Fault invalid_request if there is none */
export async function roleOf({ view }: Jwt, name: string): Promise<Role> {
  const role = isPathName(name) ? await view.get(keyOf(name), roleShape) : undefined
  if (!role) throw refuse(`role "${name.slice(0, 128)}" could not be found`)
  return role
}

function checkIssuer(config: Config, { iss }: Claims): void {
  if (iss !== undefined && typeof iss !== 'string') throw invalidToken('"iss" is not a string')
  const issuer = issuerOf(config)
  if (issuer !== '' && iss !== issuer) throw invalidToken('its issuer ("iss") is not the one of this mount')
}

/**
 * The login of a token with a verified signature and issuer.
 * @param clientId the audience of ID tokens that the mount has requested itself
 * @throws Fault invalid_request
 */
export function loginOf(engine: Jwt, roleName: string, role: Role, claims: Claims, clientId?: string): Login {
  if (role.verboseLogging)
    engine.log.info('a token with these claims logs in', { role: roleName, claims: Object.keys(claims).join(' ') })
  checkTimes(claims, role, engine.clock.now() / 1000)
  if (clientId !== undefined) checkAudience([clientId], claims['aud'])
  checkAge(claims, role, engine.clock.now() / 1000)
  const ownAudience = clientId !== undefined && (role.boundAudiences ?? []).length === 0
  checkBounds(ownAudience ? { ...role, boundAudiences: [clientId] } : role, claims)
  const name = userOf(claims, role.userClaim, role.userClaimJsonPointer)
  // A role without the claim also ends memberships: they are no longer confirmed by any claim (CVE-2020-10660).
  const groupAliases = groupsOf(claims, role.groupsClaim)
  const metadata = { ...mappedClaims(claims, role.claimMappings), role: roleName }
  return {
    ...role.params,
    alias: { name, metadata },
    groupAliases,
    displayName: name,
    metadata,
    renewable: true,
    data: { role: roleName, uid: role.uid },
  }
}

/** The current limits. @throws Fault invalid_request if the role no longer exists, even if there is another one of its name */
export async function renewal({ view }: Jwt, data: LoginData): Promise<Renewal> {
  const role = await view.get(keyOf(String(data['role'])), roleShape)
  if (!role || role.uid !== data['uid']) throw refuse('the role of this token no longer exists: it cannot be renewed')
  const { ttl, maxTtl, period, explicitMaxTtl } = role.params
  return { ttl, maxTtl, period, explicitMaxTtl }
}
