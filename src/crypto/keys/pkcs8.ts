import { createPrivateKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { hex } from '../../util/bytes.ts'
import { derInside, derValues, tags } from '../encoding/der.ts'
import type { DerValue } from '../encoding/der.ts'
import { curves } from './pairs.ts'
import { uncompressed, wholeKey } from './key-parts.ts'
import type { KeyParts } from './key-parts.ts'

/** The content of object identifiers, hexadecimal. */
const oids = {
  rsa: '2a864886f70d010101',
  rsaPss: '2a864886f70d01010a',
  ec: '2a8648ce3d0201',
  ed25519: '2b6570',
  /** GNU's name of the curve, in the keys of NSS. */
  ed25519Curve: '2b06010401da470f01',
} as const

/**
 * A private key of RSA, an elliptic curve or Ed25519 in DER: PKCS#8 (RFC 5208), its second version (RFC 5958), RSA keys
 * that are for PSS (RFC 4055), Ed25519 keys as NSS writes them. The key is created from its parts, so that it has one form for
 * all inputs: a named curve, an uncompressed point. Undefined for other input, and for parts that contradict each other.
 * Takes milliseconds.
 */
export function readPkcs8(der: Uint8Array): KeyObject | undefined {
  try {
    return wholeKey(partsOf(der))
  } catch {
    return undefined
  }
}

function partsOf(der: Uint8Array): KeyParts {
  const [version, algorithm, octets, ...more] = derInside(der)
  if (version?.tag !== tags.integer || algorithm?.tag !== tags.sequence) throw new RangeError('no PKCS#8')
  const [name, parameters] = derValues(algorithm.content)
  const inner = contentOf(octets, tags.octetString)
  const oid = hex(contentOf(name, tags.oid))
  if (oid === oids.rsa || oid === oids.rsaPss) return rsaParts(inner)
  if (oid === oids.ed25519 && !parameters) return ed25519Parts(inner, more)
  if (oid !== oids.ec) throw new RangeError('another algorithm')
  if (parameters?.tag === tags.oid && hex(parameters.content) === oids.ed25519Curve) return nssParts(inner)
  return ecParts(der)
}

/** RSAPrivateKey of RFC 8017 §A.1.2, with two primes. */
function rsaParts(inner: Uint8Array): KeyParts {
  const numbers = derInside(inner).map((value) => numberOf(contentOf(value, tags.integer)))
  const [version, n = 0n, e = 0n, d = 0n, p = 0n, q = 0n, ...computed] = numbers
  if (version !== 0n || computed.length !== 3) throw new RangeError('no RSA key of two primes')
  return { family: 'rsa', n, e, d, p, q }
}

function numberOf(content: Uint8Array): bigint {
  if (content.length === 0 || (content[0] as number) > 0x7f) throw new RangeError('no number above 0')
  return BigInt(`0x${hex(content)}`)
}

/** RFC 8410 §7: the seed, followed by attributes, which are ignored, and the public key. */
function ed25519Parts(inner: Uint8Array, more: readonly DerValue[]): KeyParts {
  const [seed] = derValues(inner)
  return { family: 'ed25519', seed: contentOf(seed, tags.octetString), point: pointOf(more) }
}

/** ECPrivateKey of RFC 5915 with a seed for its private number. */
function nssParts(inner: Uint8Array): KeyParts {
  const [, seed, ...more] = derInside(inner)
  return { family: 'ed25519', seed: contentOf(seed, tags.octetString), point: pointOf(more) }
}

/** The public key in `[1]`: the bits themselves, or a bit string inside. */
function pointOf(more: readonly DerValue[]): Uint8Array | undefined {
  const value = more.find(({ tag }) => tag === tags.bytes1 || tag === tags.values1)
  if (!value) return undefined
  const bits = value.tag === tags.bytes1 ? value.content : contentOf(derValues(value.content)[0], tags.bitString)
  return bits.subarray(1)
}

/** OpenSSL determines the curve of parameters, and decompresses points. */
function ecParts(der: Uint8Array): KeyParts {
  const key = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
  const { crv = '', x = '', y = '', d = '' } = key.export({ format: 'jwk' })
  const [px, py, number] = [x, y, d].map((text) => Buffer.from(text, 'base64url')) as [Buffer, Buffer, Buffer]
  const curve = curves[crv]
  if (curve === undefined) throw new RangeError('another curve')
  return { family: 'ec', curve, label: crv, d: number, point: uncompressed(px, py) }
}

function contentOf(value: DerValue | undefined, tag: number): Uint8Array {
  if (value?.tag !== tag) throw new RangeError('another value')
  return value.content
}
