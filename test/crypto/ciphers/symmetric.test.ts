import { expect } from 'chai'
import { aeads } from '../../../src/crypto/ciphers/aead.ts'
import { cbcs } from '../../../src/crypto/ciphers/cbc.ts'
import { largeJobs } from '../../../src/crypto/workers/large.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex')
const toHex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('hex')

/** NIST SP 800-38A, appendix F: the four blocks of all its examples. */
const blocks =
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710'

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
  it('are encrypted to the same ciphertexts as on this one, with every cipher', () => {
    for (const cipher of [...Object.values(aeads), ...Object.values(cbcs)]) {
      const raw = randomBytes(cipher.keyBytes)
      const key = cipher.key(raw)
      const [nonce, plaintext] = [randomBytes(cipher.nonceBytes), randomBytes(1000)]
      const associated = cipher.authenticated ? { associated: randomBytes(20) } : {}
      const message = { cipher: cipher.name, key: key.shared(), ...associated }
      const sealed = largeJobs.encrypt({ ...message, nonce, plaintext })
      expect(toHex(sealed), cipher.name).to.equal(toHex(key.encrypt(nonce, plaintext, associated.associated)))
      expect(toHex(largeJobs.decrypt({ ...message, sealed })), cipher.name).to.equal(toHex(plaintext))
      if (cipher.authenticated)
        expect(largeJobs.decrypt({ ...message, sealed: sealed.subarray(1) })).to.equal(undefined)
    }
  })
})
