import { createPrivateKey, createPublicKey, createSecretKey, generateKeyPair, KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { base64, concat } from '../../util/bytes.ts'
import { slow } from '../workers/heavy.ts'
import { quantumAlgorithms, QuantumKey } from './post-quantum-keys.ts'
import type { QuantumName } from './post-quantum-keys.ts'

/** A pair as it is stored: PKCS#8 and SubjectPublicKeyInfo, both DER. */
interface EncodedPair {
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
}

/** A kind of key pair. */
export interface PairType {
  readonly family: 'ed25519' | 'ec' | 'rsa' | 'quantum'
  /** How Vault labels a public key of this kind. */
  readonly label: string
  /** The size of the numbers in a raw ECDSA signature, in bytes; 0 for other keys. */
  readonly fieldBytes: number
  /** Of post-quantum kinds. */
  readonly quantum?: QuantumName
  /** A new key pair; slow ones are generated on another thread. @throws Fault unavailable: too many are waiting. */
  readonly generate: (random: (bytes: number) => Uint8Array) => Promise<EncodedPair>
  /** Whether a key, private or public, is of this kind. */
  readonly fits: (key: KeyObject | QuantumKey) => boolean
}

/** OpenSSL's names of the curves, by those in a JWK (RFC 7518, RFC 8812). */
export const curves: Readonly<Record<string, string>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
  secp256k1: 'secp256k1',
}

/** Go's limits of a public exponent, which is odd: 1 would encrypt nothing, and large ones are not in use. */
const exponents = { least: 3n, most: 2n ** 31n - 1n } as const

const generated = promisify(generateKeyPair)

function curve(label: string, fieldBytes: number): PairType {
  const curveName = curves[label] as string
  return {
    family: 'ec',
    label,
    fieldBytes,
    generate: async () => encodedPair((await generated('ec', { namedCurve: curveName })).privateKey),
    fits: (key) =>
      isNative(key) && key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === curveName,
  }
}

function rsa(bits: number): PairType {
  return {
    family: 'rsa',
    label: `rsa-${bits}`,
    fieldBytes: 0,
    generate: async () => encodedPair(await slow.run('generateRsa', bits)),
    fits: (key) =>
      isNative(key) &&
      key.asymmetricKeyType === 'rsa' &&
      key.asymmetricKeyDetails?.modulusLength === bits &&
      isExponent(key.asymmetricKeyDetails.publicExponent ?? 0n),
  }
}

function isExponent(e: bigint): boolean {
  return e >= exponents.least && e <= exponents.most && e % 2n === 1n
}

/** The kind of a post-quantum pair: FIPS 203, 204 and 205. */
export function quantumPair(name: QuantumName): PairType {
  const { label, seed } = quantumAlgorithms[name]
  return {
    family: 'quantum',
    quantum: name,
    label,
    fieldBytes: 0,
    generate: async (random) => {
      const bytes = random(seed)
      const { secretKey, publicKey } = await slow.run('quantumPair', { name, key: createSecretKey(bytes) })
      const made = {
        secretKey: new QuantumKey(name, 'private', secretKey).der(),
        publicKey: new QuantumKey(name, 'public', publicKey).der(),
      }
      bytes.fill(0)
      secretKey.fill(0)
      return made
    },
    fits: (key) => key instanceof QuantumKey && key.name === name,
  }
}

function encodedPair(key: KeyObject): EncodedPair {
  return { secretKey: privateDer(key), publicKey: publicDer(key) }
}

function isNative(key: KeyObject | QuantumKey): key is KeyObject {
  return key instanceof KeyObject
}

/** The kinds of key pairs: RFC 8032, NIST SP 800-186, SEC 2 and RFC 8017. */
export const pairs = {
  ed25519: {
    family: 'ed25519',
    label: 'ed25519',
    fieldBytes: 0,
    generate: async () => encodedPair((await generated('ed25519')).privateKey),
    fits: (key) => isNative(key) && key.asymmetricKeyType === 'ed25519',
  },
  p256: curve('P-256', 32),
  p384: curve('P-384', 48),
  p521: curve('P-521', 66),
  secp256k1: curve('secp256k1', 32),
  rsa2048: rsa(2048),
  rsa3072: rsa(3072),
  rsa4096: rsa(4096),
} as const satisfies Record<string, PairType>

/** PKCS#8 in DER: how private keys are stored. */
export function privateDer(key: KeyObject): Uint8Array {
  return key.export({ type: 'pkcs8', format: 'der' })
}

/** SubjectPublicKeyInfo in DER, the stored form of public keys. Accepts a private or a public key. */
export function publicDer(key: KeyObject): Uint8Array {
  return (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' })
}

/** The same public key; one of an elliptic curve by the curve's name and with an uncompressed point, as all can read it. */
export function namedCurve(key: KeyObject): KeyObject {
  return key.asymmetricKeyType === 'ec' ? createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' }) : key
}

/** Parses the result of `privateDer`. @throws Error if it is malformed. */
export function fromPrivateDer(der: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
}

/** Parses the result of `publicDer`. @throws Error if it is malformed. */
export function fromPublicDer(der: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' })
}

// RFC 8410: everything before the 32 bytes of an Ed25519 seed (PKCS#8) or public key (SubjectPublicKeyInfo).
const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const pointPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The Ed25519 private key of a 32-byte seed (RFC 8032). */
export function ed25519FromSeed(seed: Uint8Array): KeyObject {
  const der = concat(seedPrefix, seed)
  const key = fromPrivateDer(der)
  der.fill(0)
  return key
}

/** The Ed25519 public key of its 32 bytes. */
export function ed25519FromPoint(point: Uint8Array): KeyObject {
  return fromPublicDer(concat(pointPrefix, point))
}

/** The 32 bytes of an Ed25519 public key; accepts a private or a public key. */
export function ed25519Point(key: KeyObject): Uint8Array {
  return publicDer(key).subarray(pointPrefix.length)
}

/** Seed and public key, 64 bytes: Go's form of an Ed25519 private key. The caller wipes it. */
export function ed25519Private(key: KeyObject): Uint8Array {
  return concat(privateDer(key).subarray(seedPrefix.length), ed25519Point(key))
}

/** A public key in Vault's format: base64 of the 32 bytes for Ed25519, PEM for the others. */
export function publicText(key: KeyObject): string {
  if (key.asymmetricKeyType === 'ed25519') return base64(ed25519Point(key))
  return (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'pem' }).toString()
}
