import { createHash } from 'node:crypto'

/** Hash functions by Vault's names (FIPS 180-4, FIPS 202), with the names that OpenSSL has for them. */
export const hashes = {
  'sha2-224': 'sha224',
  'sha2-256': 'sha256',
  'sha2-384': 'sha384',
  'sha2-512': 'sha512',
  'sha3-224': 'sha3-224',
  'sha3-256': 'sha3-256',
  'sha3-384': 'sha3-384',
  'sha3-512': 'sha3-512',
} as const
type HashName = keyof typeof hashes

/** Hash functions of signatures and HMACs: those of digests, and SHA-1 for old ones. */
export type MacHash = HashName | 'sha1'

/** Whether a string is the exact name of a hash function. */
export function isHash(name: string): name is HashName {
  return Object.hasOwn(hashes, name)
}

/** Whether a string is the name of a hash function for signatures and HMACs. */
export function isMacHash(name: string): name is MacHash {
  return name === 'sha1' || isHash(name)
}

/** OpenSSL's name of a hash function. */
export function opensslHash(name: MacHash): string {
  return name === 'sha1' ? 'sha1' : hashes[name]
}

/** The digest of some bytes. */
export function digest(name: MacHash, bytes: Uint8Array): Uint8Array {
  return createHash(opensslHash(name)).update(bytes).digest()
}
