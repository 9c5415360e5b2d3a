import { hash, timingSafeEqual } from 'node:crypto'

/** The UTF-8 bytes of a string. */
export function utf8(value: string): Uint8Array {
  return Buffer.from(value, 'utf8')
}

/** The string of UTF-8 bytes. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The string of bytes, or undefined when they are not UTF-8. */
export function textOrNone(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** Standard base64 with padding. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/**
 * Strict standard base64 (RFC 4648 §4, padding required; CR and LF are skipped, as Go's decoder does).
 * Returns undefined for all other input, including the URL alphabet and missing padding.
 */
export function fromBase64(encoded: string): Uint8Array | undefined {
  const broken = encoded.includes('\n') || encoded.includes('\r')
  const bare = broken ? encoded.replace(/[\r\n]/g, '') : encoded
  const bytes = Buffer.from(bare, 'base64')
  // Re-encoding is the cheapest exact check: Node's decoder accepts far more than the RFC does.
  return bytes.toString('base64') === bare || looseTail(bare, bytes) ? bytes : undefined
}

/** Go's decoder ignores the unused bits of the last letter; Node's encoder writes them as zero. */
function looseTail(encoded: string, bytes: Buffer): boolean {
  if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return false
  return bytes.toString('base64').length === encoded.length
}

/** Strict hexadecimal of either case, or undefined. */
export function fromHex(encoded: string): Uint8Array | undefined {
  return encoded.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(encoded) ? Buffer.from(encoded, 'hex') : undefined
}

/** All parts concatenated, in fresh memory. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

/** Equality in constant time for all contents; lengths may differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))
}

/** `sameBytes` for strings. */
export function sameText(a: string, b: string): boolean {
  return sameBytes(utf8(a), utf8(b))
}

/** Overwrites our own buffers with zeros. Copies by the runtime are out of reach. */
export function wipe(...buffers: readonly Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0)
}

/** Order by bytes, as Go sorts strings; `<` on JavaScript strings compares UTF-16 units. */
export function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
