import { expect } from 'chai'
import * as fc from 'fast-check'
import { compileAcl } from '../../src/policy/acl.ts'
import type { NamedPolicy } from '../../src/policy/acl.ts'
import type { AclQuery } from '../../src/policy/verdict.ts'
import { BoundedAcl } from '../../src/policy/ceiling.ts'
import { parsePolicy } from '../../src/policy/document.ts'

const clock = { now: () => 0 }
const policy = (name: string, text: string): NamedPolicy => ({ name, document: parsePolicy(text) })

const path = fc.constantFrom('a', 'a/b', 'a/*', 'a/+', 'a/+/c', '*', 'b/')
const capability = fc.constantFrom('create', 'read', 'update', 'delete', 'list', 'sudo', 'deny')
const condition = fc.constantFrom('', 'allowed_parameters = { "x" = ["1"] }', 'denied_parameters = { "x" = ["2"] }', 'required_parameters = ["x"]', 'max_wrapping_ttl = "1m"') // prettier-ignore
const rule = fc.tuple(path, fc.uniqueArray(capability, { minLength: 1 }), condition).map(
  ([at, all, more]) => `path "${at}" { capabilities = ${JSON.stringify(all.includes('deny') ? ['deny'] : all)}\n${all.includes('deny') ? '' : more} }`, // prettier-ignore
)
const policies = fc.array(rule, { maxLength: 5 }).map((rules) => rules.map((text, at) => policy(`p${at}`, text)))
const query: fc.Arbitrary<AclQuery> = fc.record({
  path: fc.constantFrom('a', 'a/b', 'a/b/c', 'b/x', 'A/b'),
  operation: fc.constantFrom('create', 'read', 'update', 'delete', 'list', 'scan', 'patch', 'help'),
  data: fc.constantFrom({}, { x: '1' }, { x: '2' }, { y: '1' }),
})

describe('a ceiling', () => {
  it('allows a request that both allow, and nothing else; a deny of either is a deny', () => {
    fc.assert(
      fc.property(policies, policies, query, fc.option(fc.constantFrom(30, 90)), (own, above, asked, wrap) => {
        const [a, b] = [compileAcl(own, clock), compileAcl(above, clock)]
        const both = new BoundedAcl(a, b)
        const one = wrap === null ? asked : { ...asked, wrapTtl: wrap }
        const [left, right, verdict] = [a.decide(one), b.decide(one), both.decide(one)]
        expect(verdict.allowed).to.equal(left.allowed && right.allowed)
        expect(verdict.sudo).to.equal(left.sudo && right.sudo)
        expect(verdict.root).to.equal(false)
        expect(both.denies(one.path)).to.equal(a.denies(one.path) || b.denies(one.path))
        const denied = [a, b].some((acl) => acl.evaluate(one).ground === 'denied')
        expect(both.evaluate(one).ground === 'denied').to.equal(denied)
        const common = a.capabilities(one.path).filter((each) => b.capabilities(one.path).includes(each))
        expect(both.capabilities(one.path)).to.deep.equal(common.length > 0 ? common : ['deny'])
      }),
      { numRuns: 2000 },
    )
  })

  it('has the smaller limit of lists, and the filters of both', () => {
    const list = (limit: number): string => `path "a/*" { capabilities = ["list"]\n pagination_limit = ${limit} }`
    const bounded = (own: string, above: string): BoundedAcl =>
      new BoundedAcl(compileAcl([policy('own', own)], clock), compileAcl([policy('above', above)], clock))
    const plain = 'path "a/*" { capabilities = ["list"] }'
    const limit = (own: string, above: string, data = {}): number | undefined =>
      bounded(own, above).decide({ path: 'a/', operation: 'list', data }).limit
    expect([limit(list(5), list(3)), limit(list(3), list(5)), limit(plain, list(3)), limit(plain, plain)]).to.deep.equal([3, 3, 3, undefined]) // prettier-ignore
    expect([limit(plain, list(3), { limit: 'max' }), limit(plain, plain, { limit: 'max' })]).to.deep.equal([3, 0])
  })
})
