import { tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'

/** The maximum size of an OID and of a serial number, bytes; RFC 5280 allows 20 for the latter. */
const longest = 64

/** An OID with dots. @throws RangeError */
export function oidOf({ tag, content }: DerValue): string {
  if (tag !== tags.oid || content.length === 0 || content.length > longest) throw new RangeError('not an OID')
  const arcs: bigint[] = []
  let arc = 0n
  for (const [at, byte] of content.entries()) {
    arc = (arc << 7n) | BigInt(byte & 0x7f)
    if (byte & 0x80) {
      if (at === content.length - 1) throw new RangeError('truncated OID')
      continue
    }
    arcs.push(arc)
    arc = 0n
  }
  const [first = 0n, ...rest] = arcs
  const root = first < 80n ? first / 40n : 2n
  return [root, first - root * 40n, ...rest].join('.')
}

/** The content of an INTEGER, decimal. @throws RangeError if it is empty or too long */
export function integerOf(content: Uint8Array): string {
  if (content.length === 0 || content.length > longest) throw new RangeError('not an integer of a certificate')
  const value = BigInt(`0x${Buffer.from(content).toString('hex')}`)
  return String(BigInt.asIntN(content.length * 8, value))
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Unprintable characters: control characters, line separators and the like. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u

/** A string of any type that occurs in names (X.680); undefined for another value, or for unprintable characters. */
export function textOf({ tag, content }: DerValue): string | undefined {
  const text = decoded(tag, Buffer.from(content))
  return text === undefined || unprintable.test(text) ? undefined : text
}

function decoded(tag: number, content: Buffer): string | undefined {
  const isAscii = content.every((byte) => byte < 0x80)
  switch (tag) {
    case 0x0c: {
      try {
        return strict.decode(content)
      } catch {
        return undefined
      }
    }
    // NumericString, PrintableString, IA5String, VisibleString.
    case 0x12:
    case 0x13:
    case 0x16:
    case 0x1a:
      return isAscii ? content.toString('ascii') : undefined
    case 0x14:
      return content.toString('latin1')
    case 0x1e:
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : undefined
    default:
      return undefined
  }
}

/** UTCTime or GeneralizedTime (RFC 5280 §4.1.2.5), epoch milliseconds. @throws RangeError */
export function timeOf({ tag, content }: DerValue): number {
  const text = Buffer.from(content).toString('latin1')
  const digits = tag === 0x17 ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits)
  const time = parts ? Date.parse(`${parts.slice(1, 4).join('-')}T${parts.slice(4).join(':')}Z`) : NaN
  if ((tag !== 0x17 && tag !== 0x18) || Number.isNaN(time)) throw new RangeError('not a time')
  return time
}
