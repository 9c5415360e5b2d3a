import { derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { fromBase64 } from '../../../util/bytes.ts'
import { readCertificate } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'
import { criticalProblem, timeProblem } from '../x509/path.ts'
import { signed } from '../x509/paths.ts'
import { hasStrongKey, hasStrongSignature } from '../x509/strength.ts'
import { keyHashOf } from './request.ts'

/** The most certificates of a response that are looked at. */
const mostCertificates = 8

const ocspSigning = '1.3.6.1.5.5.7.3.9'

/**
 * Who may have signed a response (RFC 6960 §4.2.2.2), as it names its signer: the issuer of the certificate, or a delegate
 * that the issuer has certified for it.
 * @param id ResponderID
 * @param now epoch milliseconds
 * @throws RangeError
 */
export function signersOf(
  id: DerValue,
  sent: readonly DerValue[],
  issuer: Certificate,
  now: number,
): readonly Certificate[] {
  const isNamed = namedBy(id)
  // The issuer of a single trusted certificate was on no path that has been judged.
  if (!hasStrongKey(issuer)) return []
  const delegates = sent
    .slice(0, mostCertificates)
    .map(({ whole }) => readCertificate(whole))
    .filter((one) => one !== undefined)
    .filter((one) => isNamed(one) && isDelegate(one, issuer, now))
  return isNamed(issuer) ? [issuer, ...delegates] : delegates
}

/** `[1]` the name, or `[2]` the hash of the key. */
function namedBy({ tag, content }: DerValue): (certificate: Certificate) => boolean {
  const [value, ...more] = derValues(content)
  if (!value || more.length > 0) throw new RangeError('no responder')
  if (tag === tags.values1)
    return ({ subject }) => Buffer.compare(fromBase64(subject) ?? new Uint8Array(), value.whole) === 0
  if (tag === 0xa2 && value.tag === tags.octetString)
    return (one) => Buffer.compare(keyHashOf(one), value.content) === 0
  throw new RangeError('no responder')
}

/** Whether the issuer itself has certified it for OCSP. Its own status is not asked: it is short-lived, or has `ocsp-nocheck`. */
function isDelegate(certificate: Certificate, issuer: Certificate, now: number): boolean {
  const usages = certificate.x509.keyUsage as readonly string[] | undefined
  return (
    usages?.includes(ocspSigning) === true &&
    timeProblem(certificate, now) === undefined &&
    criticalProblem(certificate) === undefined &&
    hasStrongKey(certificate) &&
    hasStrongSignature(certificate) &&
    signed(issuer, certificate)
  )
}
