import { timingSafeEqual } from 'node:crypto'
import type { Entry } from '../../contract/storage.ts'
import { sha512t256 } from '../../crypto/fast/digest.ts'

/** Bytes of a sum. */
export const sumBytes = 32
/**
 * The plaintext bytes at the beginning of a frame, including the nonce, and the tag at its end: they represent the whole frame.
 */
const [front, tag] = [29, 16]

/** A multiset of records as one number: the exclusive or of a secret one for each (MSet-XOR-Hash, Clarke et al. 2003). */
export type Sum = Buffer

/** The sum of no records. */
export function nothing(): Sum {
  return Buffer.alloc(sumBytes)
}

/** Adds a number that is not in the sum, removes one that is. */
export function toggle(sum: Sum, element: Uint8Array): void {
  for (let at = 0; at < sumBytes; at++) sum[at] = (sum[at] as number) ^ (element[at] as number)
}

/** Compares in constant time. */
export function sameSum(a: Sum, b: Sum): boolean {
  return timingSafeEqual(a, b)
}

/**
 * The numbers of records: SHA-512/256 of key ‖ revision (8 bytes, big-endian) ‖ storage key ‖ 0 ‖ the value's representative.
 * The numbers and their sums are secret: sums are stored encrypted.
 */
export class Elements {
  readonly #key: Uint8Array
  #scratch: Buffer

  /** @param key 32 bytes. */
  constructor(key: Uint8Array) {
    this.#key = key
    this.#scratch = this.#enlarged(1024)
  }

  /** The number of a record. Of a frame only nonce and tag are read; other values are read as a whole. */
  of({ key, value, rev }: Entry): Buffer {
    const framed = key.startsWith('e/') || key.startsWith('d/')
    const bytes = framed ? front + tag : value.length
    const size = 40 + key.length * 3 + 1 + bytes
    if (size > this.#scratch.length) this.#scratch = this.#enlarged(size)
    const scratch = this.#scratch
    scratch.writeBigUInt64BE(rev, 32)
    let end = 40 + scratch.write(key, 40, 'utf8')
    scratch[end++] = 0
    scratch.set(framed ? value.subarray(0, front) : value, end)
    if (framed) scratch.set(value.subarray(-tag), end + Math.min(front, value.length))
    end += framed ? Math.min(front, value.length) + Math.min(tag, value.length) : bytes
    return sha512t256(scratch.subarray(0, end))
  }

  /** Overwrites the key. */
  wipe(): void {
    this.#key.fill(0)
    this.#scratch.fill(0)
  }

  #enlarged(size: number): Buffer {
    const buffer = Buffer.alloc(size)
    buffer.set(this.#key)
    return buffer
  }
}
