import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { HmacSha256 } from '../../../src/crypto/fast/hmac.ts'

const keys = fc.uint8Array({ maxLength: 64 })
const characters = fc.constantFrom('a', 'ü', '€', '💡', '\ud800')

describe('HMAC-SHA-256 of many strings', () => {
  const slow = (key: Uint8Array, value: string | Uint8Array): string =>
    createHmac('sha256', key).update(value).digest('hex')

  it('is that of an Hmac object for each of them', () => {
    const values = fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.uint8Array()), { maxLength: 6 })
    fc.assert(
      fc.property(keys, values, (key, list) => {
        const fast = new HmacSha256(Uint8Array.from(key))
        for (const value of list) expect(fast.hex(value)).to.equal(slow(key, value))
      }),
    )
  })

  it('is correct around the length at which the implementation changes', () => {
    fc.assert(
      fc.property(keys, characters, fc.integer({ min: 1360, max: 1370 }), (key, character, length) => {
        const value = character.repeat(length)
        expect(new HmacSha256(Uint8Array.from(key)).hex(value)).to.equal(slow(key, value))
      }),
      { numRuns: 200 },
    )
  })

  it('takes keys of one block only, and overwrites them in the end', () => {
    expect(() => new HmacSha256(new Uint8Array(65))).to.throw(RangeError)
    const key = new Uint8Array(32).fill(1)
    const fast = new HmacSha256(key)
    const before = fast.hex('a')
    fast.wipe()
    expect(key).to.deep.equal(new Uint8Array(32))
    expect(fast.hex('a')).not.to.equal(before)
  })
})
