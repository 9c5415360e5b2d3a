import { createECDH, createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { concat, sameBytes, wipe } from '../../util/bytes.ts'
import { ed25519FromSeed, ed25519Point } from './pairs.ts'
import { signatures } from '../signatures/signatures.ts'

/** Of a seed and of a public key. */
const ed25519Bytes = 32

/** The numbers of an RSA key of two primes (RFC 8017 §3.2). */
interface RsaParts {
  readonly family: 'rsa'
  readonly n: bigint
  readonly e: bigint
  readonly d: bigint
  readonly p: bigint
  readonly q: bigint
}

/** A private number of an elliptic curve, big-endian, and the uncompressed point that is claimed to belong to it. */
interface EcParts {
  readonly family: 'ec'
  /** OpenSSL's name of the curve. */
  readonly curve: string
  /** The curve's name in a JWK. */
  readonly label: string
  readonly d: Uint8Array
  readonly point: Uint8Array
}

/** A seed, and the public key that is claimed to belong to it (RFC 8032). */
interface Ed25519Parts {
  readonly family: 'ed25519'
  readonly seed: Uint8Array
  readonly point: Uint8Array | undefined
}

/** An imported private key, with the claimed public key. */
export type KeyParts = RsaParts | EcParts | Ed25519Parts

/**
 * The private key of some parts. Values that follow from the private numbers are computed, never copied; undefined if the
 * parts contradict each other, or are not a key. Takes milliseconds.
 */
export function wholeKey(parts: KeyParts): KeyObject | undefined {
  try {
    if (parts.family === 'rsa') return rsaKey(parts)
    return parts.family === 'ec' ? ecKey(parts) : ed25519Key(parts)
  } catch {
    return undefined
  }
}

function ed25519Key({ seed, point }: Ed25519Parts): KeyObject | undefined {
  // OpenSSL ignores bytes after a seed.
  if (seed.length !== ed25519Bytes) return undefined
  const key = ed25519FromSeed(seed)
  return point && !sameBytes(ed25519Point(key), point) ? undefined : key
}

function ecKey({ curve, label, d, point }: EcParts): KeyObject | undefined {
  const ecdh = createECDH(curve)
  // Refuses 0, and numbers that are not below the order of the curve.
  ecdh.setPrivateKey(d)
  const found = ecdh.getPublicKey()
  if (!sameBytes(found, point)) return undefined
  const size = (found.length - 1) / 2
  const [x, y] = [url(found.subarray(1, size + 1)), url(found.subarray(size + 1))]
  return createPrivateKey({ key: { kty: 'EC', crv: label, x, y, d: url(d) }, format: 'jwk' })
}

function rsaKey({ n, e, d, p, q }: RsaParts): KeyObject | undefined {
  if (p === q || p * q !== n || d >= n || (e * d) % (p - 1n) !== 1n || (e * d) % (q - 1n) !== 1n) return undefined
  const numbers = { n, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
  const jwk = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, url(bytesOf(value))]))
  const key = createPrivateKey({ key: { kty: 'RSA', ...jwk }, format: 'jwk' })
  return works(key) ? key : undefined
}

/** Whether a signature of the private key is valid for the public one: with composite factors it is not. */
function works(key: KeyObject): boolean {
  const input = new Uint8Array(32)
  const options = { hash: 'sha2-256', prehashed: false, padding: 'pkcs1v15', salt: 'hash', jws: false } as const
  return signatures.rsa.verify(createPublicKey(key), input, signatures.rsa.sign(key, input, options), options)
}

/** The inverse modulo a prime, by the extended Euclidean algorithm. */
function inverse(value: bigint, prime: bigint): bigint {
  let [high, low, before, now] = [prime, value % prime, 0n, 1n]
  while (low > 0n) {
    const times = high / low
    ;[high, low] = [low, high - times * low]
    ;[before, now] = [now, before - times * now]
  }
  return before < 0n ? before + prime : before
}

/** A number as big-endian bytes, at least `size` of them. */
export function bytesOf(value: bigint, size = 0): Uint8Array {
  const digits = value.toString(16)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  return Buffer.from(even.padStart(size * 2, '0'), 'hex')
}

/** The uncompressed point of two coordinates (SEC 1 §2.3.3). */
export function uncompressed(x: Uint8Array, y: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(4), x, y)
}

function url(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64url')
  wipe(bytes)
  return text
}
