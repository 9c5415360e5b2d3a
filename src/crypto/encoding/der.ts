import { concat } from '../../util/bytes.ts'

/** One value of DER (X.690): its tag, its content, and the whole of it. */
export interface DerValue {
  readonly tag: number
  readonly content: Uint8Array
  readonly whole: Uint8Array
}

/** The tags of DER used here. */
export const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  /** `[0]`, of bytes. */
  bytes0: 0x80,
  /** `[0]`, of values. */
  values0: 0xa0,
  /** `[1]`, of bytes. */
  bytes1: 0x81,
  /** `[1]`, of values. */
  values1: 0xa1,
} as const

/** A value of some parts, in fresh memory. */
export function derValue(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const digits = length.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  const size = length < 0x80 ? bytes : concat(Uint8Array.of(0x80 | bytes.length), bytes)
  return concat(Uint8Array.of(tag), size, ...parts)
}

/** The values in a row; their bytes are views of the input. @throws RangeError when they are no DER. */
export function derValues(der: Uint8Array): readonly DerValue[] {
  const found: DerValue[] = []
  for (let at = 0; at < der.length;) {
    const [tag = 0, first = 0] = der.subarray(at)
    const more = first & 0x80 ? first & 0x7f : 0
    // The indefinite length is BER.
    if (first === 0x80) throw new RangeError('no length')
    const header = 2 + more
    const digits = Buffer.from(der.subarray(at + 2, at + header))
    if (more > 4 || digits.length < more) throw new RangeError('no length')
    const length = more > 0 ? digits.readUIntBE(0, more) : first
    if (at + header + length > der.length || der.length < at + 2) throw new RangeError('cut off')
    const whole = der.subarray(at, at + header + length)
    found.push({ tag, content: whole.subarray(header), whole })
    at += whole.length
  }
  return found
}

/** The values inside a single value. @throws RangeError for other input. */
export function derInside(der: Uint8Array, tag: number = tags.sequence): readonly DerValue[] {
  const [value, ...more] = derValues(der)
  if (!value || value.tag !== tag || more.length > 0) throw new RangeError('another value')
  return derValues(value.content)
}
