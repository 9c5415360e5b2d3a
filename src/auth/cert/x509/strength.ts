import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import type { Certificate } from './certificate.ts'
import { oidOf } from './asn1.ts'

/** RSA and ECDSA with SHA-2, Ed25519, Ed448; not SHA-1 or MD5. */
const signatures = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
  '1.3.101.113',
])
const pss = '1.2.840.113549.1.1.10'
/** SHA-256, SHA-384, SHA-512. */
const hashes = new Set(['2.16.840.1.101.3.4.2.1', '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3'])
const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/** Whether a signature has a strong algorithm. */
export function hasStrongSignature({ signature: [type, parameters] }: Pick<Certificate, 'signature'>): boolean {
  if (!type) return false
  const oid = oidOf(type)
  return signatures.has(oid) || (oid === pss && parameters !== undefined && hasStrongHash(parameters.whole))
}

/** RSASSA-PSS-params (RFC 4055): the default hash is SHA-1. */
function hasStrongHash(parameters: Uint8Array): boolean {
  const hash = derInside(parameters).find(({ tag }) => tag === tags.values0)
  const [type] = hash ? derValues(derInside(hash.content)[0]?.whole ?? new Uint8Array()) : []
  return type !== undefined && hashes.has(oidOf(type))
}

/** Whether a key is strong, and not so large that verifying is a denial of service: RSA of 2048 to 8192 bits, NIST curves, Ed25519, Ed448. */
export function hasStrongKey({ x509 }: Certificate): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = x509.publicKey
  if (type === 'rsa' || type === 'rsa-pss')
    return (details?.modulusLength ?? 0) >= 2048 && (details?.modulusLength ?? 0) <= 8192
  if (type === 'ec') return curves.has(details?.namedCurve ?? '')
  return type === 'ed25519' || type === 'ed448'
}
