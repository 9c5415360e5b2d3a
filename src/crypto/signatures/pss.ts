import { concat, sameBytes } from '../../util/bytes.ts'
import { digest } from '../hash.ts'
import type { MacHash } from '../hash.ts'
import { randomBytes } from '../fast/random.ts'

/** Whether a salt fits: RFC 8017 §9.1.1, for keys whose length is a multiple of 8 bits. */
export function pssFits(modulusBytes: number, hashBytes: number, saltBytes: number): boolean {
  return saltBytes >= 0 && saltBytes <= modulusBytes - hashBytes - 2
}

/**
 * EMSA-PSS (RFC 8017 §9.1) with MGF1 of the same hash, for given digests: OpenSSL's own functions hash their input. Only
 * for keys whose length is a multiple of 8 bits: then the encoded message is one bit shorter than the key.
 */
export const emsaPss = {
  /** The encoded message of a digest. */
  encode(hash: MacHash, value: Uint8Array, modulusBytes: number, saltBytes: number): Uint8Array {
    const salt = randomBytes(saltBytes)
    const check = digest(hash, concat(new Uint8Array(8), value, salt))
    const padding = new Uint8Array(modulusBytes - saltBytes - check.length - 2)
    const masked = xor(concat(padding, Uint8Array.of(1), salt), mask(hash, check, modulusBytes - check.length - 1))
    masked[0] = (masked[0] as number) & 0x7f
    return concat(masked, check, Uint8Array.of(0xbc))
  },

  /** Whether an encoded message is of this digest; `saltBytes` undefined allows any salt. */
  verify(hash: MacHash, value: Uint8Array, encoded: Uint8Array, saltBytes: number | undefined): boolean {
    const split = encoded.length - value.length - 1
    if (split < 1 || encoded.at(-1) !== 0xbc || (encoded[0] as number) > 0x7f) return false
    const check = encoded.subarray(split, -1)
    const block = xor(encoded.subarray(0, split), mask(hash, check, split))
    block[0] = (block[0] as number) & 0x7f
    const one = block.findIndex((byte) => byte !== 0)
    if (one < 0 || block[one] !== 1) return false
    const salt = block.subarray(one + 1)
    if (saltBytes !== undefined && salt.length !== saltBytes) return false
    return sameBytes(digest(hash, concat(new Uint8Array(8), value, salt)), check)
  },
}

/** MGF1 (RFC 8017 §B.2.1). */
function mask(hash: MacHash, seed: Uint8Array, length: number): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let counter = 0, done = 0; done < length; counter++) {
    const number = Buffer.alloc(4)
    number.writeUInt32BE(counter)
    const block = digest(hash, concat(seed, number))
    blocks.push(block)
    done += block.length
  }
  return concat(...blocks).subarray(0, length)
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, at) => byte ^ (b[at] as number))
}
