import { refuse } from '../../contract/fault.ts'
import { slow } from '../../crypto/workers/heavy.ts'
import type { Material } from '../../crypto/keys/key-types.ts'
import type { PairType } from '../../crypto/keys/pairs.ts'
import { QuantumKey, quantumAlgorithms, quantumPrivate } from '../../crypto/keys/post-quantum-keys.ts'
import type { QuantumName, QuantumPrivate } from '../../crypto/keys/post-quantum-keys.ts'
import { sameBytes, wipe } from '../../util/bytes.ts'

/**
 * The key pair of a post-quantum private key in PKCS#8 (RFC 9881, 9909, 9935; with a seed), or as the bare seed.
 * @throws Fault invalid_request if it is not such a key, or contradicts itself.
 */
export async function quantumPair(pair: PairType, bytes: Uint8Array): Promise<Material> {
  const { key, expanded } = read(pair, bytes)
  // `expanded` is a part of the bytes.
  const publicKey = await publicKeyOf(key, expanded).finally(() => wipe(bytes))
  if (!publicKey) throw refuse(`the parts of the imported ${key.name} key contradict each other`)
  return { secretKey: key.der(), publicKey: publicKey.der() }
}

/** Whether a public key belongs to a private one. */
export async function quantumFits(privateKey: QuantumKey, publicKey: QuantumKey): Promise<boolean> {
  const found = await publicKeyOf(privateKey, undefined)
  return found !== undefined && sameBytes(found.raw(), publicKey.raw())
}

function read(pair: PairType, bytes: Uint8Array): QuantumPrivate {
  const name = pair.quantum as QuantumName
  try {
    if (bytes.length === quantumAlgorithms[name].secretKeyBytes)
      return { key: new QuantumKey(name, 'private', bytes), expanded: undefined }
    const found = quantumPrivate(bytes)
    if (found && pair.fits(found.key)) return found
  } catch (thrown) {
    wipe(bytes)
    throw refuse(`the imported key is no PKCS#8 of type ${name} with a seed`, { cause: thrown })
  }
  wipe(bytes)
  throw refuse(`the imported key is no PKCS#8 of type ${name}`)
}

async function publicKeyOf(key: QuantumKey, expanded: Uint8Array | undefined): Promise<QuantumKey | undefined> {
  const publicKey = await slow.run('quantumPublicKey', {
    name: key.name,
    key: key.bytes,
    ...(expanded && { expanded }),
  })
  return publicKey && new QuantumKey(key.name, 'public', publicKey)
}
