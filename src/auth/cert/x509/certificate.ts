import { X509Certificate } from 'node:crypto'
import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { integerOf, oidOf, textOf } from './asn1.ts'
import { namesIn } from './general-names.ts'
import type { GeneralNames } from './general-names.ts'

/** One attribute of a subject: `2.5.4.3` and `anna`. */
export interface Attribute {
  readonly type: string
  readonly value: string
}

/** An extension. Its value is the DER in the octet string. */
export interface Extension {
  readonly critical: boolean
  readonly value: Uint8Array
}

/** A certificate (RFC 5280): the one of OpenSSL, and the parts that Node does not expose. */
export interface Certificate {
  readonly x509: X509Certificate
  readonly der: Uint8Array
  /** The serial number, decimal. */
  readonly serial: string
  /** The serial number, DER. */
  readonly serialDer: Uint8Array
  /** The BIT STRING of its public key, without the count of unused bits. */
  readonly keyBits: Uint8Array
  /** The AlgorithmIdentifier of its signature. */
  readonly signature: readonly DerValue[]
  /** The names of issuer and subject, base64 of the DER. */
  readonly issuer: string
  readonly subject: string
  /** The relative distinguished names of the subject, DER. */
  readonly subjectSets: readonly Uint8Array[]
  readonly attributes: readonly Attribute[]
  /** By OID. */
  readonly extensions: ReadonlyMap<string, Extension>
  readonly altNames: GeneralNames
  readonly keyIds: KeyIds
}

/** The key identifiers of the subject and of the issuer; empty: none. */
interface KeyIds {
  readonly own: Uint8Array
  readonly issuer: Uint8Array
}

/** OIDs of extensions and attributes. */
export const oids = {
  commonName: '2.5.4.3',
  organizationalUnit: '2.5.4.11',
  email: '1.2.840.113549.1.9.1',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  altNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  policies: '2.5.29.32',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInformation: '1.3.6.1.5.5.7.1.1',
} as const

/** The maximum size of a certificate, bytes. */
const largest = 64 * 1024

/** Parses a certificate; undefined if it is invalid or ambiguous: duplicate extensions, unprintable names. */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  if (der.length > largest) return undefined
  try {
    return parsed(der)
  } catch {
    // OpenSSL and the DER parser throw for invalid input.
    return undefined
  }
}

function parsed(der: Uint8Array): Certificate {
  const x509 = new X509Certificate(der)
  const [body] = derInside(der)
  const members = derValues(body?.content ?? new Uint8Array())
  const [serial, signature, issuer, , subject, keyInfo] = members[0]?.tag === tags.values0 ? members.slice(1) : members
  const key = derValues(keyInfo?.content ?? new Uint8Array())[1]
  if (!serial || !signature || !issuer || !subject || key?.tag !== tags.bitString)
    throw new RangeError('parts are missing')
  const extensions = extensionsOf(members.find(({ tag }) => tag === 0xa3))
  const altNames = extensions.get(oids.altNames)
  return {
    x509,
    der,
    serial: integerOf(serial.content),
    serialDer: serial.whole,
    keyBits: key.content.subarray(1),
    signature: derValues(signature.content),
    issuer: Buffer.from(issuer.whole).toString('base64'),
    subject: Buffer.from(subject.whole).toString('base64'),
    subjectSets: derValues(subject.content).map(({ whole }) => whole),
    attributes: derValues(subject.content).flatMap(({ content }) => derValues(content).map(attribute)),
    extensions,
    altNames: namesIn(altNames ? derInside(altNames.value) : []),
    keyIds: keyIdsIn(extensions),
  }
}

function attribute({ content }: DerValue): Attribute {
  const [type, value] = derValues(content)
  if (!type || !value) throw new RangeError('not an attribute')
  return { type: oidOf(type), value: textOf(value) ?? '' }
}

function extensionsOf(holder: DerValue | undefined): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>()
  for (const { content } of holder ? derInside(holder.content) : []) {
    const [id, ...rest] = derValues(content)
    const value = rest.at(-1)
    if (!id || value?.tag !== tags.octetString) throw new RangeError('not an extension')
    const oid = oidOf(id)
    // Other parsers might use the other one.
    if (extensions.has(oid)) throw new RangeError('duplicate extension')
    extensions.set(oid, { critical: rest[0]?.tag === 0x01 && rest[0].content[0] !== 0, value: value.content })
  }
  return extensions
}

/** The values of an attribute of the subject, in order. */
export const attributesOf = ({ attributes }: Certificate, type: string): readonly string[] =>
  attributes.filter((one) => one.type === type).map(({ value }) => value)

/** The common name; the last one of several; '' if there is none. */
export const commonNameOf = (certificate: Certificate): string =>
  attributesOf(certificate, oids.commonName).at(-1) ?? ''

/** The string in an extension; undefined if the extension is absent or not a string. */
export function extensionText({ extensions }: Certificate, oid: string): string | undefined {
  const extension = extensions.get(oid)
  if (!extension) return undefined
  try {
    const [value, ...more] = derValues(extension.value)
    return value && more.length === 0 ? textOf(value) : undefined
  } catch {
    return undefined
  }
}

/** Whether a certificate is that of an authority, by its basicConstraints and key usage. */
export const isAuthority = ({ x509 }: Certificate): boolean => x509.ca

/** Bytes as `0a:1b`, for key identifiers. */
export const colons = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/..(?!$)/g, '$&:')

function keyIdsIn(extensions: Certificate['extensions']): KeyIds {
  const own = extensions.get(oids.subjectKeyId)
  const authority = extensions.get(oids.authorityKeyId)
  const none = new Uint8Array()
  return {
    own: own ? (derValues(own.value)[0]?.content ?? none) : none,
    issuer: authority ? (derInside(authority.value).find(({ tag }) => tag === tags.bytes0)?.content ?? none) : none,
  }
}
