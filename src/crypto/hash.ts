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
export type HashName = keyof typeof hashes

/** Whether a text names a hash function, to the letter. */
export function isHash(name: string): name is HashName {
  return Object.hasOwn(hashes, name)
}

/** The digest of some bytes. */
export function digest(name: HashName, bytes: Uint8Array): Uint8Array {
  return createHash(hashes[name]).update(bytes).digest()
}
