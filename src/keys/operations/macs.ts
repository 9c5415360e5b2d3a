import { refuse } from '../../contract/fault.ts'
import type { MacHash } from '../../crypto/hash.ts'
import { sameBytes } from '../../util/bytes.ts'
import type { LiveKey, Versioned } from '../live-key.ts'

/** A MAC algorithm. */
export interface MacKind {
  readonly name: 'HMAC' | 'CMAC'
  readonly make: (key: LiveKey, input: Uint8Array, version: number) => Uint8Array | Promise<Uint8Array>
}

/** HMAC (RFC 2104) with a hash function. */
export function hmacWith(hash: MacHash): MacKind {
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

/** The MAC of some data, with a version; 0 is the latest. @throws Fault invalid_request for a version that may not be used. */
export async function mac(
  key: LiveKey,
  { name, make }: MacKind,
  input: Uint8Array,
  version: number,
): Promise<Versioned> {
  key.mustBeEnabled()
  const { latest, minEncryption } = key.record
  const number = version === 0 ? latest : version
  if (number < 0 || number > latest) throw refuse(`cannot generate ${name}: the key has no such version`)
  if (number < minEncryption) throw refuse(`cannot generate ${name}: version is too old (disallowed by policy)`)
  return { version: number, bytes: await make(key, input, number) }
}

/** Whether a MAC of the input is by this key. @throws Fault invalid_request for a version that may not be used. */
export async function macVerified(
  key: LiveKey,
  { name, make }: MacKind,
  input: Uint8Array,
  presented: Versioned,
): Promise<boolean> {
  key.mustBeEnabled()
  const { version } = presented
  if (version > key.record.latest) throw refuse(`invalid ${name}: version is too new`)
  if (version < key.record.minDecryption) {
    throw refuse(`cannot verify ${name}: version is too old (disallowed by policy)`)
  }
  const bytes = presented.bytes
  return sameBytes(await make(key, input, version), bytes)
}
