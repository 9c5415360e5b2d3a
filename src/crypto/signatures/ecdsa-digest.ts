import type { KeyObject } from 'node:crypto'
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { wipe } from '../../util/bytes.ts'
import { derInside, tags } from '../encoding/der.ts'
import { publicDer } from '../keys/pairs.ts'

const curves = { prime256v1: p256, secp384r1: p384, secp521r1: p521, secp256k1 } as const

// Any s is valid: only the low half is a rule of blockchains. Fresh randomness goes into the nonce (RFC 6979 §3.6).
const signing = { prehash: false, lowS: false, extraEntropy: true } as const
const verifying = { prehash: false, lowS: false } as const

/**
 * ECDSA (FIPS 186-5 §6) over given digests: OpenSSL's own functions hash their input. A digest longer than the curve is
 * truncated, as in the standard. About 30 times slower than OpenSSL: milliseconds.
 */
export const ecdsaDigest = {
  sign(key: KeyObject, value: Uint8Array, jws: boolean): Uint8Array {
    const scalar = scalarOf(key)
    try {
      return curveOf(key).sign(value, scalar, { ...signing, format: jws ? 'compact' : 'der' })
    } finally {
      wipe(scalar)
    }
  },

  verify(key: KeyObject, value: Uint8Array, signature: Uint8Array, jws: boolean): boolean {
    try {
      return curveOf(key).verify(signature, value, pointOf(key), { ...verifying, format: jws ? 'compact' : 'der' })
    } catch {
      return false
    }
  },
} as const

function curveOf(key: KeyObject) {
  return curves[key.asymmetricKeyDetails?.namedCurve as keyof typeof curves]
}

/** The number in a private key: RFC 5915. */
function scalarOf(key: KeyObject): Uint8Array {
  const der = key.export({ type: 'sec1', format: 'der' })
  const scalar = Uint8Array.from(derInside(der)[1]?.content ?? [])
  wipe(der)
  return scalar
}

/** The uncompressed point of a public key: RFC 5480. */
function pointOf(key: KeyObject): Uint8Array {
  const bits = derInside(publicDer(key)).find(({ tag }) => tag === tags.bitString)
  return bits?.content.subarray(1) ?? new Uint8Array()
}
