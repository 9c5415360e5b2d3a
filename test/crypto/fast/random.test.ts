import { expect } from 'chai'
import * as fc from 'fast-check'
import { randomBytes } from '../../../src/crypto/fast/random.ts'

/** Chance alone gives two equal ones of so many bytes in no lifetime. */
const window = 12

/** Sizes around those where a pool begins, ends, or is not used. */
const sizes = fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 1000, max: 1050 }), fc.constantFrom(0, 1024, 1025)), {
  minLength: 30,
  maxLength: 60,
})

describe('random bytes from a pool', () => {
  it('have their size, are handed out once, and stay as they are', () => {
    fc.assert(
      fc.property(sizes, (wanted) => {
        const parts = wanted.map((size) => randomBytes(size))
        const copies = parts.map((part) => Buffer.from(part))
        expect(parts.map(({ length }) => length)).to.deep.equal(wanted)
        const seen = new Set<string>()
        let windows = 0
        for (const part of copies)
          for (let at = 0; at + window <= part.length; at++, windows++)
            seen.add(part.toString('latin1', at, at + window))
        expect(seen.size).to.equal(windows)
        for (const part of wanted.map((size) => randomBytes(size))) part.fill(0)
        for (const [at, part] of parts.entries()) expect(copies[at]?.equals(part)).to.equal(true)
      }),
      { numRuns: 5 },
    )
  })

  it('use all values of a byte alike', () => {
    const counts = new Uint32Array(256)
    for (let round = 0; round < 4096; round++) for (const byte of randomBytes(32)) counts[byte]! += 1
    // 512 of each are expected; 8 standard deviations are about 180.
    expect(Math.min(...counts)).to.be.above(330)
    expect(Math.max(...counts)).to.be.below(694)
  })
})
