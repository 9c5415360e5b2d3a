import { Fault } from '../../../../contract/fault.ts'
import { verifiedClaims } from '../../../../crypto/jwt/token.ts'
import type { Claims } from '../../../../crypto/jwt/token.ts'
import type { Identity } from '../../identity.ts'
import { tokenIssuer } from '../issuer.ts'
import { algorithmNames } from './key-record.ts'
import { rolesOf } from './role-record.ts'

/** The names of the keys that roles refer to: their public keys are published. */
export const keysOfRoles = async ({ view }: Pick<Identity, 'view'>): Promise<readonly string[]> =>
  (await rolesOf(view)).map(([, { key }]) => key)

/** The reason why an identity token is not valid; undefined: it is valid. @param clientId the required audience; undefined: not checked */
export async function introspect(identity: Identity, token: string, clientId?: string): Promise<string | undefined> {
  try {
    const claims = await verifiedClaims(token, algorithmNames, async ({ kid, alg }) => {
      const { keys } = await identity.published.of(await keysOfRoles(identity))
      return keys.filter((key) => key.kid === kid && key.alg === alg)
    })
    return await whyInvalid(identity, claims, clientId)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_request') return thrown.message
    throw thrown
  }
}

async function whyInvalid(identity: Identity, claims: Claims, clientId?: string): Promise<string | undefined> {
  const { iss, aud, exp, sub } = claims
  if (iss !== (await tokenIssuer(identity))) return 'error validating claims: it is of another issuer ("iss")'
  if (clientId !== undefined && aud !== clientId) return 'error validating claims: it is for another client ("aud")'
  if (typeof exp !== 'number' || exp * 1000 <= identity.clock.now()) return 'error validating claims: it has expired ("exp")' // prettier-ignore
  const principal = typeof sub === 'string' ? await identity.principal(sub) : undefined
  if (!principal) return 'entity was not found'
  return principal.entity.disabled ? 'entity is disabled' : undefined
}
