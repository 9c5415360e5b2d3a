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

/** The status of a certificate, as an OCSP server reports it. */
export interface OcspStatus {
  readonly is: 'good' | 'revoked' | 'unknown'
  /** The end of its validity, epoch milliseconds. */
  readonly until: number
}

/** A query: the certificate, the nonce of the request, and the issuer. */
export interface OcspQuery {
  readonly id: CertId
  readonly nonce: Uint8Array
  readonly issuer: Certificate
}

/** The tolerated clock difference, milliseconds. */
const skew = 5 * 60_000

/** The maximum number of statuses in a response. */
const mostStatuses = 64

/** The parts of a BasicOCSPResponse (RFC 6960 §4.2.1). */
interface Basic extends Signed {
  readonly certificates: readonly DerValue[]
  readonly signer: DerValue
  readonly statuses: readonly DerValue[]
  readonly extensions: ReadonlyMap<string, Uint8Array>
}

/**
 * The status in a response, which must be current, about the queried certificate, and signed by its issuer or by a delegate.
 * @param now epoch milliseconds
 * @throws OcspError
 */
export function statusIn(der: Uint8Array, query: OcspQuery, now: number): OcspStatus {
  try {
    const basic = basicResponseIn(der)
    const isSigned = signersOf(basic.signer, basic.certificates, query.issuer, now).some(({ x509 }) => isSignedBy(x509.publicKey, basic)) // prettier-ignore
    if (!isSigned)
      throw new OcspError(
        'the response is not signed by the issuer of the certificate, or by a server that the issuer certified for OCSP',
      )
    checkNonce(basic, query)
    return singleStatus(basic.statuses, query.id, now)
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new OcspError('the response is not an OCSP response')
    throw thrown
  }
}

/** The names of OCSPResponseStatus, for servers that give no status. */
const refusals: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
}

function basicResponseIn(der: Uint8Array): Basic {
  const [data, algorithm, signature, certificates] = derInside(basicBytesIn(der))
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

const basicResponseOid = '1.3.6.1.5.5.7.48.1.1'

/** The BasicOCSPResponse in an OCSPResponse, DER. */
function basicBytesIn(der: Uint8Array): Uint8Array {
  const [status, bytes] = derInside(der)
  const [code] = status?.content ?? []
  if (status?.tag !== 0x0a || code === undefined) throw new RangeError('no status')
  if (code !== 0) throw new OcspError(`the server gives no status: ${refusals[code] ?? code}`)
  const [type, response] = derInside(bytes?.tag === tags.values0 ? bytes.content : new Uint8Array())
  if (!type || oidOf(type) !== basicResponseOid || response?.tag !== tags.octetString)
    throw new RangeError('no response')
  return response.content
}

/** Extensions by their OIDs. @param supported OIDs of extensions that may be critical */
function extensionsIn(holder: DerValue | undefined, supported: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const extensions = new Map<string, Uint8Array>()
  for (const { content } of holder?.tag === tags.values1 ? derInside(holder.content) : []) {
    const [id, ...rest] = derValues(content)
    const value = rest.at(-1)
    if (!id || value?.tag !== tags.octetString) throw new RangeError('no extension')
    const isCritical = rest.length > 1 && rest[0]?.content[0] !== 0
    if (isCritical && !supported.includes(oidOf(id))) throw new OcspError(`the response has a critical extension that is not supported (${oidOf(id)})`) // prettier-ignore
    extensions.set(oidOf(id), value.content)
  }
  return extensions
}

/** Servers may omit the nonce, in prepared responses. The nonce of another request means a replay. */
function checkNonce({ extensions }: Basic, { nonce }: OcspQuery): void {
  const extension = extensions.get(nonceOid)
  if (extension === undefined) return
  const [value, ...more] = derValues(extension)
  if (value?.tag !== tags.octetString || more.length > 0 || Buffer.compare(value.content, nonce) !== 0)
    throw new OcspError('the response has the nonce of another request')
}

function singleStatus(statuses: readonly DerValue[], id: CertId, now: number): OcspStatus {
  if (statuses.length > mostStatuses) throw new OcspError(`the response has more than ${mostStatuses} statuses`)
  const [single, ...more] = statuses.map(({ content }) => derValues(content)).filter(([one]) => one && isAbout(one, id))
  if (!single) throw new OcspError('the response is about another certificate')
  if (more.length > 0) throw new OcspError('the response has several statuses for the certificate')
  const [, status, thisUpdate, ...rest] = single
  const nextUpdate = rest[0]?.tag === tags.values0 ? derValues(rest[0].content)[0] : undefined
  if (!status || !thisUpdate) throw new RangeError('no status')
  extensionsIn(rest.at(-1), [])
  if (timeOf(thisUpdate) > now + skew) throw new OcspError('the status is not valid yet (thisUpdate)')
  // Without it, a response could be replayed forever.
  if (!nextUpdate) throw new OcspError('the response has no nextUpdate')
  const until = timeOf(nextUpdate)
  if (until < now - skew) throw new OcspError('the status has expired (nextUpdate)')
  return { is: certStatus(status), until }
}

function isAbout({ content }: DerValue, { nameHash, keyHash, serial }: CertId): boolean {
  const [algorithm, name, key, number] = derValues(content)
  const [hash] = derValues(algorithm?.content ?? new Uint8Array())
  if (!hash || !name || !key || !number || oidOf(hash) !== sha1Oid) return false
  const pairs = [[name.content, nameHash], [key.content, keyHash], [number.whole, serial]] as const // prettier-ignore
  return pairs.every(([one, other]) => Buffer.compare(one, other) === 0)
}

/** CertStatus: `[0]` good, `[1]` revoked with its time, `[2]` unknown. */
function certStatus({ tag }: DerValue): OcspStatus['is'] {
  if (tag === 0x80) return 'good'
  if (tag === 0xa1) return 'revoked'
  if (tag === 0x82) return 'unknown'
  throw new RangeError('no status')
}
