import { expect } from 'chai'
import * as fc from 'fast-check'
import { RateLimiter } from '../../../src/core/quotas/rate-limit.ts'

const taken = (limiter: RateLimiter, times: number, now: number, address = '10.0.0.1'): number =>
  Array.from({ length: times }, () => limiter.take(address, now)).filter(({ allowed }) => allowed).length

describe('a rate limiter', () => {
  it('allows the configured number of requests in each interval, and returns when the next one begins', () => {
    const limiter = new RateLimiter({ rate: 3, interval: 10, blockInterval: 0 })
    expect(limiter.take('10.0.0.1', 500)).to.deep.equal({
      allowed: true,
      retryAfter: 10,
      window: { limit: 3, remaining: 2, reset: 10 },
    })
    expect(taken(limiter, 5, 500)).to.equal(2)
    expect(limiter.take('10.0.0.1', 9_600)).to.include({ allowed: false, retryAfter: 1 })
    expect(taken(limiter, 5, 10_499)).to.equal(0)
    expect(taken(limiter, 5, 10_500)).to.equal(3)
  })

  it('counts clients apart; a whole IPv6 /64 is one', () => {
    const limiter = new RateLimiter({ rate: 1, interval: 1, blockInterval: 0 })
    for (const address of ['10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8:0:1::1', '::1'])
      expect(taken(limiter, 1, 0, address), address).to.equal(1)
    for (const address of ['2001:db8::2', '2001:db8:0:0:ffff::', '2001:db8:0:1:8000::', '2001:db8::9:9:9:9', '::2'])
      expect(taken(limiter, 1, 0, address), address).to.equal(0)
  })

  it('a fraction is rounded, but nobody is shut out', () => {
    expect(taken(new RateLimiter({ rate: 50.5, interval: 1, blockInterval: 0 }), 100, 0)).to.equal(51)
    expect(taken(new RateLimiter({ rate: 0.1, interval: 1, blockInterval: 0 }), 100, 0)).to.equal(1)
  })

  it('blocks a client that asked too often for the whole block interval', () => {
    const limiter = new RateLimiter({ rate: 1, interval: 1, blockInterval: 60 })
    expect(taken(limiter, 1, 0)).to.equal(1)
    expect(limiter.take('10.0.0.1', 100)).to.include({ allowed: false, retryAfter: 60 })
    expect(limiter.take('10.0.0.1', 30_100)).to.deep.equal({ allowed: false, retryAfter: 30 })
    expect(taken(limiter, 1, 60_099)).to.equal(0)
    expect(taken(limiter, 1, 60_100)).to.equal(1)
  })

  it('a clock that is set back locks nobody out', () => {
    const limiter = new RateLimiter({ rate: 1, interval: 3600, blockInterval: 3600 })
    expect(taken(limiter, 2, 10_000_000)).to.equal(1)
    expect(taken(limiter, 2, 5_000_000)).to.equal(1)
  })

  it('never exceeds the rate in any of its intervals, whenever requests arrive', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 60 }),
        (rate, gaps) => {
          const limiter = new RateLimiter({ rate, interval: 2, blockInterval: 0 })
          const allowed = new Map<number, number>()
          const first = gaps[0] ?? 0
          let now = 0
          for (const gap of gaps) {
            now += gap
            const interval = Math.floor((now - first) / 2000)
            const before = allowed.get(interval) ?? 0
            const { allowed: passed } = limiter.take('a', now)
            expect(passed).to.equal(before < rate)
            if (passed) allowed.set(interval, before + 1)
          }
        },
      ),
    )
  })
})
