import { createSecretKey } from 'node:crypto'
import { hchacha } from '@noble/ciphers/chacha.js'
import { sized } from '../ciphers/cipher.ts'
import { chacha20poly1305, openBox, sealBehind, tagBytes } from '../ciphers/openssl-aead.ts'
import type { OpensslAead } from '../ciphers/openssl-aead.ts'

/** Sizes of XChaCha20-Poly1305, bytes. */
export const xchachaBytes = { key: 32, nonce: 24 } as const

const sigma = new Uint32Array(Uint8Array.from(Buffer.from('expand 32-byte k')).buffer)

/** Buffers for one message: no step waits for another, so one set is enough. Wiped after each message. */
const scratch = {
  key: new Uint32Array(8),
  nonce: new Uint32Array(4),
  subkey: new Uint32Array(8),
  short: new Uint8Array(12),
}

/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), where OpenSSL has only ChaCha20-Poly1305: HChaCha20 makes the key of
 * the message, OpenSSL does the rest. Returns `nonce ‖ ciphertext ‖ tag`.
 * @param key 32 bytes. @param nonce 24 bytes: random ones never repeat. @throws RangeError for other sizes
 */
export function encryptXChaCha(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associated?: Uint8Array,
): Uint8Array {
  return forMessage(key, nonce, (aead, short) => sealBehind(nonce, aead, short, plaintext, associated))
}

/** Decrypts the result of `encryptXChaCha`; undefined for all other input. */
export function decryptXChaCha(key: Uint8Array, sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
  if (sealed.length < xchachaBytes.nonce + tagBytes) return undefined
  const box = sealed.subarray(xchachaBytes.nonce)
  return forMessage(key, sealed.subarray(0, xchachaBytes.nonce), (aead, short) => openBox(aead, short, box, associated))
}

function forMessage<T>(key: Uint8Array, nonce: Uint8Array, use: (aead: OpensslAead, short: Uint8Array) => T): T {
  const { short, subkey } = scratch
  if (nonce.length !== xchachaBytes.nonce)
    throw new RangeError(`a nonce of ${xchachaBytes.nonce} bytes is needed, not ${nonce.length}`)
  bytesOf(scratch.key).set(sized(key, xchachaBytes.key))
  bytesOf(scratch.nonce).set(nonce.subarray(0, 16))
  short.set(nonce.subarray(16, xchachaBytes.nonce), 4)
  try {
    hchacha(sigma, scratch.key, scratch.nonce, subkey)
    return use({ cipher: chacha20poly1305, key: createSecretKey(bytesOf(subkey)) }, short)
  } finally {
    scratch.key.fill(0)
    subkey.fill(0)
  }
}

const bytesOf = ({ buffer }: Uint32Array): Uint8Array => new Uint8Array(buffer)
