import { KeyObject } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { fromPrivateDer, fromPublicDer, publicText } from './pairs.ts'
import { pem } from '../encoding/pem.ts'
import { QuantumKey, quantumPrivate, quantumPublic } from './post-quantum-keys.ts'

/** A public or private key: OpenSSL's, or a post-quantum one. */
export type PairKey = KeyObject | QuantumKey

/** Parses PKCS#8 in DER. @throws Error if it is not a private key of a known kind. */
export function readPrivate(der: Uint8Array): PairKey {
  return quantumPrivate(der)?.key ?? fromPrivateDer(der)
}

/** Parses SubjectPublicKeyInfo in DER. @throws Error if it is not a public key of a known kind. */
export function readPublic(der: Uint8Array): PairKey {
  return quantumPublic(der) ?? fromPublicDer(der)
}

/** OpenSSL's key. @throws Fault invalid_request for a post-quantum one. */
export function native(key: PairKey): KeyObject {
  if (key instanceof QuantumKey) throw refuse(`this is not possible with keys of type ${key.name}`)
  return key
}

/** A post-quantum key. @throws TypeError for OpenSSL's: a row of the table is wrong. */
export function quantumOf(key: PairKey): QuantumKey {
  if (key instanceof KeyObject) throw new TypeError('no post-quantum key')
  return key
}

/** A public key in Vault's format: base64 of the 32 bytes for Ed25519, PEM for the others. */
export function publicKeyText(key: PairKey): string {
  return key instanceof QuantumKey ? pem('PUBLIC KEY', key.der()) : publicText(key)
}
