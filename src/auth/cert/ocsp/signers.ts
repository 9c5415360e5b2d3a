import { derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { fromBase64 } from '../../../util/bytes.ts'
import { readCertificate } from '../x509/certificate.ts'
import type { Certificate } from '../x509/certificate.ts'
import { criticalProblem, timeProblem } from '../x509/path.ts'
import { hasIssued } from '../x509/paths.ts'
import { hasStrongKey, hasStrongSignature } from '../x509/strength.ts'
import { keyHashOf } from './request.ts'

/** The maximum number of certificates in a response; any others are ignored. */
const mostCertificates = 8

const ocspSigning = '1.3.6.1.5.5.7.3.9'

/**
 * The possible signers of a response (RFC 6960 §4.2.2.2) that match its ResponderID: the issuer of the certificate, and delegates
 * that the issuer certified for OCSP.
 * @param sent the certificates in the response
 * @param now epoch milliseconds
 * @throws RangeError
 */
export function signersOf(
  id: DerValue,
  sent: readonly DerValue[],
  issuer: Certificate,
  now: number,
): readonly Certificate[] {
  const matches = responderMatcher(id)
  // The issuer of a role's only client is not part of a validated path.
  if (!hasStrongKey(issuer)) return []
  const delegates = sent
    .slice(0, mostCertificates)
    .map(({ whole }) => readCertificate(whole))
    .filter((one) => one !== undefined)
    .filter((one) => matches(one) && isDelegate(one, issuer, now))
  return matches(issuer) ? [issuer, ...delegates] : delegates
}

/** ResponderID: `[1]` the name, or `[2]` the hash of the key. */
function responderMatcher({ tag, content }: DerValue): (certificate: Certificate) => boolean {
  const [value, ...more] = derValues(content)
  if (!value || more.length > 0) throw new RangeError('no responder')
  if (tag === tags.values1)
    return ({ subject }) => Buffer.compare(fromBase64(subject) ?? new Uint8Array(), value.whole) === 0
  if (tag === 0xa2 && value.tag === tags.octetString)
    return (one) => Buffer.compare(keyHashOf(one), value.content) === 0
  throw new RangeError('no responder')
}

/** Whether the issuer itself certified it for OCSP. Its own status is not queried: it is short-lived, or has `ocsp-nocheck`. */
function isDelegate(certificate: Certificate, issuer: Certificate, now: number): boolean {
  const usages = certificate.x509.keyUsage as readonly string[] | undefined
  return (
    usages?.includes(ocspSigning) === true &&
    timeProblem(certificate, now) === undefined &&
    criticalProblem(certificate) === undefined &&
    hasStrongKey(certificate) &&
    hasStrongSignature(certificate) &&
    hasIssued(issuer, certificate)
  )
}
