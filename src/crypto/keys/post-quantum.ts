import type { KeyObject } from 'node:crypto'
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js'
import { ml_kem1024, ml_kem512, ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import {
  slh_dsa_sha2_128f,
  slh_dsa_sha2_192f,
  slh_dsa_sha2_256f,
  slh_dsa_shake_128f,
  slh_dsa_shake_192f,
  slh_dsa_shake_256f,
} from '@noble/post-quantum/slh-dsa.js'
import { refuse } from '../../contract/fault.ts'
import { sameBytes, wipe } from '../../util/bytes.ts'
import { quantumAlgorithms } from './post-quantum-keys.ts'
import type { QuantumName } from './post-quantum-keys.ts'

const signers = {
  'ml-dsa-44': ml_dsa44,
  'ml-dsa-65': ml_dsa65,
  'ml-dsa-87': ml_dsa87,
  'slh-dsa-sha2-128f': slh_dsa_sha2_128f,
  'slh-dsa-sha2-192f': slh_dsa_sha2_192f,
  'slh-dsa-sha2-256f': slh_dsa_sha2_256f,
  'slh-dsa-shake-128f': slh_dsa_shake_128f,
  'slh-dsa-shake-192f': slh_dsa_shake_192f,
  'slh-dsa-shake-256f': slh_dsa_shake_256f,
} as const
const kems = { 'ml-kem-512': ml_kem512, 'ml-kem-768': ml_kem768, 'ml-kem-1024': ml_kem1024 } as const
const all = { ...signers, ...kems }

export type SignerName = keyof typeof signers
export type KemName = keyof typeof kems

/** A public or private key, in the form for other threads. */
interface Half<N extends QuantumName> {
  readonly name: N
  readonly key: KeyObject
}

interface Message extends Half<SignerName> {
  readonly input: Uint8Array
  /** FIPS 204 §5.2, FIPS 205 §10.2: at most 255 bytes that a signature is bound to. */
  readonly context: Uint8Array
}

/**
 * FIPS 203 to 205 by @noble/post-quantum, in JavaScript: milliseconds to seconds. Only worker threads load this. Keys are
 * kept as seeds, and are expanded for every use.
 */
export const quantum = {
  /** The key pair of a seed: the stored private key, and the public one. */
  pair: ({ name, key }: Half<QuantumName>): { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array } => {
    const seed = key.export()
    const { secretKey, publicKey } = all[name].keygen(seed)
    if (!storesExpanded(name)) return { secretKey: seed, publicKey }
    wipe(seed)
    return { secretKey, publicKey }
  },

  /** The public key of a private one; undefined if it, or the accompanying expanded key, contradicts itself. */
  publicKey: ({
    name,
    key,
    expanded,
  }: Half<QuantumName> & { readonly expanded?: Uint8Array }): Uint8Array | undefined => {
    const stored = key.export()
    const { secretKey, publicKey } = all[name].keygen(stored.subarray(0, quantumAlgorithms[name].seed))
    const whole = storesExpanded(name) ? stored : expanded
    const fits = whole === undefined || sameBytes(whole, secretKey)
    wipe(stored, secretKey)
    return fits ? publicKey : undefined
  },

  sign: ({ name, key, input, context }: Message): Uint8Array => {
    const secret = expandedKey(name, key)
    const signature = signers[name].sign(input, secret, { context })
    wipe(secret)
    return signature
  },

  verify: ({ name, key, input, context, signature }: Message & { readonly signature: Uint8Array }): boolean => {
    if (signature.length !== signers[name].lengths.signature) return false
    return signers[name].verify(signature, input, key.export(), { context })
  },

  /** A new secret, and its ciphertext for the owner. @throws Fault invalid_request for a public key that FIPS 203 refuses. */
  encapsulate: ({ name, key }: Half<KemName>): { readonly ciphertext: Uint8Array; readonly secret: Uint8Array } => {
    try {
      const { cipherText, sharedSecret } = kems[name].encapsulate(key.export())
      return { ciphertext: cipherText, secret: sharedSecret }
    } catch (thrown) {
      throw refuse('the public key is not valid: nothing can be encapsulated for it', { cause: thrown })
    }
  },

  /** The secret; a ciphertext for another key results in another secret (FIPS 203 §6.3), not in an error. */
  decapsulate: ({ name, key, ciphertext }: Half<KemName> & { readonly ciphertext: Uint8Array }): Uint8Array => {
    if (ciphertext.length !== kems[name].lengths.cipherText) {
      throw refuse(`a ciphertext of ${name} has ${kems[name].lengths.cipherText} bytes, not ${ciphertext.length}`)
    }
    const secret = expandedKey(name, key)
    const shared = kems[name].decapsulate(ciphertext, secret)
    wipe(secret)
    return shared
  },
} as const

function storesExpanded(name: QuantumName): boolean {
  return quantumAlgorithms[name].secretKeyBytes !== quantumAlgorithms[name].seed
}

function expandedKey(name: QuantumName, key: KeyObject): Uint8Array {
  const stored = key.export()
  if (storesExpanded(name)) return stored
  const { secretKey } = all[name].keygen(stored)
  wipe(stored)
  return secretKey
}
