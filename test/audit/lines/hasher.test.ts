import { expect } from 'chai'
import * as fc from 'fast-check'
import { createHmac, randomBytes } from 'node:crypto'
import { Hasher } from '../../../src/audit/lines/hasher.ts'

describe('the audit hasher', () => {
  const salt = randomBytes(32)
  const hasher = new Hasher(Uint8Array.from(salt))
  const reference = (value: string | Uint8Array): string =>
    `hmac-sha256:${createHmac('sha256', salt).update(value).digest('hex')}`

  it('is HMAC-SHA256 of RFC 2104 for any string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), (text) => hasher.of(text) === reference(text)),
    )
  })

  it('is correct around the length at which the implementation changes', () => {
    for (const length of [0, 1, 1364, 1365, 1366, 4096, 10_000])
      for (const letter of ['a', 'ü', '€', '💡'])
        expect(hasher.of(letter.repeat(length))).to.equal(reference(letter.repeat(length)))
  })

  it('hashes bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => hasher.of(bytes) === reference(bytes)))
  })

  it('agrees with RFC 4231, test case 2', () => {
    const known = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
    expect(new Hasher(Buffer.from('Jefe')).of('what do ya want for nothing?')).to.equal(`hmac-sha256:${known}`)
  })
})
