import { isUtf8 } from 'node:buffer'
import { refuse } from '../../contract/fault.ts'
import { atOnce } from '../../util/slices.ts'
import type { Steps } from '../../util/slices.ts'

/** Parameters of one form or query. */
const mostParameters = 1000
/** Characters of a name. */
const longestName = 8192
/** Bytes that are decoded between two pauses: less than a millisecond's work. */
const piece = 256 * 1024

/**
 * Form or query parameters (WHATWG URL §5.1); a repeated name becomes `a,b`. Linear in its length.
 * @throws Fault invalid_request for a broken percent encoding, and for more than 1000 parameters
 */
export function readForm(encoded: string): Record<string, string> {
  return atOnce(formSteps(encoded))
}

/** The same in parts. */
export function* formSteps(encoded: string): Steps<Record<string, string>> {
  const values = Object.create(null) as Record<string, string>
  for (const pair of pairsOf(encoded)) {
    if (pair === '') continue
    yield
    const equals = pair.indexOf('=')
    const key = yield* decoded(equals < 0 ? pair : pair.slice(0, equals))
    if (key.length > longestName) throw refuse(`the name of a parameter is longer than ${longestName} characters`)
    const value = equals < 0 ? '' : yield* decoded(pair.slice(equals + 1))
    values[key] = key in values ? `${values[key]},${value}` : value
  }
  return values
}

function pairsOf(encoded: string): string[] {
  // One more than allowed: to split all of a long form before counting would block the event loop.
  const pairs = encoded.split('&', mostParameters + 1)
  if (pairs.length > mostParameters) throw refuse(`a form or query has at most ${mostParameters} parameters`)
  return pairs
}

/** Decodes `+` as a space, and `%41` as a byte. In place and bytewise: replacing in a long string takes many times as long. */
function* decoded(text: string): Steps<string> {
  if (!text.includes('+') && !text.includes('%')) return text
  const bytes = Buffer.from(text)
  yield
  let length = 0
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(at + piece, bytes.length)
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte === percent) {
        bytes[length++] = byteOf(bytes, at)
        at += 2
      } else bytes[length++] = byte === plus ? space : byte
    }
    yield
  }
  const rest = bytes.subarray(0, length)
  if (!isUtf8(rest)) throw broken()
  return rest.toString()
}

/** The byte of two hexadecimal digits after a percent sign. */
function byteOf(bytes: Buffer, at: number): number {
  const [high, low] = [digits[bytes[at + 1] ?? 0] as number, digits[bytes[at + 2] ?? 0] as number]
  if (high < 0 || low < 0) throw broken()
  return high * 16 + low
}

const broken = () => refuse('the parameters hold a broken percent encoding')

const percent = 0x25
const plus = 0x2b
const space = 0x20
/** By byte: the value of a hexadecimal digit, -1 for others. */
const digits = Int8Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte)
  return /^[0-9a-fA-F]$/.test(letter) ? Number.parseInt(letter, 16) : -1
})
