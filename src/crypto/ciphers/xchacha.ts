import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { decryptXChaCha, encryptXChaCha, xchachaBytes } from '../fast/xchacha.ts'
import { quickBytes, sized } from './cipher.ts'
import type { Cipher, CipherKey } from './cipher.ts'

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
  keyBytes: xchachaBytes.key,
  nonceBytes: xchachaBytes.nonce,
  authenticated: true,
  limited: false,
  key: (raw) => new XChaChaKey(Uint8Array.from(sized(raw, xchachaBytes.key))),
}
