import { Fault, refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer, done } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { keyType, typeNamed } from '../../../crypto/keys/key-types.ts'
import { describe } from '../formats/describe.ts'
import { keyMembers } from '../members.ts'
import { shared, typeForms } from '../input.ts'
import type { KeySpec } from '../../../keys/record.ts'
import type { Transit } from '../transit.ts'
import { decodeContext } from '../../../keys/operations/ciphers.ts'
import { pageFields, pageOf } from '../../../contract/wire/page.ts'
import { isKeyName, mustBeDerived, mustBePeriod, mustBeSize } from '../../../keys/rules.ts'

const { read, list, write, remove } = routesOf<Transit>()

const name = { name: shared.name }

/** `keys`, `keys/:name`, `keys/:name/config`, `keys/:name/rotate`. */
export const keyRoutes = [
  list('keys', {
    about: 'List keys.',
    returns: { keys: f.list('Their names.') },
    fields: pageFields,
    handle: async ({ engine }, page) => {
      const keys = await engine.keys.names(pageOf(page))
      if (keys.length === 0) throw new Fault('not_found', 'no keys')
      return answer({ keys })
    },
  }),
  read('keys', {
    about: 'List keys with LIST.',
    handle: () => Promise.reject(new Fault('unsupported_operation', 'unsupported operation')),
  }),
  write('keys/:name', {
    about: 'Create a key.',
    returns: keyMembers,
    fields: {
      ...name,
      type: f.string('The type: aes256-gcm96, ed25519, rsa-2048, hmac, …').reads(typeForms).or('aes256-gcm96'),
      parameter_set: shared.parameter_set,
      derived: f.bool('Every message needs a context, from which its own key is derived.').or(false),
      convergent_encryption: f.bool('Equal messages have equal ciphertexts; needs derived.').or(false),
      exportable: f.bool('The key can be exported; cannot be undone.').or(false),
      allow_plaintext_backup: f.bool('The key can be backed up in plain; cannot be undone.').or(false),
      key_size: f.int('For hmac keys.').or(0),
      auto_rotate_period: f.duration('The period of automatic rotation, at least 1h; 0: none.').limiting().or(0),
      context: shared.context,
    },
    handle: async ({ engine }, values) => {
      mustBeKeyName(values.name)
      const existing = await engine.keys.find(values.name)
      // An existing key stays unchanged, but invalid parameters are refused all the same.
      const spec = specOf(values)
      const { record } = existing ?? (await engine.keys.add(await engine.keys.draft(spec)))
      return answer(describe(record))
    },
  }),
  read('keys/:name', {
    about: 'Read the properties of a key; never its material.',
    returns: keyMembers,
    fields: { ...name, context: shared.context },
    handle: async ({ engine }, { name: wanted, context }) => {
      const key = await engine.keys.find(wanted)
      if (!key) throw new Fault('not_found', 'no such key')
      if (context !== '') decodeContext(context)
      return answer(describe(key.record, context))
    },
  }),
  remove('keys/:name', {
    about: 'Permanently remove a key; its ciphertexts cannot be decrypted any more.',
    fields: { ...name, force: f.bool('Although it was used lately and the mount guards such keys.').or(false) },
    handle: async ({ engine }, { name: wanted, force }) => {
      await engine.keys.destroy(wanted, force)
      return done()
    },
  }),
  write('keys/:name/rotate', {
    about: 'Add a version, which is the latest from now on.',
    returns: keyMembers,
    fields: name,
    handle: async ({ engine }, { name: wanted }) => {
      const record = await engine.keys.rotate(wanted)
      return answer(describe(record))
    },
  }),
]

function mustBeKeyName(wanted: string): void {
  if (!isKeyName(wanted)) throw new Fault('unsupported_path', 'unsupported path')
}

type KeyValues = {
  readonly name: string
  readonly type: string
  readonly parameter_set: string
  readonly derived: boolean
  readonly convergent_encryption: boolean
  readonly exportable: boolean
  readonly allow_plaintext_backup: boolean
  readonly key_size: number
  readonly auto_rotate_period: number
}

function specOf(values: KeyValues): KeySpec {
  const { derived, convergent_encryption: convergent, auto_rotate_period: period, key_size: size } = values
  const type = typeNamed(values.type, values.parameter_set)
  if (!type) throw refuse(`unknown key type ${values.type}`)
  mustBeDerived(derived, convergent)
  mustBePeriod(period)
  if (size !== 0) mustBeSize(type, size)
  return {
    name: values.name,
    type,
    size: !keyType(type).sizes && size === 0 ? null : size,
    derived,
    convergent,
    exportable: values.exportable,
    plaintextBackup: values.allow_plaintext_backup,
    autoRotatePeriod: period,
  }
}
