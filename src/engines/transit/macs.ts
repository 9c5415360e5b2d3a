import { refuse } from '../../contract/fault.ts'
import { isMacHash } from '../../crypto/hash.ts'
import type { MacHash } from '../../crypto/hash.ts'
import { base64, fromBase64, sameBytes } from '../../util/bytes.ts'
import { readTag, tagged } from './formats/ciphertext.ts'
import type { LiveKey } from './live-key.ts'

/** A way of making message authentication codes. */
export interface MacKind {
  readonly name: 'HMAC' | 'CMAC'
  readonly make: (key: LiveKey, input: Uint8Array, version: number) => Uint8Array | Promise<Uint8Array>
}

/** HMAC (RFC 2104) by a hash: of the names the first that is not empty. @throws Fault invalid_request for an unknown one. */
export function hmacWith(...names: readonly string[]): MacKind {
  const hash = macHash(...names)
  return { name: 'HMAC', make: (key, input, version) => key.mac(hash, input, version) }
}

/** The shortest CMAC, in bytes: NIST SP 800-38B §A.2 sees no use for less than 64 bits. */
const [shortest, whole] = [8, 16]

/** AES-CMAC, cut to so many bytes; 0 is all 16. @throws Fault invalid_request for a length that none can have. */
export function cmacOf(length: number): MacKind {
  const bytes = length === 0 ? whole : length
  if (bytes < shortest || bytes > whole) throw refuse(`mac_length must be from ${shortest} to ${whole} bytes`)
  return { name: 'CMAC', make: async (key, input, version) => (await key.cmac(input, version)).subarray(0, bytes) }
}

/** The MAC of some data, with a version; 0 is the latest. */
export async function mac(key: LiveKey, { name, make }: MacKind, input: Uint8Array, version: number): Promise<string> {
  key.mustBeEnabled()
  const { latest, minEncryption } = key.record
  const number = version === 0 ? latest : version
  if (number < 0 || number > latest) throw refuse(`cannot generate ${name}: the key has no such version`)
  if (number < minEncryption) throw refuse(`cannot generate ${name}: version is too old (disallowed by policy)`)
  return tagged(number, base64(await make(key, input, number)))
}

/** Whether a MAC is one of this key for the input. @throws Fault invalid_request for what is no MAC. */
export async function macVerified(
  key: LiveKey,
  { name, make }: MacKind,
  input: Uint8Array,
  written: string,
): Promise<boolean> {
  key.mustBeEnabled()
  const { version, rest } = readTag(written, `invalid ${name} to verify`)
  if (version > key.record.latest) throw refuse(`invalid ${name}: version is too new`)
  if (version < key.record.minDecryption) {
    throw refuse(`cannot verify ${name}: version is too old (disallowed by policy)`)
  }
  const bytes = fromBase64(rest)
  if (!bytes) throw refuse(`invalid ${name} to verify: could not decode base64`)
  return sameBytes(await make(key, input, version), bytes)
}

/** A hash for HMACs, by the first of the names that is not empty. @throws Fault invalid_request for an unknown one. */
export function macHash(...names: readonly string[]): MacHash {
  const name = names.find((given) => given !== '') ?? 'sha2-256'
  if (!isMacHash(name)) throw refuse(`invalid hash algorithm ${JSON.stringify(name)}`)
  return name
}
