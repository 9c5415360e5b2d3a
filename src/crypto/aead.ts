import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import type { CipherGCMTypes, KeyObject } from 'node:crypto'
import { gcmsiv } from '@noble/ciphers/aes.js'
import { sized } from './cipher.ts'
import type { Cipher, CipherKey } from './cipher.ts'
import { xchacha20poly1305 } from './xchacha.ts'

/** Authentication tags of every algorithm here, in bytes (NIST SP 800-38D, RFC 8439). Shorter ones are never accepted. */
export const tagBytes = 16

/** AES-GCM and ChaCha20-Poly1305 by OpenSSL. Keys stay bare KeyObjects: anything else costs five times as much on some Nodes. */
class OpensslKey implements CipherKey {
  readonly #cipher: CipherGCMTypes
  readonly #key: KeyObject

  constructor(cipher: CipherGCMTypes, key: KeyObject) {
    this.#cipher = cipher
    this.#key = key
  }

  seal(nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array {
    const cipher = createCipheriv(this.#cipher, this.#key, nonce, { authTagLength: tagBytes })
    if (associated !== undefined && associated.length > 0) cipher.setAAD(associated)
    const body = cipher.update(plaintext)
    const tail = cipher.final()
    return Buffer.concat([nonce, body, tail, cipher.getAuthTag()])
  }

  open(sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
    const end = sealed.length - tagBytes
    if (end < openssl.nonceBytes) return undefined
    const nonce = sealed.subarray(0, openssl.nonceBytes)
    const decipher = createDecipheriv(this.#cipher, this.#key, nonce, { authTagLength: tagBytes })
    decipher.setAuthTag(sealed.subarray(end))
    if (associated !== undefined && associated.length > 0) decipher.setAAD(associated)
    const plaintext = decipher.update(sealed.subarray(openssl.nonceBytes, end))
    try {
      decipher.final()
      return plaintext
    } catch {
      plaintext.fill(0)
      return undefined
    }
  }
}

const openssl = { nonceBytes: 12 } as const

function byOpenssl(cipher: CipherGCMTypes | 'chacha20-poly1305', keyBytes: number): Cipher {
  // Node handles ChaCha20-Poly1305 exactly as GCM, but its types do not know that.
  const name = cipher as CipherGCMTypes
  const key = (raw: Uint8Array) => new OpensslKey(name, createSecretKey(sized(raw, keyBytes)))
  return { keyBytes, nonceBytes: openssl.nonceBytes, authenticated: true, limited: true, key }
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

  seal(nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array {
    return Buffer.concat([nonce, this.#cipher(this.#key, nonce, associated).encrypt(plaintext)])
  }

  open(sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
    if (sealed.length < this.#nonceBytes + tagBytes) return undefined
    try {
      const cipher = this.#cipher(this.#key, sealed.subarray(0, this.#nonceBytes), associated)
      return cipher.decrypt(sealed.subarray(this.#nonceBytes))
    } catch {
      return undefined
    }
  }
}

function byNoble(cipher: NobleCipher, keyBytes: number, nonceBytes: number): Cipher {
  const key = (raw: Uint8Array) => new NobleKey(cipher, Uint8Array.from(sized(raw, keyBytes)), nonceBytes)
  return { keyBytes, nonceBytes, authenticated: true, limited: false, key }
}

/** The authenticated ciphers: NIST SP 800-38D, RFC 8439, draft-irtf-cfrg-xchacha-03, RFC 8452. */
export const aeads = {
  aes128gcm: byOpenssl('aes-128-gcm', 16),
  aes192gcm: byOpenssl('aes-192-gcm', 24),
  aes256gcm: byOpenssl('aes-256-gcm', 32),
  aes128gcmSiv: byNoble(gcmsiv, 16, 12),
  aes256gcmSiv: byNoble(gcmsiv, 32, 12),
  chacha20poly1305: byOpenssl('chacha20-poly1305', 32),
  xchacha20poly1305,
} as const satisfies Record<string, Cipher>
