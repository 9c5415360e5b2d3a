import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { f } from '../../src/contract/field.ts'
import { compileAcl } from '../../src/policy/acl.ts'
import type { AclOperation } from '../../src/policy/verdict.ts'
import { parsePolicy } from '../../src/policy/document.ts'
import { slowlyAllowed } from '../reference/acl.ts'
import type { SlowRule } from '../reference/acl.ts'

const now = { now: () => Date.UTC(2030, 0, 1) }
const acl = (...texts: readonly string[]) =>
  compileAcl(
    texts.map((text, at) => ({ name: `p${at}`, document: parsePolicy(text) })),
    now,
  )
const ask = (
  rules: ReturnType<typeof acl>,
  operation: AclOperation,
  path: string,
  data: Readonly<Record<string, unknown>> = {},
) => rules.decide({ operation, path, data }).allowed

const segment = fc.constantFrom('a', 'b', 'ab', '+', 'a', 'b')
const pattern = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '', '*', '/*', 'a*', '/'))
  .map(([parts, tail]) => (parts.join('/') + tail).replace('+*', '+/*').replace('+a*', '+'))
const capability = fc.constantFrom('read', 'list', 'update', 'deny', 'create')
const slowRule: fc.Arbitrary<SlowRule> = fc.record({ path: pattern, capabilities: fc.tuple(capability, capability) })
const question = fc.record({
  path: fc
    .tuple(
      fc.array(fc.constantFrom('a', 'b', 'ab', 'aa'), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('', '', '/'),
    )
    .map(([parts, tail]) => parts.join('/') + tail),
  operation: fc.constantFrom('read', 'list', 'update', 'create'),
})

describe('acl', () => {
  it('policy semantics: agrees with a slow twin on 200,000 random policies, paths and operations', function () {
    this.timeout(60_000)
    let pairs = 0
    const rules = fc.array(slowRule, { minLength: 1, maxLength: 6 })
    // About 20 questions each time, and one when it is shrunk.
    const questions = fc.array(question, { minLength: 1, maxLength: 44, size: 'max' })
    fc.assert(
      fc.property(rules, questions, (written, asked) => {
        const compiled = acl(...written.map((rule) => `path "${rule.path}" { capabilities = ${JSON.stringify(rule.capabilities)} }`)) // prettier-ignore
        for (const { path, operation } of asked) {
          const about = `${operation} ${path}`
          expect(ask(compiled, operation, path), about).to.equal(slowlyAllowed(written, path, operation))
        }
        pairs += asked.length
      }),
      { numRuns: 10_000 },
    )
    expect(pairs).to.be.greaterThan(180_000)
  })

  it('allows nothing that no rule names', () => {
    expect(ask(acl('path "a" { capabilities = ["read"] }'), 'read', 'b')).to.equal(false)
    expect(ask(acl(''), 'read', 'a')).to.equal(false)
  })

  it('CVE-2026-12624: a narrower denied folder cannot be listed through a wider rule', () => {
    const rules = acl(
      'path "foo/metadata/*" { capabilities = ["list"] }\npath "foo/metadata/private/*" { capabilities = ["deny"] }\npath "foo/metadata/private/granted/*" { capabilities = ["list"] }',
    )
    expect(ask(rules, 'list', 'foo/metadata/private')).to.equal(false)
    expect(ask(rules, 'scan', 'foo/metadata/private/')).to.equal(false)
    expect(ask(rules, 'list', 'foo/metadata/private/granted')).to.equal(true)
  })

  it('unites rules of one pattern over several policies, and deny wins', () => {
    const [read, update, deny] = [
      'path "a/*" { capabilities = ["read"] }',
      'path "a/*" { capabilities = ["update"] }',
      'path "a/*" { capabilities = ["deny"] }',
    ] as const
    expect(ask(acl(read, update), 'update', 'a/x')).to.equal(true)
    expect(ask(acl(read, deny), 'read', 'a/x')).to.equal(false)
  })

  it('a denied value is found inside a list too', () => {
    const rules = acl('path "a" { capabilities = ["update"] denied_parameters = { "policies" = ["root"] } }')
    expect(ask(rules, 'update', 'a', { policies: 'root' })).to.equal(false)
    expect(ask(rules, 'update', 'a', { policies: ['app', 'root'] })).to.equal(false)
    expect(ask(rules, 'update', 'a', { POLICIES: ['root'] })).to.equal(false)
    expect(ask(rules, 'update', 'a', { policies: ['app'] })).to.equal(true)
  })

  it('checks allowed and required parameters, numbers and globs too', () => {
    const rules = acl(
      'path "a" { capabilities = ["update"] allowed_parameters = { "n" = [5], "s" = ["x*"] } required_parameters = ["n"] }',
    )
    expect(ask(rules, 'update', 'a', { n: 5 })).to.equal(true)
    expect(ask(rules, 'update', 'a', { n: 6 })).to.equal(false)
    expect(ask(rules, 'update', 'a', { n: 5, s: 'xyz' })).to.equal(true)
    expect(ask(rules, 'update', 'a', { n: 5, s: 'yx' })).to.equal(false)
    expect(ask(rules, 'update', 'a', { n: 5, other: 1 })).to.equal(false)
    expect(ask(rules, 'update', 'a', {})).to.equal(false)
  })

  it('wants a wrapped response inside the bounds', () => {
    const rules = acl('path "a" { capabilities = ["read"] min_wrapping_ttl = "1m" max_wrapping_ttl = "1h" }')
    const wrapped = (wrapTtl?: number) =>
      rules.decide({ operation: 'read', path: 'a', data: {}, ...(wrapTtl && { wrapTtl }) }).allowed
    expect([wrapped(), wrapped(30), wrapped(60), wrapped(3600), wrapped(3601)]).to.deep.equal([
      false,
      false,
      true,
      true,
      false,
    ])
  })

  it('CVE-2026-5006: a templated rule allows nobody, and a templated deny denies every path that it can reach', () => {
    expect(
      ask(
        acl('path "secret/{{identity.entity.id}}/*" { capabilities = ["read"] }'),
        'read',
        'secret/{{identity.entity.id}}/x',
      ),
    ).to.equal(false)
    const rules = acl(
      'path "secret/*" { capabilities = ["read"] }\npath "secret/team/{{identity.entity.name}}" { capabilities = ["deny"] }',
    )
    expect(ask(rules, 'read', 'secret/team/ann')).to.equal(false)
    expect(ask(rules, 'read', 'secret/other')).to.equal(true)
  })

  it('CVE-2026-93335: a deny holds for every spelling of case, unless a nearer rule names that spelling', () => {
    const rules = acl(
      'path "sys/policies/acl/*" { capabilities = ["read", "list"] }\npath "sys/policies/acl/prod*" { capabilities = ["deny"] }\npath "kv/*" { capabilities = ["read"] }\npath "kv/Top" { capabilities = ["deny"] }\npath "kv/TOP" { capabilities = ["read"] }',
    )
    expect(ask(rules, 'read', 'sys/policies/acl/prod')).to.equal(false)
    expect(ask(rules, 'read', 'sys/policies/acl/PROD')).to.equal(false)
    expect(ask(rules, 'list', 'sys/policies/acl/Prod-x/')).to.equal(false)
    expect(rules.capabilities('sys/policies/acl/pRod')).to.deep.equal(['deny'])
    expect(ask(rules, 'read', 'sys/policies/acl/Test')).to.equal(true)
    expect(ask(rules, 'read', 'kv/top')).to.equal(false)
    expect(ask(rules, 'read', 'kv/TOP')).to.equal(true)
  })

  it('a templated deny covers every path that it may resolve to, even if another rule is more specific', () => {
    const rules = acl(
      'path "secret/ann/*" { capabilities = ["read"] }\npath "secret/{{identity.entity.name}}/private" { capabilities = ["deny"] }',
    )
    expect(ask(rules, 'read', 'secret/ann/private')).to.equal(false)
    expect(rules.capabilities('secret/ann/private')).to.deep.equal(['deny'])
  })

  it('names that differ in case only do not hide a denied value from the rule', () => {
    const rules = acl('path "a" { capabilities = ["update"] denied_parameters = { "x" = ["bad"] } }')
    expect(ask(rules, 'update', 'a', { x: 'bad', X: 'good' })).to.equal(false)
    expect(ask(rules, 'update', 'a', { X: 'bad', x: 'good' })).to.equal(false)
  })

  it('a denied value is found in another type, in a list with commas, and for any value', () => {
    const rules = acl(
      'path "a" { capabilities = ["update"] denied_parameters = { "n" = [5], "b" = [true], "s" = ["bad", "7"], "any" = ["*"] } }',
    )
    for (const data of [
      { n: 5 },
      { n: '5' },
      { n: ' 5 ' },
      { n: ['1', ['5']] },
      { b: true },
      { b: 'true' },
      { b: 1 },
      { b: 'T' },
      { s: 'good, bad' },
      { s: 7 },
      { any: null },
    ])
      expect(ask(rules, 'update', 'a', data), JSON.stringify(data)).to.equal(false)
    for (const data of [{ n: 6 }, { n: '' }, { b: false }, { b: 'no' }, { s: 'badly' }, { s: { bad: 'bad' } }])
      expect(ask(rules, 'update', 'a', data), JSON.stringify(data)).to.equal(true)
  })

  it('a list is cut to the pagination limit, and asking for more is refused', () => {
    const rules = acl('path "a/*" { capabilities = ["list", "read"] pagination_limit = 3 }')
    const limit = (data: Readonly<Record<string, unknown>>) => {
      const decision = rules.decide({ operation: 'list', path: 'a', data })
      return decision.allowed ? decision.limit : 'refused'
    }
    expect([{}, { limit: 0 }, { limit: 'max' }, { limit: '2' }, { limit: 3 }].map(limit)).to.deep.equal([3, 3, 3, 2, 3])
    for (const asked of [4, '4', -1, 'x', null, [1]]) expect(limit({ limit: asked }), String(asked)).to.equal('refused')
    expect(rules.decide({ operation: 'read', path: 'a/b', data: { limit: 9 } })).to.include({ allowed: true })
  })

  it('names the policies that gave the capability, and no others', () => {
    const rules = acl('path "a" { capabilities = ["read"] }', 'path "a" { capabilities = ["update", "read"] }')
    expect(rules.decide({ operation: 'update', path: 'a', data: {} }).granting).to.deep.equal(['p1'])
    expect(rules.decide({ operation: 'read', path: 'a', data: {} }).granting).to.deep.equal(['p0', 'p1'])
  })

  it('CVE-2023-5954: a million decisions under templated and glob policies of many tokens keep nothing', function () {
    this.timeout(300_000)
    const fields = { x: f.list(''), y: f.bool('') }
    const tokens = Array.from({ length: 50 }, (_, token) =>
      acl(
        ...Array.from(
          { length: 10 },
          (_element, at) =>
            `path "a/+/x${at}*" { capabilities = ["update"] denied_parameters = { "x" = ["v${token}", "*w*"] "y" = ["true"] } }\npath "b${at}/*" { capabilities = ["deny"] }\npath "t${at}/{{identity.entity.id}}/*" { capabilities = ["read"] }\npath "u${at}/{{identity.entity.id}}" { capabilities = ["deny"] }`,
        ),
      ),
    )
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const decideMany = (from: number, count: number) => {
      for (let at = from; at < from + count; at++) {
        const [token, data] = [tokens[at % tokens.length] as ReturnType<typeof acl>, { x: `v${at}`, y: 'f' }]
        token.decide({ operation: 'update', path: `a/${at}/x${at % 10}`, data, fields })
        token.decide({ operation: 'read', path: `t${at % 10}/${at}/x`, data: {} })
      }
      collect()
      return process.memoryUsage().heapUsed
    }
    decideMany(0, 50_000)
    const before = decideMany(50_000, 50_000)
    expect(decideMany(100_000, 400_000) - before).to.be.below(1_000_000)
  })

  it('a stanza ends at its expiration', () => {
    const text = 'path "a" { capabilities = ["read"] expiration = "2030-01-01T00:00:01Z" }'
    expect(ask(acl(text), 'read', 'a')).to.equal(true)
    const later = compileAcl([{ name: 'p', document: parsePolicy(text) }], { now: () => Date.UTC(2030, 0, 1, 0, 0, 1) })
    expect(ask(later, 'read', 'a')).to.equal(false)
  })
})
