import { cmac as nobleCmac } from '@noble/ciphers/aes.js'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { cmac } from '../../../src/crypto/fast/cmac.ts'

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex')
const toHex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex')

/** NIST SP 800-38A, appendix F: the four blocks of all its examples. */
const blocks =
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710'

describe('AES-CMAC', () => {
  // RFC 4493 §4, and NIST's examples for the longer keys.
  const keys = {
    '2b7e151628aed2a6abf7158809cf4f3c': [
      'bb1d6929e95937287fa37d129b756746',
      '070a16b46b4d4144f79bdd9dd04a287c',
      'dfa66747de9ae63030ca32611497c827',
      '51f0bebf7e3b9d92fc49741779363cfe',
    ],
    '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b': [
      'd17ddf46adaacde531cac483de7a9367',
      '9e99a7bf31e710900662f65e617c5184',
      '8a1de5be2eb31aad089a82e6ee908b0e',
      'a1d5df0eed790f794d77589659f39a11',
    ],
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4': [
      '028962f61b7bf89efc6b551f4667d983',
      '28a7023f452e8f82bd4bf28d8c37c35c',
      'aaf3d8f1de5640c232f5b169b9c911e6',
      'e1992190549f6ed5696a2c056c315410',
    ],
  }
  for (const [key, macs] of Object.entries(keys))
    it(`with a key of ${key.length / 2} bytes gives the values of the standard`, () => {
      for (const [at, size] of [0, 16, 40, 64].entries())
        expect(toHex(cmac(hex(key))(hex(blocks).subarray(0, size)))).to.equal(macs[at])
    })

  it('agrees with another implementation, message after message under one key', () => {
    const key = fc.constantFrom(16, 24, 32).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }))
    const messages = fc.array(fc.uint8Array({ maxLength: 67 }), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(key, messages, (raw, list) => {
        const make = cmac(raw)
        for (const data of list) {
          const before = toHex(data)
          expect(toHex(make(data))).to.equal(toHex(nobleCmac(data, raw)))
          expect(toHex(data)).to.equal(before)
        }
      }),
      { numRuns: 300 },
    )
  })
})
