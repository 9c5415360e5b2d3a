import { createHmac, hash } from 'node:crypto'
import { wipe } from '../../util/bytes.ts'

/** The block of SHA-256, bytes (FIPS 180-4 §1). */
const block = 64
const scratchBytes = 4096

/**
 * HMAC-SHA-256 (RFC 2104) under one key, for many short strings. The one-shot digest over our own padded keys takes half
 * the time of an Hmac object.
 */
export class HmacSha256 {
  readonly #key: Uint8Array
  readonly #inner = Buffer.alloc(block + scratchBytes)
  readonly #outer = Buffer.alloc(block + 32)

  /** @param key at most 64 bytes; it is overwritten by `wipe`. @throws RangeError for a longer one */
  constructor(key: Uint8Array) {
    if (key.length > block) throw new RangeError(`a key of at most ${block} bytes is needed, not ${key.length}`)
    this.#key = key
    for (let at = 0; at < block; at++) {
      this.#inner[at] = (key[at] ?? 0) ^ 0x36
      this.#outer[at] = (key[at] ?? 0) ^ 0x5c
    }
  }

  /** The HMAC of a string's UTF-8 bytes, or of bytes, in hexadecimal. */
  hex(value: string | Uint8Array): string {
    // A character is at most three bytes.
    if (typeof value === 'string' && value.length <= scratchBytes / 3) return this.#short(value)
    return createHmac('sha256', this.#key).update(value).digest('hex')
  }

  #short(text: string): string {
    const end = block + this.#inner.write(text, block)
    this.#outer.write(hash('sha256', this.#inner.subarray(0, end), 'binary'), block, 'latin1')
    this.#inner.fill(0, block, end)
    return hash('sha256', this.#outer, 'hex')
  }

  /** Overwrites the key. No HMACs can be computed afterwards. */
  wipe(): void {
    wipe(this.#key, this.#inner, this.#outer)
  }
}
