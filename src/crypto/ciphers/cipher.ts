import type { KeyObject } from 'node:crypto'

/** The most bytes for this thread: OpenSSL needs a few milliseconds for them, about as long as handing them to another thread. */
export const quickBytes = 1024 * 1024

/** A symmetric cipher by its sizes in bytes, and how a raw key becomes one that works. */
export interface Cipher {
  /** Under which it is found by other threads: one of `ciphers`. */
  readonly name: string
  readonly keyBytes: number
  /** Of the nonce or initialisation vector in front of every ciphertext. */
  readonly nonceBytes: number
  /** Whether changes are detected and associated data is bound (RFC 5116). */
  readonly authenticated: boolean
  /**
   * Whether a repeated nonce reveals the key and random nonces are short: the number of messages is limited (NIST SP 800-38D
   * §8.3).
   */
  readonly limited: boolean
  /** Bytes of a message beyond which another thread is to work on it. */
  readonly quickBytes: number
  /** Parses a raw key once; the raw bytes may be wiped afterwards. */
  key(raw: Uint8Array): CipherKey
}

/** One parsed key of a cipher. */
export interface CipherKey {
  /** The raw key, for another thread. */
  shared(): KeyObject
  /** `nonce ‖ ciphertext`, a tag at its end. The nonce must never have been used under this key with another message. */
  encrypt(nonce: Uint8Array, plaintext: Uint8Array, associated?: Uint8Array): Uint8Array
  /** Decrypts the result of `seal`; undefined for all other input, as far as the cipher can detect it. */
  decrypt(sealed: Uint8Array, associated?: Uint8Array): Uint8Array | undefined
}

/** @throws RangeError for a raw key of another size. */
export function sized(raw: Uint8Array, keyBytes: number): Uint8Array {
  if (raw.length !== keyBytes) throw new RangeError(`a key of ${keyBytes} bytes is needed, not ${raw.length}`)
  return raw
}
