import { Fault, refuse } from '../../contract/fault.ts'
import { keyType } from '../../crypto/keys/key-types.ts'
import type { PairType } from '../../crypto/keys/pairs.ts'
import { schemes } from '../../crypto/signatures/schemes.ts'
import type { SignatureOptions } from '../../crypto/signatures/signatures.ts'
import type { LiveKey, Versioned } from '../live-key.ts'

/** How a key signs. `context` is the caller's base64; it matters for derived keys only. */
export type SigningOptions = SignatureOptions & { readonly context: string }

/** Signs with a version; 0 is the latest. @throws Fault invalid_request for input or options that the key cannot sign. */
export async function sign(
  key: LiveKey,
  input: Uint8Array,
  version: number,
  options: SigningOptions,
): Promise<Versioned> {
  key.mustAllow('sign')
  const number = key.versionToUse(version, 'signing')
  const { privateKey } = key.pair(number, options.context)
  if (!privateKey) throw refuse('this version has no private key: only its public key was imported')
  const scheme = schemes[familyOf(key, options)]
  key.used(number)
  return { version: number, bytes: await scheme.sign(privateKey, input, options) }
}

/** Whether a signature of the input is by this key. @throws Fault invalid_request for a version or options that cannot be. */
export async function verify(
  key: LiveKey,
  input: Uint8Array,
  signature: Versioned,
  options: SigningOptions,
): Promise<boolean> {
  key.mustAllow('verify')
  const { version } = signature
  if (version > key.record.latest) throw refuse('invalid signature: version is too new')
  if (version < key.record.minDecryption) {
    throw refuse('ciphertext or signature version is disallowed by policy (too old)')
  }
  const bytes = signature.bytes
  const scheme = schemes[familyOf(key, options)]
  key.used(version)
  return scheme.verify(key.pair(version, options.context).publicKey, input, bytes, options)
}

function familyOf(key: LiveKey, { boundTo }: SignatureOptions): PairType['family'] {
  const { pair } = keyType(key.record.type)
  if (!pair) throw new Fault('internal', 'a type that signs has no key pairs')
  if (pair.family !== 'quantum' && boundTo && boundTo.length > 0) {
    throw refuse(`keys of type ${key.record.type} cannot bind signatures: leave signature_context out`)
  }
  return pair.family
}
