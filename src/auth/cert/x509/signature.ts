import { constants, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { derInside, derValues, tags } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { oidOf, wholeOf } from './asn1.ts'
import { hasStrongSignature } from './strength.ts'

interface SignatureType {
  readonly keys: readonly string[]
  readonly hash: string | null
  /** Of RSASSA-PSS, bytes. */
  readonly saltLength?: number
}

const pssOid = '1.2.840.113549.1.1.10'
const mgf1 = '1.2.840.113549.1.1.8'
const hashNames: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

/** Kinds of keys by the type of a signature, and its hash; null: the signature has its own. */
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

/** What an authority has signed besides certificates: the responses of its OCSP server, its revocation lists. */
export interface Signed {
  readonly content: Uint8Array
  /** AlgorithmIdentifier. */
  readonly algorithm: DerValue
  /** BIT STRING. */
  readonly signature: DerValue
}

/** Whether a key has signed it, with an algorithm that nobody can forge. */
export function isSignedBy(key: KeyObject, { content, algorithm, signature }: Signed): boolean {
  try {
    const type = typeOf(algorithm)
    if (!type?.keys.includes(key.asymmetricKeyType ?? '') || signature.content[0] !== 0) return false
    const { hash, saltLength } = type
    const pss = saltLength !== undefined && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
    return verify(hash, content, { key, ...pss }, signature.content.subarray(1))
  } catch {
    // OpenSSL throws for keys that it cannot use, and the parameters may be no DER.
    return false
  }
}

function typeOf({ content }: DerValue): SignatureType | undefined {
  const parts = derValues(content)
  const [id, parameters] = parts
  if (!id || !hasStrongSignature({ signature: parts })) return undefined
  return oidOf(id) === pssOid ? pssType(parameters) : types[oidOf(id)]
}

/** RSASSA-PSS-params (RFC 4055, 3.1): hash, mask generation by MGF1 with a hash, and length of the salt, 20 when left out. */
function pssType(parameters: DerValue | undefined): SignatureType | undefined {
  const parts = new Map(derInside(parameters?.whole ?? new Uint8Array()).map((part) => [part.tag, part.content]))
  const hash = hashNames[algorithmIn(parts.get(tags.values0))?.id ?? '']
  const mask = algorithmIn(parts.get(tags.values1))
  const [salt] = derValues(parts.get(0xa2) ?? new Uint8Array())
  const saltLength = salt ? Number(wholeOf(salt.content)) : 20
  // Node masks with the hash of the message.
  const isUsual = mask?.id === mgf1 && hashNames[algorithmIn(mask.parameters)?.id ?? ''] === hash && !parts.has(0xa3)
  return hash !== undefined && isUsual && saltLength >= 0 && saltLength <= 64
    ? { keys: ['rsa', 'rsa-pss'], hash, saltLength }
    : undefined
}

/** The AlgorithmIdentifier in some DER. */
function algorithmIn(
  der: Uint8Array | undefined,
): { readonly id: string; readonly parameters: Uint8Array } | undefined {
  const [id, parameters] = der ? derInside(der) : []
  return id && { id: oidOf(id), parameters: parameters?.whole ?? new Uint8Array() }
}
