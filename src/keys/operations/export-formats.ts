import type { KeyObject } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { publicKeyText, readPrivate, readPublic } from '../../crypto/keys/pair-key.ts'
import type { PairKey } from '../../crypto/keys/pair-key.ts'
import { ed25519Private } from '../../crypto/keys/pairs.ts'
import { pem } from '../../crypto/encoding/pem.ts'
import { QuantumKey, quantumAlgorithms } from '../../crypto/keys/post-quantum-keys.ts'
import { base64, wipe } from '../../util/bytes.ts'
import type { KeyVersion } from '../record.ts'
import { bytesOf } from './ciphers.ts'

/** The formats that keys can be exported in; '' is the usual one of the type. */
export const exportFormats = ['', 'raw', 'der', 'pem', 'jwk'] as const

const noRaw = 'only symmetric, Ed25519 and post-quantum keys have a raw format: use der or pem'

/** A raw key: base64, or a JWK (RFC 7518 §6.4). @throws Fault invalid_request for formats of pairs. */
export function exportRaw(key: string, format: string): string {
  if (format === 'der' || format === 'pem') throw refuse('symmetric keys have no such format: leave it out or use raw')
  return format === 'jwk' ? JSON.stringify({ kty: 'oct', k: url(bytesOf(key)) }) : key
}

/** The private key of a version; '' when only the public one was imported. @throws Fault for formats that it does not have. */
export function exportPrivate({ material, open: publicKey = '' }: KeyVersion, format: string): string {
  if (material === '') return ''
  if (format === 'der') return material
  const der = bytesOf(material)
  const key = readPrivate(der)
  try {
    if (format === 'pem' || (format === '' && key instanceof QuantumKey))
      return trimmedPem(key, pem('PRIVATE KEY', der))
    if (format === 'jwk') return JSON.stringify(jwk(key, readPublic(bytesOf(publicKey))))
    return rawPrivate(key, format)
  } finally {
    wipe(der)
  }
}

function rawPrivate(key: PairKey, format: string): string {
  if (!(key instanceof QuantumKey) && key.asymmetricKeyType !== 'ed25519') return traditional(key, format)
  const raw = key instanceof QuantumKey ? key.raw() : ed25519Private(key)
  const text = base64(raw)
  wipe(raw)
  return text
}

/** The older PEM forms of RFC 5915 and RFC 8017. */
function traditional(key: KeyObject, format: string): string {
  if (format === 'raw') throw refuse(noRaw)
  const type = key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs1'
  return trimmedPem(key, key.export({ type, format: 'pem' } as never).toString())
}

/** In Vault only the PEM of an RSA key ends in a line feed. */
function trimmedPem(key: PairKey, text: string): string {
  return !(key instanceof QuantumKey) && key.asymmetricKeyType !== 'rsa' ? text.trimEnd() : text
}

/** The public key of a version. @throws Fault for formats that it does not have. */
export function exportPublic({ open: publicKey = '' }: KeyVersion, format: string): string {
  if (format === 'der') return publicKey
  const key = readPublic(bytesOf(publicKey))
  if (format === 'pem') return trimmedPem(key, pem('PUBLIC KEY', bytesOf(publicKey)))
  if (format === 'jwk') return JSON.stringify(jwk(undefined, key))
  if (format !== 'raw') return trimmedPem(key, publicKeyText(key))
  if (key instanceof QuantumKey) return base64(key.raw())
  if (key.asymmetricKeyType !== 'ed25519') throw refuse(noRaw)
  return publicKeyText(key)
}

/** RFC 7517, RFC 8037; for ML-DSA the `AKP` of draft-ietf-cose-dilithium. */
function jwk(privateKey: PairKey | undefined, publicKey: PairKey): Readonly<Record<string, unknown>> {
  if (!(publicKey instanceof QuantumKey))
    return { ...((privateKey as KeyObject | undefined) ?? publicKey).export({ format: 'jwk' }) }
  if (!publicKey.name.startsWith('ml-dsa'))
    throw refuse(`no JWK is defined for keys of type ${publicKey.name}: use der or pem`)
  const priv = privateKey instanceof QuantumKey ? { priv: url(privateKey.raw()) } : {}
  return { kty: 'AKP', alg: quantumAlgorithms[publicKey.name].label, pub: url(publicKey.raw()), ...priv }
}

function url(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64url')
  wipe(bytes)
  return text
}
