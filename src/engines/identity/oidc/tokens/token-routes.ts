import { Fault, refuse } from '../../../../contract/fault.ts'
import { f } from '../../../../contract/field.ts'
import { answer } from '../../../../contract/response.ts'
import type { Response } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Call } from '../../../../contract/route.ts'
import { body } from '../../../../contract/wire/returns.ts'
import { signedToken } from '../../../../crypto/jwt/sign.ts'
import type { Identity } from '../../identity.ts'
import { tokenIssuer } from '../issuer.ts'
import { atOidc, canonicalName, nameField } from '../names.ts'
import { readTemplate } from '../templates.ts'
import { introspect } from './introspect.ts'
import { signsFor } from './key-record.ts'
import { signingKey } from './key-ring.ts'
import { usableKey } from './keys.ts'
import { roleShape } from './role-record.ts'

const { read, write } = routesOf<Identity>()

/** `oidc/token/:name` and `oidc/introspect`. */
export const tokenRoutes = [
  read('oidc/token/:name', {
    about: 'Get an identity token: a signed JWT about the entity of the caller, for other services.',
    canonical: canonicalName,
    fields: nameField('role'),
    // This may generate the pairs of the key `default`.
    pure: false,
    neverRaw: true,
    returns: {
      token: f.string('The JWT.').secret(),
      client_id: f.string('Its audience.'),
      ttl: f.int('Its TTL, seconds.'),
    },
    handle: async (call, { name }) => issue(call, name),
  }),
  write('oidc/introspect', {
    about: 'Check that an identity token is valid, and its entity is neither removed nor disabled.',
    pure: true,
    neverRaw: true,
    fields: {
      token: f.string('The JWT.').secret().or(''),
      client_id: f.string('The required audience.').limiting(),
    },
    returns: body({
      active: f.bool('Whether it is valid.'),
      error: f.string('The reason if it is not valid.'),
    }),
    handle: async ({ engine }, { token, client_id: clientId }) => {
      const error = await introspect(engine, token, clientId)
      return { data: error === undefined ? { active: true } : { active: false, error } }
    },
  }),
]

async function issue({ engine, caller }: Call<Identity>, name: string): Promise<Response> {
  const role = await engine.view.get(atOidc.role(name), roleShape)
  if (!role) throw refuse(`role "${name}" not found`)
  const key = await usableKey(engine, role.key)
  if (!key) throw new Fault('internal', 'internal error')
  if (!signsFor(key, role.clientId))
    throw refuse(`the key "${role.key}" does not list the client ID of the role "${name}" as an allowed client ID`)
  const { principal, token } = caller
  if (!principal) throw refuse("no entity associated with the request's token")
  if (token?.namespace !== engine.namespace)
    throw refuse('the entity of the token is in another namespace: request the identity token there')
  const now = Math.floor(engine.clock.now() / 1000)
  const claims = {
    ...readTemplate(role.template).claims({ principal, now }),
    iss: await tokenIssuer(engine),
    namespace: engine.namespace,
    sub: principal.entity.id,
    aud: role.clientId,
    iat: now,
    exp: now + role.ttl,
  }
  return answer({ token: await signedToken(claims, signingKey(key)), client_id: role.clientId, ttl: role.ttl })
}
