import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { base64, wipe } from '../../../util/bytes.ts'
import { binding, bindingFields, shared } from '../input.ts'
import type { Transit } from '../transit.ts'

const { write } = routesOf<Transit>()

/** `datakey/plaintext/:name` and `datakey/wrapped/:name`: a fresh key for use elsewhere, encrypted by the named one. */
export const datakey = write('datakey/:kind/:name', {
  about: 'Make a data key: wrapped, or wrapped and in plain.',
  pure: true,
  fields: {
    kind: f.string('plaintext or wrapped.').or(''),
    name: shared.name,
    ...bindingFields,
    key_version: shared.key_version,
    bits: f.int('128, 256 or 512.').or(256),
  },
  handle: async ({ engine }, { kind, name, key_version: version, bits, ...bound }) => {
    if (kind !== 'plaintext' && kind !== 'wrapped') throw refuse("Invalid path, must be 'plaintext' or 'wrapped'")
    if (![128, 256, 512].includes(bits)) throw refuse('invalid bit length')
    const key = await engine.need(name)
    const fresh = engine.random(bits / 8)
    const made = await key.encrypt(fresh, version, binding(bound))
    const data = {
      ciphertext: made.ciphertext,
      key_version: made.version,
      ...(kind === 'plaintext' && { plaintext: base64(fresh) }),
    }
    wipe(fresh)
    return answer(data)
  },
})
