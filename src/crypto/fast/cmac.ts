import { createCipheriv, createSecretKey } from 'node:crypto'
import type { CipherCCM, CipherGCM, KeyObject } from 'node:crypto'

const blockBytes = 16
const zero = Buffer.alloc(blockBytes)

/** Computes AES-CMACs (NIST SP 800-38B, RFC 4493) with one key. */
export type Cmac = (data: Uint8Array) => Uint8Array

/** AES-CMAC with a key of 16, 24 or 32 bytes. It is the last block of AES-CBC, which OpenSSL has. */
export function cmac(raw: Uint8Array): Cmac {
  const chain = new Chain(raw)
  const whole = doubled(chain.last(Buffer.alloc(blockBytes)))
  const padded = doubled(whole)
  return (data) => {
    const blocks = Math.max(1, Math.ceil(data.length / blockBytes))
    const text = Buffer.alloc(blocks * blockBytes)
    text.set(data)
    if (data.length < text.length) text[data.length] = 0x80
    xored(text, data.length < text.length ? padded : whole, text.length - blockBytes)
    return chain.last(text)
  }
}

type Cipher = Exclude<ReturnType<typeof createCipheriv>, CipherCCM | CipherGCM>

/**
 * AES-CBC from a vector of zeros, repeatedly with one cipher object: creating one costs more than using it. The value that it
 * would mix into the next block is known, and is removed by another XOR.
 */
class Chain {
  readonly #name: string
  readonly #key: KeyObject
  #cipher: Cipher | undefined
  #state: Uint8Array = zero

  constructor(raw: Uint8Array) {
    this.#name = `aes-${raw.length * 8}-cbc`
    this.#key = createSecretKey(raw)
  }

  /** The last block of the result for whole blocks. Overwrites them. */
  last(blocks: Uint8Array): Uint8Array {
    const cipher = this.#cipher ?? createCipheriv(this.#name, this.#key, zero).setAutoPadding(false)
    // After a failure its state is unknown.
    this.#cipher = undefined
    const out = cipher.update(xored(blocks, this.#state, 0))
    this.#state = Uint8Array.from(out.subarray(out.length - blockBytes))
    this.#cipher = cipher
    blocks.fill(0)
    return Uint8Array.from(this.#state)
  }
}

/** Twice a number of GF(2^128): SP 800-38B §6.1. */
export function doubled(block: Uint8Array): Uint8Array {
  const twice = new Uint8Array(blockBytes)
  for (let at = 0; at < blockBytes; at++) twice[at] = ((block[at] as number) << 1) | ((block[at + 1] ?? 0) >> 7)
  if ((block[0] as number) >= 0x80) twice[blockBytes - 1] = (twice[blockBytes - 1] as number) ^ 0x87
  return twice
}

/** Adds `source` to `target` in GF(2)^n, from a place on. */
export function xored<T extends Uint8Array>(target: T, source: Uint8Array, from: number): T {
  for (let at = 0; at < source.length; at++) target[from + at] = (target[from + at] as number) ^ (source[at] as number)
  return target
}
