import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { pemBlocks } from '../../../crypto/encoding/pem.ts'
import { Slices } from '../../../util/slices.ts'
import { oidOf, timeOf, wholeOf } from './asn1.ts'
import type { Signed } from './signature.ts'

/** The most revoked certificates of a list. */
export const mostRevoked = 100_000

/** A certificate revocation list (CRL, RFC 5280 §5). */
export interface RevocationList {
  /** Of the certificates, decimal. */
  readonly serials: readonly string[]
  /** The DER of its issuer's name, base64. */
  readonly issuer: string
  /** When it was made, and when the next one will be there; undefined: nobody knows. Epoch milliseconds. */
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  /** Whether it only has what is new since another one. */
  readonly isDelta: boolean
  /** Which of the issuer's certificates it is about (issuing distribution point), base64 of the DER; '': all. */
  readonly scope: string
  readonly signed: Signed
}

const deltaIndicator = '2.5.29.27'
const issuingDistributionPoint = '2.5.29.28'

/** The serial numbers of a list in PEM, decimal; undefined for anything else, or one of more than `mostRevoked`. */
export async function revokedSerials(text: string): Promise<readonly string[] | undefined> {
  const [der, ...more] = pemBlocks(text, 'X509 CRL') ?? []
  return der && more.length === 0 ? (await readList(der))?.serials : undefined
}

/** A list in DER; undefined for anything else, or one of more than `mostRevoked`. */
export async function readList(der: Uint8Array): Promise<RevocationList | undefined> {
  try {
    const [body, algorithm, signature] = derInside(der)
    if (body?.tag !== tags.sequence || algorithm?.tag !== tags.sequence || signature?.tag !== tags.bitString)
      return undefined
    const { revoked, ...list } = partsOf(body.content)
    const serials = await serialsOf(revoked)
    return serials && { ...list, serials, signed: { content: body.whole, algorithm, signature } }
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined
    throw thrown
  }
}

/** The parts of a list. The revoked certificates follow the times, and are absent when there is none. */
function partsOf(body: Uint8Array): Omit<RevocationList, 'serials' | 'signed'> & { readonly revoked: Uint8Array } {
  const members = derValues(body)
  const isTime = members.map(({ tag }) => tag === 0x17 || tag === 0x18)
  const [issuer, thisUpdate] = members[0]?.tag === tags.integer ? members.slice(2) : members.slice(1)
  if (issuer?.tag !== tags.sequence || !thisUpdate || !isTime.includes(true)) throw new RangeError('no revocation list')
  const [first = thisUpdate, second] = members.filter((_, at) => isTime[at])
  const next = members[isTime.lastIndexOf(true) + 1]
  const extensions = extensionsIn(members.find(({ tag }) => tag === tags.values0))
  return {
    revoked: next?.tag === tags.sequence ? next.content : new Uint8Array(),
    issuer: Buffer.from(issuer.whole).toString('base64'),
    thisUpdate: timeOf(first),
    nextUpdate: second && timeOf(second),
    isDelta: extensions.has(deltaIndicator),
    scope: Buffer.from(extensions.get(issuingDistributionPoint) ?? []).toString('base64'),
  }
}

/** The contents of extensions by their OIDs. */
function extensionsIn(holder: DerValue | undefined): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  for (const { content } of holder ? derInside(holder.content) : []) {
    const [id, ...rest] = derValues(content)
    if (id) found.set(oidOf(id), rest.at(-1)?.content ?? new Uint8Array())
  }
  return found
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
