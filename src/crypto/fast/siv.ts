import { createCipheriv, createSecretKey, timingSafeEqual } from 'node:crypto'
import { cmac, doubled, xored } from './cmac.ts'
import type { Cmac } from './cmac.ts'

const tagBytes = 16
const zero = new Uint8Array(tagBytes)

/**
 * AES-SIV (RFC 5297) with one piece of associated data and a key of 64 bytes, over OpenSSL's AES: several times faster for
 * short texts than noble's, which a test holds it against. What depends only on the associated data is computed once, in `under`.
 */
export class Siv {
  #keys: Keys | undefined

  /** @param key 64 bytes: the first half authenticates, the second encrypts */
  constructor(key: Uint8Array) {
    if (key.length !== 64) throw new RangeError('AES-SIV wants a key of 64 bytes')
    const mac = cmac(key.subarray(0, 32))
    const [single, counters] = [blocksOf(key.subarray(0, 32)), blocksOf(key.subarray(32))]
    this.#keys = { mac, begun: doubled(mac(zero)), single, whole: doubled(single(zero)), counters }
  }

  /** The state of S2V (RFC 5297 §2.4) after this associated data. */
  under(associated: Uint8Array): Uint8Array {
    const { mac, begun } = this.#usable()
    return xored(mac(associated), begun, 0)
  }

  encrypt(state: Uint8Array, plain: Uint8Array): Buffer {
    const tag = this.#tag(state, plain)
    return Buffer.concat([tag, this.#crypt(tag, plain)])
  }

  /** Undefined when the box, or its associated data, is another. */
  decrypt(state: Uint8Array, box: Uint8Array): Uint8Array | undefined {
    if (box.length < tagBytes) return undefined
    const tag = box.subarray(0, tagBytes)
    const plain = this.#crypt(tag, box.subarray(tagBytes))
    return timingSafeEqual(this.#tag(state, plain), tag) ? plain : undefined
  }

  /** `decrypt` for many values with the same data. Short ones are decrypted together, at a fraction of the time. */
  decryptAll(state: Uint8Array, boxes: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    const short = this.#openShort(state, boxes.filter(isShort)).values()
    return boxes.map((box) => (isShort(box) ? short.next().value : this.decrypt(state, box)))
  }

  #openShort(state: Uint8Array, boxes: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    const { counters, single, whole } = this.#usable()
    const blocks = Buffer.alloc(boxes.length * tagBytes)
    for (const [at, box] of boxes.entries()) putCounter(blocks, at * tagBytes, box, 0)
    const stream = counters(blocks)
    // Each is less than a block: its CMAC is the encryption of that one block.
    const mask = xored(doubled(state), whole, 0)
    const plains = boxes.map((box, at) => {
      const plain = xored(stream.subarray(at * tagBytes, (at - 1) * tagBytes + box.length), box.subarray(tagBytes), 0)
      blocks.set(padded(mask, plain), at * tagBytes)
      return plain
    })
    const tags = single(blocks)
    return plains.map((plain, at) => {
      const tag = tags.subarray(at * tagBytes, (at + 1) * tagBytes)
      return timingSafeEqual(tag, (boxes[at] as Uint8Array).subarray(0, tagBytes)) ? plain : undefined
    })
  }

  /** Drops the keys; from now on every call throws. */
  forget(): void {
    this.#keys = undefined
  }

  #tag(state: Uint8Array, plain: Uint8Array): Uint8Array {
    const { mac } = this.#usable()
    if (plain.length >= tagBytes) return mac(xored(Uint8Array.from(plain), state, plain.length - tagBytes))
    return mac(padded(doubled(state), plain))
  }

  #crypt(tag: Uint8Array, data: Uint8Array): Uint8Array {
    const counters = Buffer.alloc(Math.ceil(data.length / tagBytes) * tagBytes)
    for (let at = 0; at < counters.length; at += tagBytes) putCounter(counters, at, tag, at / tagBytes)
    return xored(this.#usable().counters(counters).subarray(0, data.length), data, 0)
  }

  #usable() {
    if (!this.#keys) throw new Error('the key of the names is gone')
    return this.#keys
  }
}

interface Keys {
  readonly mac: Cmac
  /** The first value of S2V. */
  readonly begun: Uint8Array
  /** AES under the key of `mac`, and CMAC's addition to a complete last block. */
  readonly single: Blocks
  readonly whole: Uint8Array
  readonly counters: Blocks
}

/** AES of several independent blocks: one cipher object for all, since ECB has no state. */
type Blocks = (blocks: Uint8Array) => Buffer

function blocksOf(raw: Uint8Array): Blocks {
  const cipher = createCipheriv('aes-256-ecb', createSecretKey(raw), null).setAutoPadding(false)
  return (blocks) => cipher.update(blocks)
}

/** The counter of a block, RFC 5297 §2.6: two bits are cleared, so that counters of 32 and 64 bits have the same result. */
function putCounter(into: Buffer, at: number, tag: Uint8Array, block: number): void {
  into.set(tag.subarray(0, tagBytes), at)
  into[at + 8] = (into[at + 8] as number) & 0x7f
  into.writeUInt32BE((into.readUInt32BE(at + 12) & 0x7fffffff) + block, at + 12)
}

/** Less than a block, and its tag. */
const isShort = ({ length }: Uint8Array): boolean => length >= tagBytes && length < 2 * tagBytes

/** A short string, padded, XORed with a block. */
function padded(block: Uint8Array, short: Uint8Array): Uint8Array {
  const last = xored(Uint8Array.from(block), short, 0)
  last[short.length] = (last[short.length] as number) ^ 0x80
  return last
}
