import { cmac as nobleCmac } from '@noble/ciphers/aes.js'
import { xchacha20poly1305 as nobleXChaCha } from '@noble/ciphers/chacha.js'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { aeads } from '../../src/crypto/ciphers/aead.ts'
import { cbcs } from '../../src/crypto/ciphers/cbc.ts'
import { cmac } from '../../src/crypto/cmac.ts'
import { largeJobs } from '../../src/crypto/workers/large.ts'
import { randomBytes } from '../../src/crypto/random.ts'
import { decryptXChaCha, encryptXChaCha } from '../../src/crypto/ciphers/xchacha.ts'

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

  it('agrees with another implementation on every length', () => {
    for (const size of [16, 24, 32]) {
      const key = randomBytes(size)
      const make = cmac(key)
      for (let length = 0; length <= 67; length++) {
        const data = randomBytes(length)
        expect(toHex(make(data))).to.equal(toHex(nobleCmac(data, key)))
      }
    }
  })
})

describe('XChaCha20-Poly1305', () => {
  it('gives the value of draft-irtf-cfrg-xchacha-03, A.3.1', () => {
    const plain = Buffer.from("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.") // prettier-ignore
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

  it('agrees with another implementation, and opens nothing that was changed', () => {
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

describe('AES-CBC', () => {
  const vector = hex('000102030405060708090a0b0c0d0e0f')
  // SP 800-38A F.2.1 and F.2.5, whose plaintext has no padding.
  const known = {
    aes128cbc: [
      '2b7e151628aed2a6abf7158809cf4f3c',
      '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7',
    ],
    aes256cbc: [
      '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
      'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b',
    ],
  } as const
  for (const [name, [key, ciphertext]] of Object.entries(known))
    it(`${name} gives the values of the standard, with a block of padding behind them`, () => {
      const live = cbcs[name as keyof typeof known].key(hex(key))
      const sealed = live.encrypt(vector, hex(blocks))
      expect(toHex(sealed.subarray(0, 16))).to.equal(toHex(vector))
      expect(toHex(sealed.subarray(16, -16))).to.equal(ciphertext)
      expect(toHex(live.decrypt(sealed))).to.equal(blocks)
      for (const size of [16, 17, 31, 32, sealed.length - 1])
        expect(live.decrypt(sealed.subarray(0, size))).to.equal(undefined)
    })
})

describe('AES-GCM-SIV', () => {
  // RFC 8452, appendices C.1 and C.2.
  const rows = [
    ['aes128gcmSiv', '01000000000000000000000000000000', '', '', 'dc20e2d83f25705bb49e439eca56de25'],
    [
      'aes128gcmSiv',
      '01000000000000000000000000000000',
      '0100000000000000',
      '',
      'b5d839330ac7b786578782fff6013b815b287c22493a364c',
    ],
    [
      'aes128gcmSiv',
      '01000000000000000000000000000000',
      '0200000000000000',
      '01',
      '1e6daba35669f4273b0a1a2560969cdf790d99759abd1508',
    ],
    [
      'aes256gcmSiv',
      '0100000000000000000000000000000000000000000000000000000000000000',
      '',
      '',
      '07f5f4169bbf55a8400cd47ea6fd400f',
    ],
    [
      'aes256gcmSiv',
      '0100000000000000000000000000000000000000000000000000000000000000',
      '0100000000000000',
      '',
      'c2ef328e5c71c83b843122130f7364b761e0b97427e3df28',
    ],
  ] as const
  for (const [name, key, plaintext, associated, ciphertext] of rows)
    it(`${name} of ${plaintext || 'nothing'}${associated && ' with associated data'} is that of the standard`, () => {
      const live = aeads[name].key(hex(key))
      const nonce = hex('030000000000000000000000')
      const sealed = live.encrypt(nonce, hex(plaintext), hex(associated))
      expect(toHex(sealed.subarray(12))).to.equal(ciphertext)
      expect(toHex(live.decrypt(sealed, hex(associated)))).to.equal(plaintext)
      expect(live.decrypt(sealed, hex('ff'))).to.equal(undefined)
    })
})

describe('messages for another thread', () => {
  it('become what they become on this one, with every cipher', () => {
    for (const cipher of [...Object.values(aeads), ...Object.values(cbcs)]) {
      const raw = randomBytes(cipher.keyBytes)
      const key = cipher.key(raw)
      const [nonce, plaintext] = [randomBytes(cipher.nonceBytes), randomBytes(1000)]
      const associated = cipher.authenticated ? { associated: randomBytes(20) } : {}
      const message = { cipher: cipher.name, key: key.shared(), ...associated }
      const sealed = largeJobs.seal({ ...message, nonce, plaintext })
      expect(toHex(sealed), cipher.name).to.equal(toHex(key.encrypt(nonce, plaintext, associated.associated)))
      expect(toHex(largeJobs.open({ ...message, sealed })), cipher.name).to.equal(toHex(plaintext))
      if (cipher.authenticated) expect(largeJobs.open({ ...message, sealed: sealed.subarray(1) })).to.equal(undefined)
    }
  })
})
