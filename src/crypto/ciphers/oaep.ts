import { constants, privateDecrypt, publicEncrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { OaepHash } from './key-wrap.ts'

/** The parameters of a padding: its hash function, also for the mask, and the label of the ciphertext. */
export interface OaepOptions {
  readonly hash: OaepHash
  readonly label: Uint8Array
}

function options(key: KeyObject, { hash, label }: OaepOptions) {
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return { key, padding, oaepHash: hash, ...(label.length > 0 && { oaepLabel: label }) }
}

/** RSA-OAEP (RFC 8017 §7.1). Plaintexts have at most `mostBytes` bytes. */
export function encryptOaep(key: KeyObject, plaintext: Uint8Array, padding: OaepOptions): Uint8Array {
  return publicEncrypt(options(key, padding), plaintext)
}

/** The plaintext from `sealOaep`; undefined for all other input, without a reason. */
export function decryptOaep(key: KeyObject, sealed: Uint8Array, padding: OaepOptions): Uint8Array | undefined {
  try {
    return privateDecrypt(options(key, padding), sealed)
  } catch {
    return undefined
  }
}

const hashBytes: Readonly<Record<OaepHash, number>> = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 }

/** How many bytes a plaintext can have. */
export function mostBytes(key: KeyObject, { hash }: OaepOptions): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8 - 2 * hashBytes[hash] - 2
}
