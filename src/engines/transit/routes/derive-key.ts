import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { done } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { isKeyType, keyType } from '../../../crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../../crypto/keys/key-types.ts'
import { agreed } from '../../../keys/operations/agreement.ts'
import { importedVersion } from '../../../keys/operations/import.ts'
import { shared } from '../input.ts'
import { newKey } from '../../../keys/record.ts'
import type { Transit } from '../transit.ts'

const { write } = routesOf<Transit>()

/** `derive-key/:name`: a new symmetric key from the shared secret of an elliptic-curve key and a peer's public key. */
export const deriveKey = write('derive-key/:name', {
  about: 'Derive a symmetric key by ECDH with a peer (SP 800-56A) and HKDF-SHA-256.',
  fields: {
    name: shared.name,
    base_key_name: f.string('The elliptic-curve key of ours.').or(''),
    base_key_version: f.int('Its version; 0: the latest.').or(0),
    peer_public_key: f.string('The public key of the peer, PEM.').or(''),
    key_derivation_algorithm: f.string('ecdh.').or('ecdh'),
    derived_key_type: f.string('The type of the new key.').or('aes256-gcm96'),
  },
  handle: async ({ engine }, values) => {
    const type = symmetric(values.derived_key_type)
    if (values.key_derivation_algorithm !== 'ecdh')
      throw refuse('the only key_derivation_algorithm there is here: ecdh')
    if (values.base_key_name === '') throw refuse('base_key_name is missing: which key of ours is to be used?')
    if (values.peer_public_key === '') throw refuse('peer_public_key is missing: PEM of the public key of the peer')
    const base = await engine.keys.find(values.base_key_name)
    if (!base) throw refuse('the base key was not found: make it first')
    const peer = values.peer_public_key
    const size = keyType(type).cipher?.keyBytes ?? 0
    const material = { secretKey: agreed(base, { version: values.base_key_version, peer, size }) }
    const kind = { name: values.name, type, size: null, derived: false, convergent: false }
    const settings = { exportable: false, plaintextBackup: false, autoRotatePeriod: 0 }
    const version = importedVersion(type, material, engine.keys.random, engine.keys.clock.now())
    const { added } = await engine.keys.add(newKey({ ...kind, ...settings }, version))
    if (!added) throw refuse(`the key ${values.name} exists already: a derived key gets a name of its own`)
    return done()
  },
})

function symmetric(name: string): KeyTypeName {
  const type = name.toLowerCase()
  if (!isKeyType(type) || !keyType(type).cipher) throw refuse(`unknown key type ${name}`)
  return type
}
