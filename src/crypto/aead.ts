import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import type { CipherGCMTypes, KeyObject } from 'node:crypto'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'

/** Authentication tags of every algorithm here, in bytes (NIST SP 800-38D, RFC 8439). Shorter ones are never accepted. */
export const tagBytes = 16

/** An authenticated cipher (RFC 5116) by its sizes in bytes, and how a raw key becomes one that works. */
export interface Aead {
  readonly keyBytes: number
  readonly nonceBytes: number
  /** Parses a raw key once; the raw bytes may be wiped afterwards. */
  key(raw: Uint8Array): AeadKey
}

/** One parsed key of an Aead. */
export interface AeadKey {
  /** `nonce ‖ ciphertext ‖ tag`. The nonce must never have been used under this key with another message. */
  seal(nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array
  /** Opens what `seal` made; undefined when it is too short or not authentic. */
  open(sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined
}

/** AES-GCM and ChaCha20-Poly1305 by OpenSSL. Keys stay bare KeyObjects: anything else costs five times as much on some Nodes. */
class OpensslKey implements AeadKey {
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

function byOpenssl(cipher: CipherGCMTypes | 'chacha20-poly1305', keyBytes: number): Aead {
  // Node handles ChaCha20-Poly1305 exactly as GCM, but its types do not know that.
  const name = cipher as CipherGCMTypes
  return { keyBytes, nonceBytes: openssl.nonceBytes, key: (raw) => new OpensslKey(name, secretKey(raw, keyBytes)) }
}

/** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), which OpenSSL lacks. */
class XchachaKey implements AeadKey {
  readonly #key: Uint8Array

  constructor(key: Uint8Array) {
    this.#key = key
  }

  seal(nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array {
    return Buffer.concat([nonce, xchacha20poly1305(this.#key, nonce, associated).encrypt(plaintext)])
  }

  open(sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined {
    if (sealed.length < xchacha.nonceBytes + tagBytes) return undefined
    try {
      const cipher = xchacha20poly1305(this.#key, sealed.subarray(0, xchacha.nonceBytes), associated)
      return cipher.decrypt(sealed.subarray(xchacha.nonceBytes))
    } catch {
      return undefined
    }
  }
}

const xchacha: Aead = {
  keyBytes: 32,
  nonceBytes: 24,
  key: (raw) => new XchachaKey(Uint8Array.from(sized(raw, 32))),
}

function sized(raw: Uint8Array, keyBytes: number): Uint8Array {
  if (raw.length !== keyBytes) throw new RangeError(`a key of ${keyBytes} bytes is needed, not ${raw.length}`)
  return raw
}

function secretKey(raw: Uint8Array, keyBytes: number): KeyObject {
  return createSecretKey(sized(raw, keyBytes))
}

/** The authenticated ciphers. */
export const aeads = {
  aes128gcm: byOpenssl('aes-128-gcm', 16),
  aes256gcm: byOpenssl('aes-256-gcm', 32),
  chacha20poly1305: byOpenssl('chacha20-poly1305', 32),
  xchacha20poly1305: xchacha,
} as const satisfies Record<string, Aead>
