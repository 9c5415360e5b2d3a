import { createSecretKey } from 'node:crypto'
import type { CipherGCMTypes, KeyObject } from 'node:crypto'
import { gcmsiv } from '@noble/ciphers/aes.js'
import { quickBytes, sized } from './cipher.ts'
import type { Cipher, CipherKey } from './cipher.ts'
import { chacha20poly1305, openBox, sealBehind, tagBytes } from './openssl-aead.ts'
import type { OpensslAead } from './openssl-aead.ts'
import { xchacha20poly1305 } from './xchacha.ts'

const opensslNonceBytes = 12

/** AES-GCM and ChaCha20-Poly1305 by OpenSSL. */
class OpensslKey implements CipherKey {
  readonly #aead: OpensslAead

  constructor(aead: OpensslAead) {
    this.#aead = aead
  }

  shared(): KeyObject {
    return this.#aead.key
  }

  encrypt(nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array {
    return sealBehind(nonce, this.#aead, nonce, plaintext, associated)
  }

  decrypt(sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
    if (sealed.length < opensslNonceBytes + tagBytes) return undefined
    const nonce = sealed.subarray(0, opensslNonceBytes)
    return openBox(this.#aead, nonce, sealed.subarray(opensslNonceBytes), associated)
  }
}

function byOpenssl(cipher: CipherGCMTypes, keyBytes: number): Cipher {
  const key = (raw: Uint8Array) => new OpensslKey({ cipher, key: createSecretKey(sized(raw, keyBytes)) })
  const sizes = { keyBytes, nonceBytes: opensslNonceBytes, quickBytes }
  return { name: cipher, ...sizes, authenticated: true, limited: true, key }
}

type NobleCipher = (
  key: Uint8Array,
  nonce: Uint8Array,
  associated?: Uint8Array,
) => {
  encrypt(plaintext: Uint8Array): Uint8Array
  decrypt(sealed: Uint8Array): Uint8Array
}

/** AES-GCM-SIV, which OpenSSL lacks here. */
class NobleKey implements CipherKey {
  readonly #cipher: NobleCipher
  readonly #key: Uint8Array
  readonly #nonceBytes: number

  constructor(cipher: NobleCipher, key: Uint8Array, nonceBytes: number) {
    this.#cipher = cipher
    this.#key = key
    this.#nonceBytes = nonceBytes
  }

  shared(): KeyObject {
    return createSecretKey(this.#key)
  }

  encrypt(nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array {
    return Buffer.concat([nonce, this.#cipher(this.#key, nonce, associated).encrypt(plaintext)])
  }

  decrypt(sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
    if (sealed.length < this.#nonceBytes + tagBytes) return undefined
    try {
      const cipher = this.#cipher(this.#key, sealed.subarray(0, this.#nonceBytes), associated)
      return cipher.decrypt(sealed.subarray(this.#nonceBytes))
    } catch {
      return undefined
    }
  }
}

/** Noble takes 50 ms for one mebibyte. */
const quickForNoble = 16 * 1024

function byNoble(name: string, cipher: NobleCipher, keyBytes: number, nonceBytes: number): Cipher {
  const key = (raw: Uint8Array) => new NobleKey(cipher, Uint8Array.from(sized(raw, keyBytes)), nonceBytes)
  const sizes = { keyBytes, nonceBytes, quickBytes: quickForNoble }
  return { name, ...sizes, authenticated: true, limited: false, key }
}

/** The authenticated ciphers: NIST SP 800-38D, RFC 8439, draft-irtf-cfrg-xchacha-03, RFC 8452. */
export const aeads = {
  aes128gcm: byOpenssl('aes-128-gcm', 16),
  aes192gcm: byOpenssl('aes-192-gcm', 24),
  aes256gcm: byOpenssl('aes-256-gcm', 32),
  aes128gcmSiv: byNoble('aes-128-gcm-siv', gcmsiv, 16, 12),
  aes256gcmSiv: byNoble('aes-256-gcm-siv', gcmsiv, 32, 12),
  chacha20poly1305: byOpenssl(chacha20poly1305, 32),
  xchacha20poly1305,
} as const satisfies Record<string, Cipher>
