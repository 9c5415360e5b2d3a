import { hash } from 'node:crypto'

/**
 * Signature types of C2SP signed-note and tlog-cosignature: Ed25519 (RFC 8032), a witness's timestamped Ed25519
 * cosignature, ML-DSA-44 cosignature (FIPS 204).
 */
export const signatureTypes = { ed25519: 0x01, cosignature: 0x04, mlDsa44: 0x06 } as const
type SignatureType = (typeof signatureTypes)[keyof typeof signatureTypes]

/** A public key that verifies notes. */
export interface VerifierKey {
  readonly name: string
  /** Eight hexadecimal digits: the first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key). */
  readonly id: string
  readonly type: SignatureType
  readonly key: Uint8Array
}

/** A verifier key from its parts. */
export function verifierKey(name: string, type: SignatureType, key: Uint8Array): VerifierKey {
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([type]), key])
  return { name, id: hash('sha256', named, 'hex').slice(0, 8), type, key }
}

/** A verifier key as a string (vkey): `<name>+<id>+<base64 of type ‖ key>`. */
export function vkeyText({ name, id, type, key }: VerifierKey): string {
  return `${name}+${id}+${Buffer.concat([Buffer.from([type]), key]).toString('base64')}`
}

const keySizes: Readonly<Record<number, number>> = {
  [signatureTypes.ed25519]: 32,
  [signatureTypes.cosignature]: 32,
  [signatureTypes.mlDsa44]: 1312,
}

/** Parses a vkey; undefined if it is malformed, of an unknown type, or its id is not that of its key. */
export function readVkey(text: string): VerifierKey | undefined {
  const found = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(text)
  if (!found) return undefined
  const [, name = '', id, encoded = ''] = found
  const bytes = Buffer.from(encoded, 'base64')
  const type = bytes[0] as SignatureType
  if (bytes.length - 1 !== keySizes[type] || bytes.toString('base64') !== encoded) return undefined
  const key = verifierKey(name, type, Uint8Array.from(bytes.subarray(1)))
  return key.id === id ? key : undefined
}
