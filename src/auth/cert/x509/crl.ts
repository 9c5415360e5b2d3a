import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { pemBlocks } from '../../../crypto/encoding/pem.ts'
import { Slices } from '../../../util/slices.ts'
import { integerOf, oidOf, timeOf } from './asn1.ts'
import type { Signed } from './signature.ts'

/** The maximum number of revoked certificates in a list. */
export const mostRevoked = 100_000

/** A certificate revocation list (CRL, RFC 5280 §5). */
export interface RevocationList {
  /** The serial numbers of the revoked certificates, decimal. */
  readonly serials: readonly string[]
  /** The name of its issuer, base64 of the DER. */
  readonly issuer: string
  /** When it was issued, and when the next list will be issued (undefined: not stated). Epoch milliseconds. */
  readonly thisUpdate: number
  readonly nextUpdate: number | undefined
  /** Whether it lists only the changes to another list (delta CRL). */
  readonly isDelta: boolean
  /** The certificates of the issuer that it covers (issuing distribution point), base64 of the DER; '': all. */
  readonly scope: string
  readonly signed: Signed
}

const deltaIndicator = '2.5.29.27'
const issuingDistributionPoint = '2.5.29.28'

/** The serial numbers of a list in PEM format, decimal; undefined if it is invalid or has more than `mostRevoked`. */
export async function revokedSerials(text: string): Promise<readonly string[] | undefined> {
  const [der, ...more] = pemBlocks(text, 'X509 CRL') ?? []
  return der && more.length === 0 ? (await readList(der))?.serials : undefined
}

/** Parses a list in DER; undefined if it is invalid or has more than `mostRevoked` certificates. */
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

/** The parts of a list. The revoked certificates follow the times, and are absent if there are none. */
function partsOf(body: Uint8Array): Omit<RevocationList, 'serials' | 'signed'> & { readonly revoked: Uint8Array } {
  const members = derValues(body)
  const isTime = members.map(({ tag }) => tag === 0x17 || tag === 0x18)
  const [issuer, thisUpdate] = members[0]?.tag === tags.integer ? members.slice(2) : members.slice(1)
  if (issuer?.tag !== tags.sequence || !thisUpdate || !isTime.includes(true))
    throw new RangeError('not a revocation list')
  const [issuedAt = thisUpdate, nextAt] = members.filter((_, at) => isTime[at])
  const next = members[isTime.lastIndexOf(true) + 1]
  const extensions = extensionsIn(members.find(({ tag }) => tag === tags.values0))
  return {
    revoked: next?.tag === tags.sequence ? next.content : new Uint8Array(),
    issuer: Buffer.from(issuer.whole).toString('base64'),
    thisUpdate: timeOf(issuedAt),
    nextUpdate: nextAt && timeOf(nextAt),
    isDelta: extensions.has(deltaIndicator),
    scope: Buffer.from(extensions.get(issuingDistributionPoint) ?? []).toString('base64'),
  }
}

/** The contents of extensions by their OIDs. */
function extensionsIn(holder: DerValue | undefined): ReadonlyMap<string, Uint8Array> {
  const extensions = new Map<string, Uint8Array>()
  for (const { content } of holder ? derInside(holder.content) : []) {
    const [id, ...rest] = derValues(content)
    if (id) extensions.set(oidOf(id), rest.at(-1)?.content ?? new Uint8Array())
  }
  return extensions
}

/** Parses the entries one by one, with pauses: parsing a large list at once would block the event loop. */
async function serialsOf(list: Uint8Array): Promise<readonly string[] | undefined> {
  const serials: string[] = []
  const slices = new Slices()
  for (let at = 0; at < list.length;) {
    if (serials.length === mostRevoked) return undefined
    await slices.pause()
    const size = sizeAt(list, at)
    const [serial] = derInside(list.subarray(at, at + size))
    if (serial?.tag !== tags.integer) throw new RangeError('no serial number')
    serials.push(integerOf(serial.content))
    at += size
  }
  return serials
}

/** The size of the value at an offset, including its header. An entry has less than 64 KiB. */
function sizeAt(list: Uint8Array, at: number): number {
  const [, first = 0, second = 0, third = 0] = list.subarray(at, at + 4)
  if (first < 0x80) return 2 + first
  if (first === 0x81) return 3 + second
  if (first === 0x82) return 4 + second * 256 + third
  throw new RangeError('not an entry')
}
