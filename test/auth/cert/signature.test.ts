import { constants, generateKeyPairSync, sign } from 'node:crypto'
import { expect } from 'chai'
import { isSignedBy } from '../../../src/auth/cert/x509/signature.ts'
import { derInside, derValue, derValues, tags } from '../../../src/crypto/encoding/der.ts'

const hashOids = { sha256: '0609608648016503040201', sha384: '0609608648016503040202', sha1: '06052b0e03021a' } as const
type Hash = keyof typeof hashOids
const sequence = (...parts: readonly Uint8Array[]): Uint8Array => derValue(tags.sequence, ...parts)
const hashOf = (hash: Hash): Uint8Array => sequence(Buffer.from(hashOids[hash], 'hex'), Buffer.from('0500', 'hex'))
const mgf1 = Buffer.from('06092a864886f70d010108', 'hex')
const pss = Buffer.from('06092a864886f70d01010a', 'hex')

/** RSASSA-PSS-params (RFC 4055). */
const parameters = (hash: Hash, mask: Hash, salt: readonly number[]): Uint8Array =>
  sequence(
    derValue(0xa0, hashOf(hash)),
    derValue(0xa1, sequence(mgf1, hashOf(mask))),
    derValue(0xa2, derValue(tags.integer, Uint8Array.from(salt))),
  )

describe('signatures of revocation lists and OCSP responses', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const content = Buffer.from('what was signed')

  const verified = (algorithm: Uint8Array, hash = 'sha256', saltLength = 32): boolean => {
    const key = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
    const bits = derValue(tags.bitString, Uint8Array.of(0), sign(hash, content, key))
    const [value, signature] = derValues(Buffer.concat([algorithm, bits]))
    return (
      value !== undefined && signature !== undefined && isSignedBy(publicKey, { content, algorithm: value, signature })
    )
  }

  it('by RSASSA-PSS count with the hash, the mask and the salt that they name', () => {
    expect(verified(sequence(pss, parameters('sha256', 'sha256', [32])))).to.equal(true)
    expect(verified(sequence(pss, parameters('sha384', 'sha384', [48])), 'sha384', 48)).to.equal(true)
    for (const [why, algorithm] of Object.entries({
      'another salt': sequence(pss, parameters('sha256', 'sha256', [20])),
      'any salt (-2 of OpenSSL)': sequence(pss, parameters('sha256', 'sha256', [0xfe])),
      'another mask': sequence(pss, parameters('sha256', 'sha384', [32])),
      'another hash': sequence(pss, parameters('sha384', 'sha384', [32])),
      'no parameters': sequence(pss),
      'empty parameters, which are SHA-1': sequence(pss, sequence()),
      'parameters that are no DER': sequence(pss, Uint8Array.of(0x30, 0x80, 0, 0)),
    }))
      expect(verified(algorithm), why).to.equal(false)
    expect(verified(sequence(pss, parameters('sha1', 'sha1', [20])), 'sha1', 20), 'SHA-1').to.equal(false)
  })

  it('DER has no indefinite length', () => {
    expect(() => derInside(Uint8Array.of(0x30, 0x80, 0, 0))).to.throw(RangeError)
    expect(() => derValues(Buffer.concat([Uint8Array.of(0x30, 0x80), Buffer.alloc(128)]))).to.throw(RangeError)
  })
})
