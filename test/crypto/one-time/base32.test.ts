import { expect } from 'chai'
import { assert, property, uint8Array } from 'fast-check'
import { base32, fromBase32 } from '../../../src/crypto/one-time/base32.ts'

describe('base32', () => {
  it('is that of RFC 4648', () => {
    const vectors = ['', 'MY', 'MZXQ', 'MZXW6', 'MZXW6YQ', 'MZXW6YTB', 'MZXW6YTBOI']
    for (const [length, encoded] of vectors.entries()) {
      const bytes = Buffer.from('foobar'.slice(0, length))
      expect(base32(bytes)).to.equal(encoded)
      const padded = encoded.padEnd(Math.ceil(encoded.length / 8) * 8, '=')
      for (const spelled of [encoded, padded, encoded.toLowerCase()])
        expect(Buffer.from(fromBase32(spelled) ?? []), spelled).to.deep.equal(bytes)
    }
    for (const none of ['M', 'MZX', 'MZXW6Y', 'MY=', 'MY=====', '====', 'M1', 'MY MY', 'MY\n', 'ſY'])
      expect(fromBase32(none), none).to.equal(undefined)
  })

  it('decodes its own output', () => {
    assert(
      property(uint8Array(), (bytes) => {
        expect(fromBase32(base32(bytes))).to.deep.equal(bytes)
      }),
    )
  })
})
