import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { hchacha } from '@noble/ciphers/chacha.js'
import { quickBytes, sized } from './cipher.ts'
import type { Cipher, CipherKey } from './cipher.ts'
import { chacha20poly1305, openBox, sealBehind, tagBytes } from './openssl-aead.ts'
import type { OpensslAead } from './openssl-aead.ts'

const keyBytes = 32
const nonceBytes = 24
const sigma = new Uint32Array(Uint8Array.from(Buffer.from('expand 32-byte k')).buffer)

/** Buffers for one message: no step waits for another, so one set is enough. Wiped after each message. */
const scratch = { key: new Uint32Array(8), nonce: new Uint32Array(4), subkey: new Uint32Array(8), short: new Uint8Array(12) } // prettier-ignore

/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), where OpenSSL has only ChaCha20-Poly1305: HChaCha20 makes the key of
 * the message, OpenSSL does the rest. `nonce ‖ ciphertext ‖ tag`.
 * @param key 32 bytes. @param nonce 24 bytes, random ones never meet again.
 */
export function encryptXChaCha(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associated?: Uint8Array,
): Uint8Array {
  return forMessage(key, nonce, (aead, short) => sealBehind(nonce, aead, short, plaintext, associated))
}

/** Opens what `sealXChaCha` made; undefined when it is anything else. */
export function decryptXChaCha(key: Uint8Array, sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
  if (sealed.length < nonceBytes + tagBytes) return undefined
  const box = sealed.subarray(nonceBytes)
  return forMessage(key, sealed.subarray(0, nonceBytes), (aead, short) => openBox(aead, short, box, associated))
}

function forMessage<T>(key: Uint8Array, nonce: Uint8Array, use: (aead: OpensslAead, short: Uint8Array) => T): T {
  const { short, subkey } = scratch
  if (nonce.length !== nonceBytes) throw new RangeError(`a nonce of ${nonceBytes} bytes is needed, not ${nonce.length}`)
  bytesOf(scratch.key).set(sized(key, keyBytes))
  bytesOf(scratch.nonce).set(nonce.subarray(0, 16))
  short.set(nonce.subarray(16, nonceBytes), 4)
  try {
    hchacha(sigma, scratch.key, scratch.nonce, subkey)
    return use({ cipher: chacha20poly1305, key: createSecretKey(bytesOf(subkey)) }, short)
  } finally {
    scratch.key.fill(0)
    subkey.fill(0)
  }
}

const bytesOf = ({ buffer }: Uint32Array): Uint8Array => new Uint8Array(buffer)

class XChaChaKey implements CipherKey {
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = key
  }

  shared(): KeyObject {
    return createSecretKey(this.#key)
  }

  encrypt(nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array {
    return encryptXChaCha(this.#key, nonce, plaintext, associated)
  }

  decrypt(sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
    return decryptXChaCha(this.#key, sealed, associated)
  }
}

/** XChaCha20-Poly1305 as one of the ciphers. */
export const xchacha20poly1305: Cipher = {
  name: 'xchacha20-poly1305',
  quickBytes,
  keyBytes,
  nonceBytes,
  authenticated: true,
  limited: false,
  key: (raw) => new XChaChaKey(Uint8Array.from(sized(raw, keyBytes))),
}
