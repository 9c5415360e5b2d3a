import { createHmac, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { wipe } from '../util/bytes.ts'

const hashBytes = 32

/** HMAC-SHA-256 (RFC 2104). */
export function hmacSha256(key: KeyObject, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** A function that derives keys from one secret, each for its own context. */
export type Derive = (context: Uint8Array, length: number) => Uint8Array

/**
 * HKDF-SHA-256 without salt (RFC 5869); the context is its `info`. The extract step depends on the secret alone, so it
 * is done here and not at each derivation.
 */
export function hkdfSha256(secret: Uint8Array): Derive {
  const extracted = hmacSha256(createSecretKey(Buffer.alloc(hashBytes)), secret)
  const key = createSecretKey(extracted)
  wipe(extracted)
  return (context, length) => {
    const blocks: Uint8Array[] = []
    for (let block = 1; blocks.length * hashBytes < length; block++)
      blocks.push(hmacSha256(key, blocks.at(-1) ?? new Uint8Array(), context, Uint8Array.of(block)))
    return Buffer.concat(blocks).subarray(0, length)
  }
}

/**
 * The counter mode of NIST SP 800-108 with HMAC-SHA-256 as Vault's oldest derived keys have it: counter and length are
 * 32-bit big-endian, the counter starts at 0, the length is in bits.
 */
export function counterSha256(secret: Uint8Array): Derive {
  const key = createSecretKey(secret)
  return (context, length) => {
    const blocks: Uint8Array[] = []
    for (let block = 0; blocks.length * hashBytes < length; block++)
      blocks.push(hmacSha256(key, uint32(block), context, uint32(length * 8)))
    return Buffer.concat(blocks).subarray(0, length)
  }
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The key derivation functions, by Vault's names. */
export const kdfs = {
  hkdf_sha256: hkdfSha256,
  'hmac-sha256-counter': counterSha256,
} as const satisfies Record<string, (secret: Uint8Array) => Derive>
export type KdfName = keyof typeof kdfs
