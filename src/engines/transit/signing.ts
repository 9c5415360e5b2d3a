import { Fault, refuse } from '../../contract/fault.ts'
import { isMacHash } from '../../crypto/hash.ts'
import type { MacHash } from '../../crypto/hash.ts'
import { keyType } from '../../crypto/keys.ts'
import type { PairType } from '../../crypto/pairs.ts'
import { schemes } from '../../crypto/schemes.ts'
import type { SignatureWish } from '../../crypto/signatures.ts'
import { base64, fromBase64, sameBytes } from '../../util/bytes.ts'
import { readTag, tagged } from './ciphertext.ts'
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
  wish: SignatureWish & { readonly context: string },
): Promise<Signed> {
  key.mustAllow('sign')
  const number = key.versionToUse(version, 'signing')
  const { secret } = key.pair(number, wish.context)
  if (!secret) throw refuse('this version has no private key: only its public half was imported')
  const bytes = await schemes[familyOf(key)].sign(secret, input, wish)
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
  wish: SignatureWish & { readonly context: string },
): Promise<boolean> {
  key.mustAllow('verify')
  const { version, rest } = readTag(signature, 'invalid signature')
  if (version > key.record.latest) throw refuse('invalid signature: version is too new')
  if (version < key.record.minDecryption) {
    throw refuse('ciphertext or signature version is disallowed by policy (too old)')
  }
  const bytes = wish.jws ? fromUrl(rest) : fromBase64(rest)
  if (!bytes) throw refuse('invalid base64 signature value')
  return schemes[familyOf(key)].verify(key.pair(version, wish.context).open, input, bytes, wish)
}

function familyOf(key: LiveKey): PairType['family'] {
  const { pair } = keyType(key.record.type)
  if (!pair) throw new Fault('internal', 'a type that signs has no key pairs')
  return pair.family
}

/** Raw base64url (RFC 4648 §5) without padding; CR and LF are skipped, as with standard base64. */
function fromUrl(encoded: string): Uint8Array | undefined {
  const bare = encoded.replace(/[\r\n]/g, '')
  return /^[\w-]*$/.test(bare) && bare.length % 4 !== 1 ? Buffer.from(bare, 'base64url') : undefined
}

/** The HMAC of some data, with a version; 0 is the latest. */
export function mac(key: LiveKey, hash: MacHash, input: Uint8Array, version: number): string {
  key.mustBeEnabled()
  const { latest, minEncryption } = key.record
  const number = version === 0 ? latest : version
  if (number < 0 || number > latest) throw refuse('cannot generate HMAC: the key has no such version')
  if (number < minEncryption) throw refuse('cannot generate HMAC: version is too old (disallowed by policy)')
  return tagged(number, base64(key.mac(hash, input, number)))
}

/** Whether an HMAC is one of this key for the input. @throws Fault invalid_request for what is no HMAC. */
export function macVerified(key: LiveKey, hash: MacHash, input: Uint8Array, written: string): boolean {
  key.mustBeEnabled()
  const { version, rest } = readTag(written, 'invalid HMAC to verify')
  if (version > key.record.latest) throw refuse('invalid HMAC: version is too new')
  if (version < key.record.minDecryption) {
    throw refuse('cannot verify HMAC: version is too old (disallowed by policy)')
  }
  const bytes = fromBase64(rest)
  if (!bytes) throw refuse('invalid HMAC to verify: could not decode base64')
  return sameBytes(key.mac(hash, input, version), bytes)
}

/** A hash for HMACs, by the first of the names that is not empty. @throws Fault invalid_request for an unknown one. */
export function macHash(...names: readonly string[]): MacHash {
  const name = names.find((given) => given !== '') ?? 'sha2-256'
  if (!isMacHash(name)) throw refuse(`invalid hash algorithm ${JSON.stringify(name)}`)
  return name
}
