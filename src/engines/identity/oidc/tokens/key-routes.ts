import { f } from '../../../../contract/field.ts'
import { answer, done } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import { pageFields } from '../../../../contract/wire/page.ts'
import { keys } from '../../../../contract/wire/returns.ts'
import type { Identity } from '../../identity.ts'
import { mustExist } from '../../routes/shared.ts'
import { namesWith } from '../all-in.ts'
import { canonicalName, nameField } from '../names.ts'
import { algorithmNames, defaultKeyName } from './key-record.ts'
import { keyNamed, removeKey, rotateKey, setKey } from './keys.ts'

const { read, list, write, remove } = routesOf<Identity>()

const name = nameField('key')
const settings = {
  algorithm: f.string(`The signature algorithm: ${algorithmNames.join(', ')}. A change generates new keys.`).initially('RS256'), // prettier-ignore
  rotation_period: f.duration('The time between rotations; at least one minute.').initially(86_400),
  verification_ttl: f.duration('The time that tokens can be verified after a rotation; at most ten rotation periods.').limiting().initially(86_400), // prettier-ignore
  allowed_client_ids: f.list('The client ids of the roles and clients whose tokens it may sign; `*` for all.'),
}

/** `oidc/key`: the named signing keys. */
export const keyRoutes = [
  list('oidc/key', {
    about: 'List the keys that sign identity tokens.',
    fields: pageFields,
    returns: keys('The names.'),
    handle: async ({ engine }, page) =>
      answer({ keys: await namesWith(engine.view, 'oidc-key/', defaultKeyName, page) }),
  }),
  read('oidc/key/:name', {
    about: 'Read the settings of a key.',
    canonical: canonicalName,
    fields: name,
    returns: settings,
    handle: async ({ engine }, { name: named }) => {
      const key = mustExist(await keyNamed(engine.view, named))
      return answer({
        algorithm: key.algorithm,
        rotation_period: key.rotationPeriod,
        verification_ttl: key.verificationTtl,
        allowed_client_ids: key.allowedClients,
      })
    },
  }),
  write('oidc/key/:name', {
    about: 'Create or change a key.',
    canonical: canonicalName,
    fields: { ...name, ...settings },
    exists: async ({ engine }, { name: named = '' }) => (await keyNamed(engine.view, named)) !== undefined,
    handle: async ({ engine, confirm }, { name: named, ...values }) => {
      const change = {
        algorithm: values.algorithm,
        rotationPeriod: values.rotation_period,
        verificationTtl: values.verification_ttl,
        allowedClients: values.allowed_client_ids,
      }
      await setKey(engine, named, change, confirm)
      return done()
    },
  }),
  remove('oidc/key/:name', {
    about: 'Remove a key. No role or client may refer to it.',
    canonical: canonicalName,
    fields: name,
    handle: async ({ engine }, { name: named }) => {
      await removeKey(engine, named)
      return done()
    },
  }),
  write('oidc/key/:name/rotate', {
    about: 'Rotate a key now: the next pair, which is already published, signs.',
    canonical: canonicalName,
    fields: { ...name, verification_ttl: f.duration('The time that tokens of the previous pair can be verified; that of the key by default.').limiting() }, // prettier-ignore
    handle: async ({ engine }, { name: named, verification_ttl: verificationTtl }) => {
      await rotateKey(engine, named, verificationTtl)
      return done()
    },
  }),
]
