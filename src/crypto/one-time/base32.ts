const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Base32 (RFC 4648) without padding, as one-time password URLs have it. */
export function base32(bytes: Uint8Array): string {
  let encoded = ''
  let [bits, value] = [0, 0]
  for (const byte of bytes) {
    value = (value << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) encoded += letters.charAt((value >>> (bits - 5)) & 31)
    value &= 31
  }
  return bits > 0 ? encoded + letters.charAt((value << (5 - bits)) & 31) : encoded
}

/** Decodes base32 in either letter case, with its padding or without any. Undefined: it is none. */
export function fromBase32(encoded: string): Uint8Array | undefined {
  const [, digits, padding] = /^([A-Z2-7]*)(=*)$/i.exec(encoded) ?? []
  if (digits === undefined || padding === undefined) return undefined
  if ([1, 3, 6].includes(digits.length % 8) || (padding !== '' && encoded.length !== Math.ceil(digits.length / 8) * 8))
    return undefined
  const bytes = new Uint8Array(Math.floor((digits.length * 5) / 8))
  let [bits, value, at] = [0, 0, 0]
  for (const letter of digits.toUpperCase()) {
    value = ((value << 5) | letters.indexOf(letter)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = (value >>> bits) & 255
  }
  return bytes
}
