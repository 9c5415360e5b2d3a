import { expect } from 'chai'
import * as fc from 'fast-check'
import { Fault } from '../../src/contract/fault.ts'
import { readFields } from '../../src/contract/field.ts'
import {
  changedTokenParams,
  effectiveTtl,
  isTokenParams,
  noTokenParams,
  tokenParamFields,
} from '../../src/contract/token-params.ts'
import type { TokenParams } from '../../src/contract/token-params.ts'

const seconds = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 10_000 }))
const limit = fc.integer({ min: 1, max: 10_000 })

describe('token parameters', () => {
  it('no TTL goes beyond any limit, and none is cut without a warning', () => {
    fc.assert(
      fc.property(seconds, seconds, seconds, limit, limit, seconds, (requested, period, explicitMaxTtl, a, b, age) => {
        const [defaultTtl, maxTtl] = [Math.min(a, b), Math.max(a, b)]
        const { ttl, warnings } = effectiveTtl(requested, { period, explicitMaxTtl, defaultTtl, maxTtl }, age)
        const wanted = period || requested || defaultTtl
        expect(ttl).to.be.at.most(wanted)
        expect(ttl).to.be.at.most(maxTtl)
        if (explicitMaxTtl > 0) expect(ttl + age).to.be.at.most(explicitMaxTtl)
        if (period === 0) expect(ttl + age).to.be.at.most(maxTtl)
        expect(warnings.length).to.equal(ttl < wanted ? 1 : 0)
      }),
    )
  })

  it('values written to a role are refused or valid as a stored record, and never policies that a login must not give', () => {
    const usual: { readonly [K in keyof typeof tokenParamFields]: readonly unknown[] } = {
      token_ttl: ['1h', 60, 0],
      token_max_ttl: ['2h', 30, 0],
      token_period: ['10m', 0],
      token_explicit_max_ttl: ['3h', 0],
      token_policies: ['a, B', ['b'], [], 'a, Root', ' root', 'response-wrapping'],
      token_bound_cidrs: ['10.0.0.0/8', ['::1'], [], 'nowhere'],
      token_num_uses: [0, 3, -1],
      token_type: ['batch', 'service', 'default', '', 'other'],
      token_no_default_policy: [true, false],
      token_strictly_bind_ip: [true, false],
    }
    const odd = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant({ toString: 0 }))
    const body = fc.record(
      Object.fromEntries(
        Object.entries(usual).map(([name, values]) => [
          name,
          fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: odd }),
        ]),
      ),
      { requiredKeys: [] },
    )
    let accepted = 0
    fc.assert(
      fc.property(body, body, (first, second) => {
        let params: TokenParams = noTokenParams
        for (const data of [first, second])
          try {
            params = changedTokenParams(params, readFields(tokenParamFields, data))
            accepted++
          } catch (thrown) {
            expect(thrown).to.be.instanceOf(Fault)
          }
        expect(isTokenParams(params)).to.equal(true)
        expect(params.policies).to.not.include('root')
        expect(params.type === 'batch' && (params.numUses > 0 || params.period > 0)).to.equal(false)
      }),
      { numRuns: 200 },
    )
    expect(accepted).to.be.greaterThan(10)
  })
})
