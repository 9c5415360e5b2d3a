import { createCipheriv, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { wipe } from '../util/bytes.ts'

const blockBytes = 16
const zero = Buffer.alloc(blockBytes)

/** Makes AES-CMACs (NIST SP 800-38B, RFC 4493) with one key. */
export type Cmac = (data: Uint8Array) => Uint8Array

/** AES-CMAC with a key of 16, 24 or 32 bytes. It is the last block of AES-CBC, which OpenSSL has. */
export function cmac(raw: Uint8Array): Cmac {
  const key = createSecretKey(raw)
  const cipher = `aes-${raw.length * 8}-cbc`
  const whole = doubled(chain(cipher, key, zero))
  const padded = doubled(whole)
  return (data) => {
    const rest = data.length === 0 ? 0 : ((data.length - 1) % blockBytes) + 1
    const full = rest === blockBytes
    const last = Buffer.from(full ? whole : padded)
    for (let at = 0; at < rest; at++) last[at] = (last[at] as number) ^ (data[data.length - rest + at] as number)
    if (!full) last[rest] = (last[rest] as number) ^ 0x80
    const mac = chain(cipher, key, data.subarray(0, data.length - rest), last)
    wipe(last)
    return mac
  }
}

/** The last block of AES-CBC of some whole blocks. */
function chain(name: string, key: KeyObject, ...parts: readonly Uint8Array[]): Uint8Array {
  const cipher = createCipheriv(name, key, zero).setAutoPadding(false)
  const last = Buffer.alloc(blockBytes)
  for (const part of parts) {
    const blocks = cipher.update(part)
    if (blocks.length > 0) blocks.copy(last, 0, blocks.length - blockBytes)
  }
  return last
}

/** Twice a number of GF(2^128): SP 800-38B §6.1. */
export function doubled(block: Uint8Array): Uint8Array {
  const carry = (block[0] as number) >> 7
  const shifted = block.map((byte, at) => ((byte << 1) & 0xff) | ((block[at + 1] ?? 0) >> 7))
  shifted[blockBytes - 1] = (shifted[blockBytes - 1] as number) ^ (carry * 0x87)
  return shifted
}
