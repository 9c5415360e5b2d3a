import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { concat } from '../../util/bytes.ts'
import { quickBytes, sized } from './cipher.ts'
import type { Cipher, CipherKey } from './cipher.ts'

const blockBytes = 16

/** AES-CBC with the padding of PKCS#7 (NIST SP 800-38A, RFC 5652 §6.3), by OpenSSL. Nothing detects changes. */
class CbcKey implements CipherKey {
  readonly #cipher: string
  readonly #key: KeyObject

  constructor(cipher: string, key: KeyObject) {
    this.#cipher = cipher
    this.#key = key
  }

  shared(): KeyObject {
    return this.#key
  }

  encrypt(vector: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const cipher = createCipheriv(this.#cipher, this.#key, vector)
    return concat(vector, cipher.update(plaintext), cipher.final())
  }

  decrypt(sealed: Uint8Array): Uint8Array | undefined {
    const decipher = createDecipheriv(this.#cipher, this.#key, sealed.subarray(0, blockBytes))
    const plaintext = decipher.update(sealed.subarray(blockBytes))
    try {
      return concat(plaintext, decipher.final())
    } catch {
      return undefined
    } finally {
      plaintext.fill(0)
    }
  }
}

function cbc(bits: 128 | 256): Cipher {
  const keyBytes = bits / 8
  return {
    name: `aes-${bits}-cbc`,
    keyBytes,
    nonceBytes: blockBytes,
    authenticated: false,
    limited: false,
    quickBytes,
    key: (raw) => new CbcKey(`aes-${bits}-cbc`, createSecretKey(sized(raw, keyBytes))),
  }
}

/** Ciphers without authentication, for data of other systems in this form. */
export const cbcs = { aes128cbc: cbc(128), aes256cbc: cbc(256) } as const satisfies Record<string, Cipher>
