import { expect } from 'chai'
import { perObject } from '../../../src/util/caches/per-object.ts'

describe('values per object', () => {
  it('are computed once for each object, whatever the value, and never for an equal one', () => {
    const seen: object[] = []
    const once = perObject((key: object) => {
      seen.push(key)
      return undefined
    })
    const [a, b] = [{ n: 1 }, { n: 1 }]
    for (const key of [a, b, a, b, a]) expect(once(key)).to.equal(undefined)
    expect(seen).to.have.length(2)
    expect(seen[0]).to.equal(a)
    expect(seen[1]).to.equal(b)
  })

  it('are computed again after an error', () => {
    let calls = 0
    const once = perObject(() => {
      if (++calls === 1) throw new Error('not now')
      return calls
    })
    const key = {}
    expect(() => once(key)).to.throw('not now')
    expect([once(key), once(key)]).to.deep.equal([2, 2])
  })
})
