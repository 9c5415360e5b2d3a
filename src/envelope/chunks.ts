import { aeads } from '../crypto/ciphers/aead.ts'
import { tagBytes } from '../crypto/ciphers/openssl-aead.ts'
import type { CipherKey } from '../crypto/ciphers/cipher.ts'
import { hkdfSha256 } from '../crypto/kdf.ts'
import { wipe } from '../util/bytes.ts'
import { fixedBytes, sizes } from './header.ts'
import type { Fixed } from './header.ts'

const { aes256gcm: cipher } = aeads

/** The keys that are derived from a data key for one envelope. */
interface Keys {
  readonly key: CipherKey
  /** Part of the header; distinguishes a wrong data key or a changed header from a damaged chunk. */
  readonly proof: Uint8Array
}

/** HKDF-SHA-256 of the data key with all fixed fields as its context: a changed field results in other keys. */
export function keysOf(dataKey: Uint8Array, fixed: Fixed): Keys {
  const derived = hkdfSha256(dataKey)(fixedBytes(fixed), cipher.keyBytes + sizes.proof)
  const raw = derived.subarray(0, cipher.keyBytes)
  const keys = { key: cipher.key(raw), proof: derived.slice(cipher.keyBytes) }
  wipe(raw)
  return keys
}

/** Bytes that a chunk is longer than its plaintext. */
export const overhead = tagBytes

/**
 * The nonce of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the chunk's number and whether it is the last. The
 * key is of this envelope alone, so the number need not be random.
 */
function nonce(index: number, last: boolean): Uint8Array {
  const bytes = Buffer.alloc(cipher.nonceBytes)
  bytes.writeUIntBE(index, cipher.nonceBytes - 7, 6)
  bytes[cipher.nonceBytes - 1] = last ? 1 : 0
  return bytes
}

/** Encrypts one chunk. */
export function encryptChunk(key: CipherKey, plaintext: Uint8Array, index: number, last: boolean): Uint8Array {
  return key.encrypt(nonce(index, last), plaintext).subarray(cipher.nonceBytes)
}

/** Decrypts one chunk; undefined if it is not this chunk of this envelope. */
export function decryptChunk(key: CipherKey, sealed: Uint8Array, index: number, last: boolean): Uint8Array | undefined {
  return key.decrypt(Buffer.concat([nonce(index, last), sealed]))
}
