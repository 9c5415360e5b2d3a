import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { oidOf, timeOf } from '../x509/asn1.ts'
import { isSignedBy } from '../x509/signature.ts'
import type { Signed } from '../x509/signature.ts'
import type { Certificate } from '../x509/certificate.ts'
import { OcspError } from './ocsp-error.ts'
import { nonceOid, sha1Oid } from './request.ts'
import type { CertId } from './request.ts'
import { signersOf } from './signers.ts'

/** What a server says of a certificate. */
export interface Status {
  readonly is: 'good' | 'revoked' | 'unknown'
  /** Until when it counts, epoch milliseconds. */
  readonly until: number
}

/** What was asked. */
export interface Asked {
  readonly id: CertId
  readonly nonce: Uint8Array
  readonly issuer: Certificate
}

/** How far clocks may be apart, milliseconds. */
const skew = 5 * 60_000

/** The most statuses of a response that are looked at. */
const mostStatuses = 64

/** The parts of a BasicOCSPResponse (RFC 6960 §4.2.1). */
interface Basic extends Signed {
  readonly certificates: readonly DerValue[]
  readonly signer: DerValue
  readonly statuses: readonly DerValue[]
  readonly extensions: ReadonlyMap<string, Uint8Array>
}

/**
 * The status in a response: signed by the issuer or by its delegate, about the certificate that was asked about, of now.
 * @param now epoch milliseconds
 * @throws OcspError
 */
export function statusIn(der: Uint8Array, asked: Asked, now: number): Status {
  try {
    const basic = basicIn(der)
    const isSigned = signersOf(basic.signer, basic.certificates, asked.issuer, now).some(({ x509 }) => isSignedBy(x509.publicKey, basic)) // prettier-ignore
    if (!isSigned)
      throw new OcspError(
        'the response is not signed by the issuer of the certificate, or by a server that it has named',
      )
    checkNonce(basic, asked)
    return singleStatus(basic.statuses, asked.id, now)
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new OcspError('the response is no OCSP response')
    throw thrown
  }
}

/** Why a server gives no status (OCSPResponseStatus). */
const refusals: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
}

function basicIn(der: Uint8Array): Basic {
  const [data, algorithm, signature, certificates] = derInside(bytesIn(der))
  if (data?.tag !== tags.sequence || !algorithm || signature?.tag !== tags.bitString)
    throw new RangeError('no response')
  const members = derValues(data.content)
  const [signer, , statuses, extensions] = members[0]?.tag === tags.values0 ? members.slice(1) : members
  if (!signer || statuses?.tag !== tags.sequence) throw new RangeError('no statuses')
  return {
    content: data.whole,
    algorithm,
    signature,
    certificates: certificates?.tag === tags.values0 ? derInside(certificates.content) : [],
    signer,
    statuses: derValues(statuses.content),
    extensions: extensionsIn(extensions, [nonceOid]),
  }
}

const basicResponse = '1.3.6.1.5.5.7.48.1.1'

/** The BasicOCSPResponse in an OCSPResponse, DER. */
function bytesIn(der: Uint8Array): Uint8Array {
  const [status, bytes] = derInside(der)
  const [code] = status?.content ?? []
  if (status?.tag !== 0x0a || code === undefined) throw new RangeError('no status')
  if (code !== 0) throw new OcspError(`the server gives no status: ${refusals[code] ?? code}`)
  const [type, response] = derInside(bytes?.tag === tags.values0 ? bytes.content : new Uint8Array())
  if (!type || oidOf(type) !== basicResponse || response?.tag !== tags.octetString) throw new RangeError('no response')
  return response.content
}

/** Extensions by their OIDs. @param known critical ones that are understood */
function extensionsIn(holder: DerValue | undefined, known: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  for (const { content } of holder?.tag === tags.values1 ? derInside(holder.content) : []) {
    const [id, ...rest] = derValues(content)
    const value = rest.at(-1)
    if (!id || value?.tag !== tags.octetString) throw new RangeError('no extension')
    const isCritical = rest.length > 1 && rest[0]?.content[0] !== 0
    if (isCritical && !known.includes(oidOf(id))) throw new OcspError(`the response has a critical extension that is not supported (${oidOf(id)})`) // prettier-ignore
    found.set(oidOf(id), value.content)
  }
  return found
}

/** A server may leave the nonce out, for responses that it has ready. One of another request is a replay. */
function checkNonce({ extensions }: Basic, { nonce }: Asked): void {
  const sent = extensions.get(nonceOid)
  if (sent === undefined) return
  const [value, ...more] = derValues(sent)
  if (value?.tag !== tags.octetString || more.length > 0 || Buffer.compare(value.content, nonce) !== 0)
    throw new OcspError('the response is one to another request (nonce)')
}

function singleStatus(statuses: readonly DerValue[], id: CertId, now: number): Status {
  if (statuses.length > mostStatuses) throw new OcspError(`the response has more than ${mostStatuses} statuses`)
  const [found, ...more] = statuses.map(({ content }) => derValues(content)).filter(([one]) => one && isAbout(one, id))
  if (!found) throw new OcspError('the response is about another certificate')
  if (more.length > 0) throw new OcspError('the response has several statuses of the certificate')
  const [, status, thisUpdate, ...rest] = found
  const nextUpdate = rest[0]?.tag === tags.values0 ? derValues(rest[0].content)[0] : undefined
  if (!status || !thisUpdate) throw new RangeError('no status')
  extensionsIn(rest.at(-1), [])
  if (timeOf(thisUpdate) > now + skew) throw new OcspError('the status is of a time that has not come yet (thisUpdate)')
  // Without it a response could be replayed for ever.
  if (!nextUpdate) throw new OcspError('the response does not say until when it counts (nextUpdate)')
  const until = timeOf(nextUpdate)
  if (until < now - skew) throw new OcspError('the status is an old one (nextUpdate)')
  return { is: meaningOf(status), until }
}

function isAbout({ content }: DerValue, { nameHash, keyHash, serial }: CertId): boolean {
  const [algorithm, name, key, number] = derValues(content)
  const [hash] = derValues(algorithm?.content ?? new Uint8Array())
  if (!hash || !name || !key || !number || oidOf(hash) !== sha1Oid) return false
  const pairs = [[name.content, nameHash], [key.content, keyHash], [number.whole, serial]] as const // prettier-ignore
  return pairs.every(([one, other]) => Buffer.compare(one, other) === 0)
}

/** CertStatus: `[0]` good, `[1]` revoked with its time, `[2]` unknown. */
function meaningOf({ tag }: DerValue): Status['is'] {
  if (tag === 0x80) return 'good'
  if (tag === 0xa1) return 'revoked'
  if (tag === 0x82) return 'unknown'
  throw new RangeError('no status')
}
