import { constants, privateDecrypt, publicEncrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const

/** RSA-OAEP with SHA-256 and no label (RFC 8017 §7.1). Plaintexts have at most `mostBytes` bytes. */
export function sealOaep(key: KeyObject, plaintext: Uint8Array): Uint8Array {
  return publicEncrypt({ key, ...oaep }, plaintext)
}

/** The plaintext of what `sealOaep` made; undefined for anything else, without saying what was wrong with it. */
export function openOaep(key: KeyObject, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return privateDecrypt({ key, ...oaep }, sealed)
  } catch {
    return undefined
  }
}

/** How many bytes a plaintext can have. */
export function mostBytes(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8 - 66
}
