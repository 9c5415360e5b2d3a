import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import { pemBlocks } from '../../../crypto/encoding/pem.ts'
import { Slices } from '../../../util/slices.ts'
import { wholeOf } from './asn1.ts'

/** The most revoked certificates of a list. */
export const mostRevoked = 100_000

/**
 * The serial numbers of a certificate revocation list (CRL, RFC 5280 §5) in PEM, decimal; undefined for anything else, or one
 * of more than `mostRevoked`.
 */
export async function revokedSerials(text: string): Promise<readonly string[] | undefined> {
  const [der, ...more] = pemBlocks(text, 'X509 CRL') ?? []
  if (!der || more.length > 0) return undefined
  try {
    const [body, algorithm, signature] = derInside(der)
    if (body?.tag !== tags.sequence || algorithm?.tag !== tags.sequence || signature?.tag !== tags.bitString)
      return undefined
    return await serialsOf(revokedIn(body.content))
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined
    throw thrown
  }
}

/** The content of the list of revoked certificates: it follows the times, and is absent when there is none. */
function revokedIn(body: Uint8Array): Uint8Array {
  const members = derValues(body)
  const times = members.map(({ tag }) => tag === 0x17 || tag === 0x18)
  const [issuer, thisUpdate] = members[0]?.tag === tags.integer ? members.slice(2) : members.slice(1)
  if (issuer?.tag !== tags.sequence || !thisUpdate || !times.includes(true)) throw new RangeError('no revocation list')
  const next = members[times.lastIndexOf(true) + 1]
  return next?.tag === tags.sequence ? next.content : new Uint8Array()
}

/** One entry after the other, with pauses: to cut a large list at once would hold the event loop. */
async function serialsOf(list: Uint8Array): Promise<readonly string[] | undefined> {
  const serials: string[] = []
  const slices = new Slices()
  for (let at = 0; at < list.length;) {
    if (serials.length === mostRevoked) return undefined
    await slices.pause()
    const size = sizeAt(list, at)
    const [serial] = derInside(list.subarray(at, at + size))
    if (serial?.tag !== tags.integer) throw new RangeError('no serial number')
    serials.push(wholeOf(serial.content))
    at += size
  }
  return serials
}

/** The bytes of the value that begins there, header included. An entry has less than 64 KiB. */
function sizeAt(list: Uint8Array, at: number): number {
  const [, first = 0, second = 0, third = 0] = list.subarray(at, at + 4)
  if (first < 0x80) return 2 + first
  if (first === 0x81) return 3 + second
  if (first === 0x82) return 4 + second * 256 + third
  throw new RangeError('no entry')
}
