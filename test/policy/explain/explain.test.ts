import { expect } from 'chai'
import * as fc from 'fast-check'
import { compileAcl } from '../../../src/policy/acl.ts'
import type { NamedPolicy } from '../../../src/policy/acl.ts'
import { parsePolicy } from '../../../src/policy/document.ts'
import { explain } from '../../../src/policy/explain/explain.ts'
import type { Explanation, Question, Visibility } from '../../../src/policy/explain/explain.ts'
import { slowlyChosen } from '../../reference/acl.ts'

const now = Date.UTC(2030, 0, 1)
const everything: Visibility = { rules: () => true, name: () => true }
const named = (texts: readonly string[]): NamedPolicy[] =>
  texts.map((text, at) => ({ name: `p${at}`, document: parsePolicy(text) }))
const compiled = (policies: readonly NamedPolicy[]) => ({ policies, acl: compileAcl(policies, { now: () => now }) })
const ask = (texts: readonly string[], question: Partial<Question>, sight = everything): Explanation =>
  explain(compiled(named(texts)), { path: 'a', operation: 'read', data: {}, needsSudo: false, ...question }, now, sight)

// Small alphabets, so that rules meet requests and each other.
const segment = fc.constantFrom('a', 'b', 'ab', 'A')
const path = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '', '/'))
  .map(([parts, end]) => parts.join('/') + end)
const pattern = fc
  .tuple(
    fc.array(fc.oneof(segment, fc.constantFrom('+', '{{identity.entity.id}}')), { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', '', '/', '*', '/*', '/a*'),
  )
  .map(([parts, end]) => (parts.join('/') + end).replace('+*', '+/*'))
const operation = fc.constantFrom('create', 'read', 'update', 'delete', 'list', 'scan', 'patch')
const capability = fc.oneof(operation, fc.constantFrom('sudo', 'deny', 'read', 'list'))
const condition = fc.constantFrom(
  '', '', '', '', 'required_parameters = ["x"]', 'allowed_parameters = { "x" = [], "y" = ["1"] }', 'denied_parameters = { "x" = ["1"] }', 'denied_parameters = { "*" = [] }',
  'min_wrapping_ttl = 60', 'max_wrapping_ttl = 60', 'pagination_limit = 2', 'expiration = "2029-01-01T00:00:00Z"', 'expiration = "2031-01-01T00:00:00Z"',
) // prettier-ignore
const stanza = fc
  .tuple(pattern, fc.array(capability, { minLength: 1, maxLength: 3 }), condition)
  .map(([where, what, more]) => `path "${where}" {\n capabilities = ${JSON.stringify(what)}\n ${more}\n}`)
const policies = fc.array(
  fc.array(stanza, { maxLength: 4 }).map((parts) => parts.join('\n')),
  { maxLength: 3 },
)
const data = fc.dictionary(fc.constantFrom('x', 'y', 'limit'), fc.constantFrom('1', '2', 'max', '9'), { maxKeys: 2 })
const question = fc
  .record({ path, operation, data, wrapTtl: fc.constantFrom(undefined, 30, 60, 90), needsSudo: fc.boolean() })
  .map(({ wrapTtl, ...rest }) => ({ ...rest, ...(wrapTtl !== undefined && { wrapTtl }) }))

describe('explain', () => {
  it("gives the ACL's own verdict, and the rule that it decided by", () => {
    fc.assert(
      fc.property(policies, question, (texts, asked) => {
        const { allowed, sudo } = compileAcl(named(texts), { now: () => now }).decide(asked)
        const explained = explain(compiled(named(texts)), asked, now, everything)
        expect(explained.allowed).to.equal(allowed && (!asked.needsSudo || sudo))
        expect(explained.ground === 'granted').to.equal(explained.allowed)
        expect(explained.ground === 'no_rule').to.equal(explained.considered.length === 0)
        const [first] = explained.considered
        if (explained.ground === 'denied') expect(first?.capabilities).to.deep.equal(['deny'])
        if (explained.ground === 'no_capability') expect(first?.capabilities).to.not.include(asked.operation)
        if (explained.allowed) expect(first?.capabilities).to.include(asked.operation)
      }),
      { numRuns: 2500 },
    )
  })

  it('ranks as a slow twin does: taking the first rule away lets the second one decide', () => {
    const plain = fc
      .tuple(
        pattern.filter((text) => !text.includes('{')),
        fc.constantFrom('read', 'list'),
      )
      .map(([where, what]) => ({ path: where.toLowerCase(), capabilities: [what] }))
    fc.assert(
      fc.property(
        fc.uniqueArray(plain, { selector: (rule) => rule.path, maxLength: 6 }),
        path,
        operation,
        (rules, where, what) => {
          const asked = where.toLowerCase()
          let left = rules
          const text = rules.map((rule) => `path "${rule.path}" { capabilities = ["${rule.capabilities[0]}"] }`)
          for (const { path: shown } of ask([text.join('\n')], { path: asked, operation: what }).considered) {
            expect(shown).to.equal(slowlyChosen(left, asked, what))
            left = left.filter((rule) => rule.path !== shown)
          }
          expect(slowlyChosen(left, asked, what)).to.equal(undefined)
        },
      ),
      { numRuns: 1500 },
    )
  })

  it('suggests only a stanza that would allow the request, for its path alone, and takes nothing away there', () => {
    let suggested = 0
    fc.assert(
      fc.property(policies, question, path, (texts, asked, other) => {
        const { allowed, stanza: suggestion } = explain(compiled(named(texts)), asked, now, everything)
        if (allowed) expect(suggestion).to.equal(undefined)
        if (suggestion === undefined) return
        suggested++
        const more = [...texts, suggestion]
        expect(explain(compiled(named(more)), asked, now, everything).allowed, suggestion).to.equal(true)
        const [before, after] = [texts, more].map((some) => compileAcl(named(some), { now: () => now }))
        const bare = (one: string): string => one.replace(/\/$/, '')
        if (bare(other) !== bare(asked.path))
          expect(after?.capabilities(other)).to.deep.equal(before?.capabilities(other))
        const kept = before?.capabilities(asked.path).filter((one) => one !== 'deny') ?? []
        // Of a folder, `capabilities` also tells what is given without its slash.
        const folder = asked.path.endsWith('/') || ['list', 'scan'].includes(asked.operation)
        if (!folder) expect(after?.capabilities(asked.path)).to.include.members(kept)
      }),
      { numRuns: 2500 },
    )
    expect(suggested).to.be.greaterThan(300)
  })

  it('shows nothing of policies that may not be seen', () => {
    const secretive = ['path "hidden/*" { capabilities = ["read"] denied_parameters = { "classified" = [] } }']
    const blind: Visibility = { rules: () => false, name: () => false }
    for (const asked of [
      { path: 'hidden/a' },
      { path: 'hidden/a', operation: 'update' as const },
      { path: 'hidden/a', data: { classified: 1 } },
    ]) {
      const explained = ask(secretive, asked, blind)
      expect(JSON.stringify({ ...explained, stanza: '' })).to.not.match(/hidden|classified|p0/)
      expect(explained.considered).to.deep.equal([{ policies: [], unnamed: 1, capabilities: [] }])
      expect(explained.stanza ?? '').to.not.match(/classified/)
    }
    const half: Visibility = { rules: (name) => name === 'p0', name: (name) => name === 'p0' }
    const both = ask(
      ['path "a" { capabilities = ["read"] }', 'path "a" { capabilities = ["update"] }'],
      { operation: 'delete' },
      half,
    )
    expect(both.considered).to.deep.equal([{ path: 'a', policies: ['p0'], unnamed: 1, capabilities: ['read'] }])
    expect(both.stanza).to.include('["read", "delete"]')
  })

  it('names the requirement: the parameter, the bounds of wrapping, the limit, sudo', () => {
    const reason = (text: string, asked: Partial<Question>): string => ask([text], asked).reason
    const rule = (more: string): string => `path "a" { capabilities = ["read", "list"] ${more} }`
    expect(reason(rule('required_parameters = ["x"]'), {})).to.include('requires the parameter "x"')
    expect(reason(rule('denied_parameters = { "x" = ["1"] }'), { data: { x: '1' } })).to.include(
      'denies the parameter "x"',
    )
    expect(reason(rule('allowed_parameters = { "x" = ["1"] }'), { data: { y: '1' } })).to.include(
      'not allow the parameter "y"',
    )
    expect(reason(rule('min_wrapping_ttl = 60 max_wrapping_ttl = 3600'), {})).to.include(
      'for at least 1m0s and for at most 1h0m0s',
    )
    expect(reason(rule('pagination_limit = 2'), { operation: 'list', data: { limit: 3 } })).to.include('from 0 to 2')
    expect(reason(rule(''), { needsSudo: true })).to.include('"sudo"')
    expect(reason('path "b" { capabilities = ["read"] }', {})).to.include('no rule')
  })

  it('shows rules that match nobody now', () => {
    const text =
      'path "a" { capabilities = ["read"] expiration = "2029-01-01T00:00:00Z" }\npath "b/{{identity.entity.id}}" { capabilities = ["read"] }'
    expect(ask([text], {}).leftOut).to.deep.equal([
      { path: 'a', policy: 'p0', why: 'expired' },
      { path: 'b/{{identity.entity.id}}', policy: 'p0', why: 'template' },
    ])
  })

  it('suggests no stanza where none could help, or where it would allow more', () => {
    expect(ask(['path "a" { capabilities = ["deny"] }'], {}).stanza).to.equal(undefined)
    expect(ask(['path "a/{{identity.entity.id}}" { capabilities = ["deny"] }'], { path: 'a/x' }).stanza).to.equal(
      undefined,
    )
    for (const odd of ['a*', 'a/+/b', 'a/{{x}}', '+']) expect(ask([], { path: odd }).stanza, odd).to.equal(undefined)
    expect(ask(['path "a/*" { capabilities = ["read"] }'], { path: 'a/b', operation: 'update' }).stanza).to.equal(
      'path "a/b" {\n  capabilities = ["read", "update"]\n}\n',
    )
    expect(ask([], { path: 'a/"b\\' }).stanza).to.include('path "a/\\"b\\\\"')
  })
})
