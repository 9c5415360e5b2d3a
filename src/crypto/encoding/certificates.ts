import { X509Certificate, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { base64 } from '../../util/bytes.ts'
import { derValue, derValues, tags } from './der.ts'
import { publicDer } from '../keys/pairs.ts'
import { pem, pemBlocks } from './pem.ts'

const oids = {
  ed25519: '06032b6570',
  rsa: '06092a864886f70d01010b0500',
  p256: '06082a8648ce3d040302',
  p384: '06082a8648ce3d040303',
  p521: '06082a8648ce3d040304',
} as const

/** Hash function and AlgorithmIdentifier content by kind of key: RFC 8410, RFC 5758, RFC 4055. */
function algorithmOf(key: KeyObject): readonly [string | null, string] {
  const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType
  if (kind === 'ed25519') return [null, oids.ed25519]
  if (kind === 'rsa') return ['sha256', oids.rsa]
  if (kind === 'prime256v1' || kind === 'secp256k1') return ['sha256', oids.p256]
  if (kind === 'secp384r1') return ['sha384', oids.p384]
  if (kind === 'secp521r1') return ['sha512', oids.p521]
  throw refuse('there are no certificate requests for keys of this type')
}

/** The parts of a certificate request except its key: the DER of a Name and of the attributes, including the extensions. */
interface Template {
  readonly subject: Uint8Array
  readonly attributes: Uint8Array
}

const nothing: Template = { subject: derValue(tags.sequence), attributes: derValue(tags.values0) }

/**
 * A certificate request (PKCS#10, RFC 2986) for a private key, in PEM. Subject and extensions come from a template,
 * another request in PEM, whose key and signature are ignored.
 * @throws Fault invalid_request for a template that is no request, or a key that no certificate can be for.
 */
export function certificateRequest(privateKey: KeyObject, template: string): string {
  const [hash, algorithm] = algorithmOf(privateKey)
  const { subject, attributes } = template === '' ? nothing : readTemplate(template)
  const body = derValue(
    tags.sequence,
    derValue(tags.integer, Uint8Array.of(0)),
    subject,
    publicDer(privateKey),
    attributes,
  )
  const signature = derValue(tags.bitString, Uint8Array.of(0), sign(hash, body, privateKey))
  return pem(
    'CERTIFICATE REQUEST',
    derValue(tags.sequence, body, derValue(tags.sequence, Buffer.from(algorithm, 'hex')), signature),
  )
}

function readTemplate(template: string): Template {
  const [request] = pemBlocks(template, 'CERTIFICATE REQUEST') ?? []
  if (!request) throw refuse('the csr is no PEM of a certificate request')
  try {
    const [info] = derValues(derValues(request)[0]?.content ?? new Uint8Array())
    const [version, subject, publicInfo, attributes] = derValues(info?.content ?? new Uint8Array())
    if (version?.tag === tags.integer && subject?.tag === tags.sequence && publicInfo?.tag === tags.sequence) {
      return {
        subject: subject.whole,
        attributes: attributes?.tag === tags.values0 ? attributes.whole : nothing.attributes,
      }
    }
  } catch (thrown) {
    throw refuse('the csr is damaged: it is not DER', { cause: thrown })
  }
  throw refuse('the csr is damaged: it has not the parts of a certificate request')
}

/**
 * A chain of certificates in PEM, written anew.
 * @throws Fault invalid_request unless the first one is for this public key (SubjectPublicKeyInfo), and all others, and only
 * they, are of authorities.
 */
export function certificateChain(text: string, publicKey: Uint8Array): string {
  const ders = pemBlocks(text, 'CERTIFICATE')
  if (!ders || ders.length === 0) throw refuse('certificate_chain is no PEM of certificates')
  const [leaf, ...authorities] = ders.map(certificate)
  if (!leaf || leaf.ca || authorities.some(({ ca }) => !ca)) {
    throw refuse('certificate_chain must begin with the certificate of the key, and then has those of authorities only')
  }
  if (!Buffer.from(publicDer(leaf.publicKey)).equals(publicKey))
    throw refuse('the certificate is not for this version of the key')
  return chainOf(ders)
}

/** The DER of every certificate of a chain, base64. */
export function chainDer(chain: string): readonly string[] {
  return (pemBlocks(chain, 'CERTIFICATE') ?? []).map(base64)
}

/** A chain in PEM, of the DER of its certificates. */
export function chainOf(ders: readonly Uint8Array[]): string {
  return ders.map((der) => pem('CERTIFICATE', der).trimEnd()).join('\n')
}

function certificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch {
    throw refuse('certificate_chain has something that is no X.509 certificate')
  }
}
