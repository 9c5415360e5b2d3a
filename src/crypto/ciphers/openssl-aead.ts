import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { CipherGCMTypes, KeyObject } from 'node:crypto'

/** Authentication tags of every algorithm here, in bytes (NIST SP 800-38D, RFC 8439). Shorter ones are never accepted. */
export const tagBytes = 16

/** An authenticated cipher of OpenSSL and a key for it. Bare bytes as a key cost several times as much on some Nodes. */
export interface OpensslAead {
  readonly cipher: CipherGCMTypes
  readonly key: KeyObject
}

/** ChaCha20-Poly1305: Node handles it exactly like GCM, but its types lack it. */
export const chacha20poly1305 = 'chacha20-poly1305' as CipherGCMTypes

/** `head ‖ ciphertext ‖ tag`. */
export function sealBehind(
  head: Uint8Array,
  { cipher: name, key }: OpensslAead,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associated?: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(name, key, nonce, { authTagLength: tagBytes })
  if (associated !== undefined && associated.length > 0) cipher.setAAD(associated)
  const body = cipher.update(plaintext)
  const tail = cipher.final()
  return Buffer.concat([head, body, tail, cipher.getAuthTag()])
}

/** Decrypts `ciphertext ‖ tag`; undefined for all other input. */
export function openBox(
  { cipher: name, key }: OpensslAead,
  nonce: Uint8Array,
  box: Uint8Array,
  associated?: Uint8Array,
): Uint8Array | undefined {
  const end = box.length - tagBytes
  if (end < 0) return undefined
  const decipher = createDecipheriv(name, key, nonce, { authTagLength: tagBytes })
  decipher.setAuthTag(box.subarray(end))
  if (associated !== undefined && associated.length > 0) decipher.setAAD(associated)
  const plaintext = decipher.update(box.subarray(0, end))
  try {
    decipher.final()
    return plaintext
  } catch {
    plaintext.fill(0)
    return undefined
  }
}
