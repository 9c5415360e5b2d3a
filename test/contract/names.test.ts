import { expect } from 'chai'
import { isPathName } from '../../src/contract/names.ts'

describe('names in paths', () => {
  it('have letters, digits and _, inside also - and .', () => {
    for (const name of ['a', '_', '7', 'a.b', 'a-b', 'a--..b', 'A_1-b.c']) expect(isPathName(name), name).to.equal(true)
    for (const name of ['', '.', '-', '-a', 'a-', '.a', 'a.', '..', 'a/b', 'a b', 'a\n', 'ä', 'a@b', 'a%2fb'])
      expect(isPathName(name), name).to.equal(false)
  })

  it('are judged in linear time', () => {
    const begun = performance.now()
    expect(isPathName(`${'a-'.repeat(500_000)}-`)).to.equal(false)
    expect(performance.now() - begun).to.be.lessThan(1000)
  })
})
