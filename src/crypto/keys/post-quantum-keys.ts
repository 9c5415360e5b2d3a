import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { sameBytes, wipe } from '../../util/bytes.ts'
import { derInside, derValue, derValues, tags } from '../encoding/der.ts'

/** One post-quantum algorithm: its object identifier, and sizes in bytes. */
interface Algorithm {
  /** Content, hexadecimal. */
  readonly oid: string
  readonly label: string
  /** The parts of a key pair. */
  readonly seed: number
  /** The stored private key: the seed, except for SLH-DSA, where it is that of RFC 9909. */
  readonly secretKeyBytes: number
  readonly publicKeyBytes: number
}

const signatureArc = '6086480165030403'
const kemArc = '6086480165030404'

function lattice(label: string, oid: string, seed: number, publicKeyBytes: number): Algorithm {
  return { label, oid, seed, secretKeyBytes: seed, publicKeyBytes }
}

function hashBased(label: string, number: string, n: number): Algorithm {
  return { label, oid: signatureArc + number, seed: 3 * n, secretKeyBytes: 4 * n, publicKeyBytes: 2 * n }
}

/** FIPS 204, 203 and 205 with the identifiers of RFC 9881, 9935 and 9909. */
export const quantumAlgorithms = {
  'ml-dsa-44': lattice('ML-DSA-44', `${signatureArc}11`, 32, 1312),
  'ml-dsa-65': lattice('ML-DSA-65', `${signatureArc}12`, 32, 1952),
  'ml-dsa-87': lattice('ML-DSA-87', `${signatureArc}13`, 32, 2592),
  'ml-kem-512': lattice('ML-KEM-512', `${kemArc}01`, 64, 800),
  'ml-kem-768': lattice('ML-KEM-768', `${kemArc}02`, 64, 1184),
  'ml-kem-1024': lattice('ML-KEM-1024', `${kemArc}03`, 64, 1568),
  'slh-dsa-sha2-128f': hashBased('SLH-DSA-SHA2-128f', '15', 16),
  'slh-dsa-sha2-192f': hashBased('SLH-DSA-SHA2-192f', '17', 24),
  'slh-dsa-sha2-256f': hashBased('SLH-DSA-SHA2-256f', '19', 32),
  'slh-dsa-shake-128f': hashBased('SLH-DSA-SHAKE-128f', '1b', 16),
  'slh-dsa-shake-192f': hashBased('SLH-DSA-SHAKE-192f', '1d', 24),
  'slh-dsa-shake-256f': hashBased('SLH-DSA-SHAKE-256f', '1f', 32),
} as const satisfies Record<string, Algorithm>
export type QuantumName = keyof typeof quantumAlgorithms

/** A post-quantum public or private key. OpenSSL here lacks them: the bytes are in a KeyObject, which does not print. */
export class QuantumKey {
  readonly name: QuantumName
  readonly type: 'private' | 'public'
  readonly bytes: KeyObject

  constructor(name: QuantumName, type: 'private' | 'public', bytes: Uint8Array) {
    const { secretKeyBytes, publicKeyBytes } = quantumAlgorithms[name]
    if (bytes.length !== (type === 'private' ? secretKeyBytes : publicKeyBytes))
      throw new RangeError(`no ${type} key of ${name}`)
    this.name = name
    this.type = type
    this.bytes = createSecretKey(bytes)
  }

  /** PKCS#8 or SubjectPublicKeyInfo, in DER. The caller wipes it. */
  der(): Uint8Array {
    const { oid } = quantumAlgorithms[this.name]
    const algorithm = derValue(tags.sequence, derValue(tags.oid, Buffer.from(oid, 'hex')))
    const raw = this.raw()
    try {
      if (this.type === 'public')
        return derValue(tags.sequence, algorithm, derValue(tags.bitString, Uint8Array.of(0), raw))
      const inner = isHashBased(this.name) ? raw : derValue(tags.bytes0, raw)
      const version = derValue(tags.integer, Uint8Array.of(0))
      return derValue(tags.sequence, version, algorithm, derValue(tags.octetString, inner))
    } finally {
      wipe(raw)
    }
  }

  /** The bytes alone. The caller wipes them. */
  raw(): Uint8Array {
    return this.bytes.export()
  }
}

function isHashBased(name: QuantumName): boolean {
  return quantumAlgorithms[name].seed !== quantumAlgorithms[name].secretKeyBytes
}

/** A private key in forms of other programs: some put the expanded key beside the seed. */
export interface QuantumPrivate {
  readonly key: QuantumKey
  readonly expanded: Uint8Array | undefined
}

/** Parses PKCS#8; undefined if its algorithm is unknown. @throws RangeError if it is damaged. */
export function quantumPrivate(der: Uint8Array): QuantumPrivate | undefined {
  const [, algorithm, octets] = derInside(der)
  const name = nameOf(algorithm?.whole)
  if (!name) return undefined
  if (octets?.tag !== tags.octetString) throw new RangeError('no private key')
  if (isHashBased(name)) return { key: new QuantumKey(name, 'private', octets.content), expanded: undefined }
  const [choice] = derValues(octets.content)
  if (choice?.tag === tags.bytes0) return { key: new QuantumKey(name, 'private', choice.content), expanded: undefined }
  if (choice?.tag !== tags.sequence) throw new RangeError('no seed')
  const [seed, expanded] = derValues(choice.content)
  return { key: new QuantumKey(name, 'private', seed?.content ?? new Uint8Array()), expanded: expanded?.content }
}

/** Parses SubjectPublicKeyInfo; undefined if its algorithm is unknown. @throws RangeError if it is damaged. */
export function quantumPublic(der: Uint8Array): QuantumKey | undefined {
  const [algorithm, bits] = derInside(der)
  const name = nameOf(algorithm?.whole)
  if (!name) return undefined
  if (bits?.tag !== tags.bitString || bits.content[0] !== 0) throw new RangeError('no public key')
  return new QuantumKey(name, 'public', bits.content.subarray(1))
}

function nameOf(algorithm: Uint8Array | undefined): QuantumName | undefined {
  if (!algorithm) throw new RangeError('no algorithm')
  const names = Object.keys(quantumAlgorithms) as QuantumName[]
  return names.find((name) => {
    const oid = derValue(tags.oid, Buffer.from(quantumAlgorithms[name].oid, 'hex'))
    return sameBytes(algorithm, derValue(tags.sequence, oid))
  })
}
