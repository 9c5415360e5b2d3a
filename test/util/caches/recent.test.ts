import { expect } from 'chai'
import * as fc from 'fast-check'
import { recent } from '../../../src/util/caches/recent.ts'

describe('a least-recently-used cache', () => {
  it('is a map that drops the least recently used entries', () => {
    const step = fc.record({ key: fc.nat(9), value: fc.option(fc.nat(), { nil: undefined }) })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 60 }), (most, steps) => {
        const cache = recent<string, number>(most)
        // A map keeps the order of insertion: what is used is put in again.
        const twin = new Map<string, number>()
        for (const { key, value } of steps) {
          const name = `k${key}`
          const found = value ?? twin.get(name)
          if (value === undefined) expect(cache.get(name)).to.equal(found)
          else cache.set(name, value)
          if (found === undefined) continue
          twin.delete(name)
          twin.set(name, found)
          const [oldest] = twin.keys()
          if (twin.size > most) twin.delete(oldest as string)
        }
        expect([...cache.entries()].toReversed()).to.deep.equal([...twin.entries()])
      }),
    )
  })

  it('allocates as entries are added, not before', () => {
    const before = process.memoryUsage().rss
    const made = Array.from({ length: 20 }, () => recent<string, number>(1_000_000))
    expect(process.memoryUsage().rss - before, 'bytes').to.be.lessThan(100 * 1024 * 1024)
    expect(made[19]?.set('a', 1).get('a')).to.equal(1)
  })
})
