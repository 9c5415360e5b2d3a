import { xchacha20poly1305 as nobleXChaCha } from '@noble/ciphers/chacha.js'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { decryptXChaCha, encryptXChaCha } from '../../../src/crypto/fast/xchacha.ts'

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex')
const toHex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex')

describe('XChaCha20-Poly1305', () => {
  it('gives the value of draft-irtf-cfrg-xchacha-03, A.3.1', () => {
    const plain = Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    )
    const key = hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f')
    const nonce = hex('404142434445464748494a4b4c4d4e4f5051525354555657')
    const sealed = encryptXChaCha(key, nonce, plain, hex('50515253c0c1c2c3c4c5c6c7'))
    expect(toHex(sealed.subarray(24))).to.equal(
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49',
    )
  })

  it('takes keys and nonces of its sizes only', () => {
    const [key, nonce] = [new Uint8Array(32), new Uint8Array(24)]
    expect(() => encryptXChaCha(key.subarray(1), nonce, key)).to.throw(RangeError)
    expect(() => encryptXChaCha(key, nonce.subarray(1), key)).to.throw(RangeError)
  })

  it('agrees with another implementation, and refuses changed ciphertexts', () => {
    const bytes = fc.uint8Array({ maxLength: 200 })
    const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(fixed(32), fixed(24), bytes, bytes, fc.nat(), (key, nonce, plain, associated, at) => {
        const sealed = encryptXChaCha(key, nonce, plain, associated)
        const other = nobleXChaCha(key, nonce, associated).encrypt(plain)
        expect(toHex(sealed)).to.equal((toHex(nonce) ?? '') + (toHex(other) ?? ''))
        expect(toHex(decryptXChaCha(key, sealed, associated))).to.equal(toHex(plain))
        const bad = Uint8Array.from(sealed)
        bad[at % bad.length]! ^= 1 << (at % 8)
        expect(decryptXChaCha(key, bad, associated)).to.equal(undefined)
        expect(decryptXChaCha(key, sealed.subarray(0, at % sealed.length), associated)).to.equal(undefined)
      }),
    )
  })
})
