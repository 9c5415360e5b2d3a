import { createHash } from 'node:crypto'
import { derValue, tags } from '../../../crypto/encoding/der.ts'
import { fromBase64 } from '../../../util/bytes.ts'
import type { Certificate } from '../x509/certificate.ts'

/** Identifies a certificate by the hashes of its issuer and its serial number (CertID, RFC 6960 §4.1.1). */
export interface CertId {
  readonly nameHash: Uint8Array
  readonly keyHash: Uint8Array
  /** INTEGER, DER. */
  readonly serial: Uint8Array
}

/** SHA-1: the hash that every server supports (RFC 5019 §2.1.1). It only identifies the key: no security depends on it. */
const sha1 = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest()

/** The OIDs of SHA-1 and of nonces, as strings and in DER. */
export const sha1Oid = '1.3.14.3.2.26'
export const nonceOid = '1.3.6.1.5.5.7.48.1.2'
const sha1OidDer = Buffer.from('06052b0e03021a', 'hex')
const nonceOidDer = Buffer.from('06092b0601050507300102', 'hex')

/** The SHA-1 of a public key: CertID, and ResponderID of responses. */
export const keyHashOf = ({ keyBits }: Certificate): Uint8Array => sha1(keyBits)

/** The CertID of a certificate. */
export function certIdOf(certificate: Certificate, issuer: Certificate): CertId {
  const name = fromBase64(certificate.issuer) ?? new Uint8Array()
  return { nameHash: sha1(name), keyHash: keyHashOf(issuer), serial: certificate.serialDer }
}

/** A request for the status of one certificate, DER. @param nonce 32 bytes at most (RFC 9654) */
export function ocspRequest({ nameHash, keyHash, serial }: CertId, nonce: Uint8Array): Uint8Array {
  const algorithm = derValue(tags.sequence, sha1OidDer, Uint8Array.of(0x05, 0x00))
  const hashes = [nameHash, keyHash].map((hash) => derValue(tags.octetString, hash))
  const single = derValue(tags.sequence, derValue(tags.sequence, algorithm, ...hashes, serial))
  const extension = derValue(tags.sequence, nonceOidDer, derValue(tags.octetString, derValue(tags.octetString, nonce)))
  const extensions = derValue(0xa2, derValue(tags.sequence, extension))
  return derValue(tags.sequence, derValue(tags.sequence, derValue(tags.sequence, single), extensions))
}
