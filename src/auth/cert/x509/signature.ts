import { constants, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { integerOf, oidOf } from './asn1.ts'
import { hasStrongSignature } from './strength.ts'

interface SignatureType {
  readonly keys: readonly string[]
  readonly hash: string | null
  /** For RSASSA-PSS, bytes. */
  readonly saltLength?: number
}

const pssOid = '1.2.840.113549.1.1.10'
const mgf1 = '1.2.840.113549.1.1.8'
const hashNames: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

/** The key types and the hash of each signature algorithm; null: the hash is part of the algorithm. */
const types: Readonly<Record<string, SignatureType>> = {
  '1.2.840.113549.1.1.11': { keys: ['rsa'], hash: 'sha256' },
  '1.2.840.113549.1.1.12': { keys: ['rsa'], hash: 'sha384' },
  '1.2.840.113549.1.1.13': { keys: ['rsa'], hash: 'sha512' },
  '1.2.840.10045.4.3.2': { keys: ['ec'], hash: 'sha256' },
  '1.2.840.10045.4.3.3': { keys: ['ec'], hash: 'sha384' },
  '1.2.840.10045.4.3.4': { keys: ['ec'], hash: 'sha512' },
  '1.3.101.112': { keys: ['ed25519'], hash: null },
  '1.3.101.113': { keys: ['ed448'], hash: null },
}

/** Data that an authority signed, other than certificates: OCSP responses and revocation lists. */
export interface Signed {
  readonly content: Uint8Array
  /** AlgorithmIdentifier. */
  readonly algorithm: DerValue
  /** BIT STRING. */
  readonly signature: DerValue
}

/** Whether data has a valid signature of a key, with a strong algorithm. */
export function isSignedBy(key: KeyObject, { content, algorithm, signature }: Signed): boolean {
  try {
    const type = typeOf(algorithm)
    if (!type?.keys.includes(key.asymmetricKeyType ?? '') || signature.content[0] !== 0) return false
    const { hash, saltLength } = type
    const pss = saltLength !== undefined && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
    return verify(hash, content, { key, ...pss }, signature.content.subarray(1))
  } catch {
    // OpenSSL throws for unsupported keys, and the parameters may be invalid DER.
    return false
  }
}

function typeOf({ content }: DerValue): SignatureType | undefined {
  const parts = derValues(content)
  const [id, parameters] = parts
  if (!id || !hasStrongSignature({ signature: parts })) return undefined
  return oidOf(id) === pssOid ? pssType(parameters) : types[oidOf(id)]
}

/** RSASSA-PSS-params (RFC 4055, 3.1): hash, mask generation by MGF1 with a hash, and length of the salt (20 by default). */
function pssType(parameters: DerValue | undefined): SignatureType | undefined {
  const parts = new Map(derInside(parameters?.whole ?? new Uint8Array()).map((part) => [part.tag, part.content]))
  const hash = hashNames[algorithmIn(parts.get(tags.values0))?.id ?? '']
  const mask = algorithmIn(parts.get(tags.values1))
  const [salt] = derValues(parts.get(0xa2) ?? new Uint8Array())
  const saltLength = salt ? Number(integerOf(salt.content)) : 20
  // Node uses the hash of the message for MGF1 too.
  const isSupported =
    mask?.id === mgf1 && hashNames[algorithmIn(mask.parameters)?.id ?? ''] === hash && !parts.has(0xa3)
  return hash !== undefined && isSupported && saltLength >= 0 && saltLength <= 64
    ? { keys: ['rsa', 'rsa-pss'], hash, saltLength }
    : undefined
}

/** Parses an AlgorithmIdentifier. */
function algorithmIn(
  der: Uint8Array | undefined,
): { readonly id: string; readonly parameters: Uint8Array } | undefined {
  const [id, parameters] = der ? derInside(der) : []
  return id && { id: oidOf(id), parameters: parameters?.whole ?? new Uint8Array() }
}
