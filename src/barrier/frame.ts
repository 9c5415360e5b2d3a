import { decryptXChaCha, encryptXChaCha } from '../crypto/fast/xchacha.ts'
import { utf8 } from '../util/bytes.ts'

/** Layout of a sealed value: version (1 byte, 1) ‖ term (4, big-endian) ‖ nonce (24) ‖ XChaCha20-Poly1305 ciphertext and tag. */
const version = 1
const head = 5
const nonceSize = 24

/**
 * A stored value that cannot be decrypted: it was changed, moved or truncated outside strongroom, or belongs to another store.
 */
export class BrokenRecord extends Error {}

/** Seals a value for one place. The place (storage key) and the store's id are authenticated with it. */
export function encryptValue(
  key: Uint8Array,
  term: number,
  place: string,
  value: Uint8Array,
  random: (bytes: number) => Uint8Array,
): Uint8Array {
  const box = encryptXChaCha(key, random(nonceSize), value, utf8(place))
  const frame = Buffer.allocUnsafe(head + box.length)
  frame.writeUInt8(version, 0)
  frame.writeUInt32BE(term, 1)
  frame.set(box, head)
  return frame
}

/** The term a value was sealed under. @throws BrokenRecord */
export function termOf(frame: Uint8Array): number {
  if (frame.length < head + nonceSize + 16 || frame[0] !== version) throw new BrokenRecord('not a sealed value')
  return new DataView(frame.buffer, frame.byteOffset).getUint32(1)
}

/** Decrypts a value with the storage key for which it was encrypted. @throws BrokenRecord */
export function decryptValue(key: Uint8Array, place: string, frame: Uint8Array): Uint8Array {
  const value = decryptXChaCha(key, frame.subarray(head), utf8(place))
  if (value) return value
  throw new BrokenRecord('the value does not open at this place')
}
