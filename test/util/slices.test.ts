import { expect } from 'chai'
import { isLarge, large } from '../../src/util/slices.ts'

describe('large values', () => {
  it('are recognised without a look at all of their content', () => {
    expect([
      isLarge('x'.repeat(large)),
      isLarge({ a: ['x'.repeat(large)] }),
      isLarge(Array(large).fill(1)),
    ]).to.deep.equal(Array(3).fill(true))
    expect([isLarge('x'), isLarge(undefined), isLarge({ a: [1, null, 'x'] })]).to.deep.equal(Array(3).fill(false))
    let looked = 0
    const watched = Array.from({ length: 1_000_000 }, () => ({ get x() { return ++looked } })) // prettier-ignore
    expect(isLarge(watched)).to.equal(true)
    expect(looked).to.be.lessThan(large)
  })
})
