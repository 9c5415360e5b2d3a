import { expect } from 'chai'
import * as fc from 'fast-check'
import { rfc3339 } from '../../src/util/clock.ts'

describe('a time as text', () => {
  it('is that of Date with nine decimals, in any order of times', () => {
    const times = fc.array(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), { minLength: 1 })
    fc.assert(
      fc.property(times, fc.boolean(), (around, near) => {
        for (const ms of near ? around.map((at) => (around[0] as number) + (at % 2000)) : around)
          expect(rfc3339(ms)).to.equal(new Date(ms).toISOString().replace('Z', '000000Z'))
      }),
    )
  })

  it('is refused where there is none', () => {
    expect(() => rfc3339(NaN)).to.throw(RangeError)
    expect(() => rfc3339(8.64e15 + 1000)).to.throw(RangeError)
  })
})
