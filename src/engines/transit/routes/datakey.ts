import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { keyType, typeNamed } from '../../../crypto/keys/key-types.ts'
import type { PairType } from '../../../crypto/keys/pairs.ts'
import { pem } from '../../../crypto/encoding/pem.ts'
import { base64, wipe } from '../../../util/bytes.ts'
import { encryptText } from '../formats/ciphertext.ts'
import { decryptedMembers, encryptedMembers } from '../members.ts'
import { binding, bindingFields, shared, typeForms } from '../input.ts'
import type { Transit } from '../transit.ts'
import { Counterpart } from '../counterpart.ts'
import { decryptable } from './encrypt.ts'

const { write } = routesOf<Transit>()

const fields = {
  kind: f.string('plaintext or wrapped.').or(''),
  name: shared.name,
  ...bindingFields,
  key_version: shared.key_version,
}

/** `datakey/plaintext/:name` and `datakey/wrapped/:name`: a new key for use outside, encrypted by the named one. */
const datakey = write('datakey/:kind/:name', {
  about: 'Generate a data key: wrapped, or wrapped and in plaintext.',
  returns: { ...encryptedMembers, ...decryptedMembers },
  pure: true,
  fields: { ...fields, bits: f.int('128, 256 or 512.').or(256) },
  handle: async ({ engine, request, beforeChange }, { kind, name, key_version: version, bits, ...bound }) => {
    mustBeKind(kind)
    if (![128, 256, 512].includes(bits)) throw refuse('invalid bit length')
    const key = await engine.keys.need(name)
    const fresh = engine.keys.random(bits / 8)
    const data = {
      ...(await encryptText(key, fresh, version, binding(bound), beforeChange)),
      ...(kind === 'plaintext' && { plaintext: base64(fresh) }),
    }
    wipe(fresh)
    return answer(new Counterpart(request, decryptable).add(bound, data))
  },
})

/** `datakey-pair/…/:name`: a key pair in the same way; its private key is PKCS#8 in DER. */
const datakeyPair = write('datakey-pair/:kind/:name', {
  about: 'Generate a key pair for use outside: its private key wrapped, or wrapped and in plaintext.',
  returns: { ...encryptedMembers, ...decryptedMembers, public_key: f.string('The public key, PEM.') },
  pure: true,
  fields: {
    ...fields,
    type: f
      .string('The type of the pair: ed25519, ecdsa-p256, rsa-2048, ml-dsa-65, …')
      .reads(typeForms)
      .or('ecdsa-p256'),
    parameter_set: shared.parameter_set,
  },
  handle: async (
    { engine, request, beforeChange },
    { kind, name, type, parameter_set: set, key_version: version, ...bound },
  ) => {
    mustBeKind(kind)
    const pair = pairOf(type, set)
    const key = await engine.keys.need(name)
    key.mustAllow('encrypt')
    const { secretKey, publicKey } = await pair.generate(engine.keys.random)
    try {
      const data = {
        public_key: pem('PUBLIC KEY', publicKey),
        ...(await encryptText(key, secretKey, version, binding(bound), beforeChange)),
        ...(kind === 'plaintext' && { plaintext: base64(secretKey) }),
      }
      return answer(new Counterpart(request, decryptable).add(bound, data))
    } finally {
      wipe(secretKey)
    }
  },
})

/** Data keys and data key pairs. */
export const datakeyRoutes = [datakey, datakeyPair]

function mustBeKind(kind: string): void {
  if (kind !== 'plaintext' && kind !== 'wrapped') throw refuse("Invalid path, must be 'plaintext' or 'wrapped'")
}

function pairOf(type: string, set: string): PairType {
  const name = typeNamed(type, set)
  const pair = name && keyType(name).pair
  if (!pair) throw refuse(`there are no key pairs of type ${type}`)
  return pair
}
