import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { expect } from 'chai'
import { Fault } from '../../../src/contract/fault.ts'
import { digest, hashes, isMacHash, opensslHash } from '../../../src/crypto/hash.ts'
import { signatures } from '../../../src/crypto/signatures/signatures.ts'
import type { SignatureOptions } from '../../../src/crypto/signatures/signatures.ts'

const wish: SignatureOptions = { hash: 'sha2-256', prehashed: true, padding: 'pss', salt: 'auto', jws: false }
const data = Buffer.from('the message')

describe('ECDSA over ready digests', () => {
  for (const namedCurve of ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1']) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
    for (const hash of ['sha1', ...Object.keys(hashes)])
      it(`${namedCurve} and ${hash}: OpenSSL, which hashes itself, agrees both ways`, () => {
        if (!isMacHash(hash)) expect.fail(hash)
        const value = digest(hash, data)
        for (const jws of [false, true]) {
          const dsaEncoding = jws ? 'ieee-p1363' : 'der'
          const how = { ...wish, hash, jws }
          const made = signatures.ec.sign(privateKey, value, how)
          expect(verify(opensslHash(hash), data, { key: publicKey, dsaEncoding }, made)).to.equal(true)
          const theirs = sign(opensslHash(hash), data, { key: privateKey, dsaEncoding })
          expect(signatures.ec.verify(publicKey, value, theirs, how)).to.equal(true)
          expect(
            signatures.ec.verify(
              publicKey,
              value.map((byte) => byte ^ 1),
              theirs,
              how,
            ),
          ).to.equal(false)
        }
      })
  }

  it('never take a number for a digest that fits made-up signatures', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    for (const nothing of [new Uint8Array(), new Uint8Array(32)]) {
      expect(() => signatures.ec.sign(privateKey, nothing, wish)).to.throw(Fault, 'no digest')
      expect(() => signatures.ec.verify(publicKey, nothing, Buffer.from('3000', 'hex'), wish)).to.throw(
        Fault,
        'no digest',
      )
    }
  })

  it('distinguish malformed signatures from those of another digest', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    const value = digest('sha2-256', data)
    const made = signatures.ec.sign(privateKey, value, wish)
    expect(() => signatures.ec.verify(publicKey, value, made.subarray(0, -1), wish)).to.throw(Fault)
    expect(() => signatures.ec.verify(publicKey, value, Buffer.concat([made, Buffer.alloc(1)]), wish)).to.throw(Fault)
    expect(signatures.ec.verify(publicKey, value, Buffer.from('3006020100020100', 'hex'), wish)).to.equal(false)
    for (const size of [0, 1, 63, 65])
      expect(signatures.ec.verify(publicKey, value, new Uint8Array(size), { ...wish, jws: true })).to.equal(false)
  })
})
