import { Fault, refuse } from '../../contract/fault.ts'
import { keyType } from '../../crypto/keys/key-types.ts'
import type { PairType } from '../../crypto/keys/pairs.ts'
import { schemes } from '../../crypto/signatures/schemes.ts'
import type { SignatureOptions } from '../../crypto/signatures/signatures.ts'
import { base64, fromBase64 } from '../../util/bytes.ts'
import { readTag, tagged } from './formats/ciphertext.ts'
import type { LiveKey } from './live-key.ts'

/** A signature and what goes with it. `publicKey` is there for derived keys only. */
export interface Signed {
  readonly signature: string
  readonly version: number
  readonly publicKey: string | undefined
}

/** Signs with a version; 0 is the latest. @throws Fault invalid_request for what cannot be signed so. */
export async function signed(
  key: LiveKey,
  input: Uint8Array,
  version: number,
  wish: SignatureOptions & { readonly context: string },
): Promise<Signed> {
  key.mustAllow('sign')
  const number = key.versionToUse(version, 'signing')
  const { privateKey } = key.pair(number, wish.context)
  if (!privateKey) throw refuse('this version has no private key: only its public half was imported')
  const scheme = schemes[familyOf(key, wish)]
  key.used(number)
  const bytes = await scheme.sign(privateKey, input, wish)
  return {
    signature: tagged(number, wish.jws ? Buffer.from(bytes).toString('base64url') : base64(bytes)),
    version: number,
    publicKey: key.record.kdf === null ? undefined : key.publicText(number, wish.context),
  }
}

/** Whether a signature is one of this key for the input. @throws Fault invalid_request for what is no signature. */
export async function verified(
  key: LiveKey,
  input: Uint8Array,
  signature: string,
  wish: SignatureOptions & { readonly context: string },
): Promise<boolean> {
  key.mustAllow('verify')
  const { version, rest } = readTag(signature, 'invalid signature')
  if (version > key.record.latest) throw refuse('invalid signature: version is too new')
  if (version < key.record.minDecryption) {
    throw refuse('ciphertext or signature version is disallowed by policy (too old)')
  }
  const bytes = wish.jws ? fromUrl(rest) : fromBase64(rest)
  if (!bytes) throw refuse('invalid base64 signature value')
  const scheme = schemes[familyOf(key, wish)]
  key.used(version)
  return scheme.verify(key.pair(version, wish.context).publicKey, input, bytes, wish)
}

function familyOf(key: LiveKey, { boundTo }: SignatureOptions): PairType['family'] {
  const { pair } = keyType(key.record.type)
  if (!pair) throw new Fault('internal', 'a type that signs has no key pairs')
  if (pair.family !== 'quantum' && boundTo && boundTo.length > 0) {
    throw refuse(`keys of type ${key.record.type} cannot bind signatures: leave signature_context out`)
  }
  return pair.family
}

/** Raw base64url (RFC 4648 §5) without padding; CR and LF are skipped, as with standard base64. */
function fromUrl(encoded: string): Uint8Array | undefined {
  const bare = encoded.replace(/[\r\n]/g, '')
  return /^[\w-]*$/.test(bare) && bare.length % 4 !== 1 ? Buffer.from(bare, 'base64url') : undefined
}
