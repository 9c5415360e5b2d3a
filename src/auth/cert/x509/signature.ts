import { verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { derValues } from '../../../crypto/encoding/der.ts'
import type { DerValue } from '../../../crypto/encoding/der.ts'
import { oidOf } from './asn1.ts'
import { hasStrongSignature } from './strength.ts'

/** Kinds of keys by the type of a signature, and its hash; null: the signature has its own. */
const types: Readonly<Record<string, { readonly keys: readonly string[]; readonly hash: string | null }>> = {
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

/** Whether a key has signed it, with an algorithm that nobody can forge. RSASSA-PSS is not supported. */
export function isSignedBy(key: KeyObject, { content, algorithm, signature }: Signed): boolean {
  const parts = derValues(algorithm.content)
  const [id] = parts
  const type = id && hasStrongSignature({ signature: parts }) ? types[oidOf(id)] : undefined
  if (!type?.keys.includes(key.asymmetricKeyType ?? '') || signature.content[0] !== 0) return false
  try {
    return verify(type.hash, content, key, signature.content.subarray(1))
  } catch {
    // OpenSSL throws for keys that it cannot use.
    return false
  }
}
