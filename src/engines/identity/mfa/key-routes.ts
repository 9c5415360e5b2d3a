import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer, done } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import type { Identity } from '../identity.ts'
import { entityGuard } from '../routes/shared.ts'
import { destroyKey, generateKey, mustBeMethod } from './keys.ts'
import type { GeneratedKey } from './keys.ts'
import type { MethodRecord } from './records.ts'

const { write } = routesOf<Identity>()

const method = { method_id: f.string('Id of the method.').or('') }
const entity = { entity_id: f.string('Id of the entity.').or('') }
const returns = {
  url: f.string('The otpauth:// URL, which contains the key.').secret(),
  barcode: f.string('The URL as a QR code: a PNG in base64; empty: none.').secret(),
}

/** The keys of entities: `mfa/method/totp/generate`, `admin-generate`, `admin-destroy`. Their responses contain keys, which are never logged in clear. */
export const keyRoutes = [
  write('mfa/method/totp/generate', {
    about: "Generate the caller's own key for a method. An existing key is unchanged.",
    neverRaw: true,
    fields: method,
    returns,
    handle: async ({ engine, caller }, { method_id: id }) => {
      const found = await mustBeMethod(engine, id)
      const own = caller.principal?.entity.id
      if (own === undefined) throw refuse('missing entityID: the token belongs to no entity')
      return keyResponse(found, await generateKey(engine, found, own))
    },
  }),
  write('mfa/method/totp/admin-generate', {
    about: 'Generate the key of an entity for a method. An existing key is unchanged.',
    neverRaw: true,
    fields: { ...method, ...entity },
    returns,
    handle: async (call, { method_id: id, entity_id: entityId }) => {
      if (entityId === '') throw refuse('missing entityID: set entity_id')
      const found = await mustBeMethod(call.engine, id)
      return keyResponse(found, await generateKey(call.engine, found, entityId, entityGuard(call)))
    },
  }),
  write('mfa/method/totp/admin-destroy', {
    about: 'Remove the key of an entity for a method. Used codes cannot be used again.',
    fields: { ...method, ...entity },
    handle: async (call, { method_id: id, entity_id: entityId }) => {
      if (entityId === '') throw refuse('missing entityID: set entity_id')
      await destroyKey(call.engine, await mustBeMethod(call.engine, id), entityId, entityGuard(call))
      return done()
    },
  }),
]

function keyResponse({ name, id }: MethodRecord, key: GeneratedKey | undefined): Response {
  if (key) return answer({ url: key.url, barcode: key.barcode })
  return done([`Entity already has a secret for MFA method "${name || id}"`])
}
