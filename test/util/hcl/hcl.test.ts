import { createRequire } from 'node:module'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Fault } from '../../../src/contract/fault.ts'
import { parsePolicy } from '../../../src/policy/document.ts'
import { plain } from '../../../src/policy/parameters/values.ts'
import { formatPolicy } from '../../../src/policy/format.ts'
import { parseHcl } from '../../../src/util/hcl/hcl.ts'
import { HclError } from '../../../src/util/hcl/values.ts'

const oracle = createRequire(import.meta.url)('js-hcl-parser') as { readonly parse: (text: string) => string }
const word = fc.constantFrom('path', 'a', 'b_c', 'k1')
const scalar = fc.oneof(
  fc.integer({ min: 0, max: 1e6 }).map(String),
  fc.boolean().map(String),
  fc.constantFrom('"x"', '"a b"', '"q\\"q"', '"ü"', '"a/*"'),
)
const list = fc.array(scalar, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`)
const entry = fc.tuple(word, fc.oneof(scalar, list)).map(([key, value]) => `${key} = ${value}`)
const block = fc
  .tuple(
    word,
    fc.constantFrom('"l1"', '"l/2"'),
    fc.uniqueArray(entry, { maxLength: 3, selector: (text) => text.split(' ')[0] }),
  )
  .map(([key, label, entries]) => `${key} ${label} {\n${entries.join('\n')}\n}`)

describe('hcl', () => {
  it('reads valid HCL as the official parser does', () => {
    const shape = (text: string): unknown => parseHcl(text).map((item) => [item.key, ...item.labels, plain(item.value)])
    const theirs = (text: string): unknown => {
      const found: unknown[] = []
      const tree = JSON.parse(oracle.parse(text)) as Record<string, unknown>
      for (const [key, value] of Object.entries(tree)) {
        if (!Array.isArray(value) || typeof value[0] !== 'object') found.push([key, value])
        else {
          const labelled = value.flatMap((inner: Record<string, unknown[]>) => Object.entries(inner))
          for (const [label, bodies] of labelled) for (const body of bodies) found.push([key, label, body])
        }
      }
      return found
    }
    const texts = fc
      .uniqueArray(block, { maxLength: 3, selector: (text) => text.split('{')[0] })
      .map((blocks) => blocks.join('\n# a comment\n'))
    fc.assert(
      fc.property(texts, (text) => {
        const ordered = (value: unknown): unknown =>
          typeof value !== 'object' || value === null
            ? value
            : Array.isArray(value)
              ? value.map(ordered)
              : Object.entries(value)
                  .sort(([a], [b]) => (a < b ? -1 : 1))
                  .map(([name, member]) => [name, ordered(member)])
        const sorted = (value: unknown): string =>
          JSON.stringify((value as unknown[][]).map((row) => JSON.stringify(ordered(row))).sort())
        expect(sorted(shape(text))).to.equal(sorted(theirs(text)))
      }),
      { numRuns: 300 },
    )
  })

  it('puts braces, equals signs and labels on lines of their own, copies ${…}, reads octal', () => {
    const read = (text: string): unknown => parseHcl(text).map((item) => [item.key, ...item.labels, plain(item.value)])
    expect(read('path "a"\n{\n x = 1\n}')).to.deep.equal([['path', 'a', { x: 1 }]])
    expect(read('path\n"a"\r\n{}\r\nb\n=\n2')).to.deep.equal([
      ['path', 'a', {}],
      ['b', 2],
    ])
    expect(read('a = "${x["k"]} $ {"\nb = 0640')).to.deep.equal([
      ['a', '${x["k"]} $ {'],
      ['b', 0o640],
    ])
    expect(() => parseHcl('a = "${x"')).to.throw(HclError, 'line 1, column 5')
    expect(() => parseHcl('a = 0649')).to.throw(HclError, 'line 1, column 5')
  })

  it('reads heredocs; <<- takes off the indent of the closing mark', () => {
    const read = (text: string): unknown => parseHcl(text).map((item) => plain(item.value))
    expect(read('a = <<E\n x\n\ny\nE\nb = 1')).to.deep.equal([' x\n\ny\n', 1])
    expect(read('a = <<-E\n   x\n  y\n  E\n')).to.deep.equal([' x\ny\n'])
    expect(read('a = <<-E\n x\n  E\n')).to.deep.equal([' x\n'])
  })

  it('reads JSON with its keys in order, and nothing that is almost JSON', () => {
    const read = (text: string): unknown => parseHcl(text).map((item) => [item.key, plain(item.value)])
    expect(read('\ufeff {"a":{"b":1},"A":{"c":[null,"\\u00e9"]}}')).to.deep.equal([
      ['a', { b: 1 }],
      ['A', { c: [null, 'é'] }],
    ])
    for (const text of [
      '{"a":',
      '{"a":1 "b":2}',
      '{"a":1,}',
      '{"a":[1,]}',
      '{a:1}',
      '{"a":1}x',
      '{"a":01}',
      '{"a":"\n"}',
    ])
      expect(() => parseHcl(text), text).to.throw(HclError)
  })

  it('names line and column of an error', () => {
    const wrong: readonly (readonly [string, number])[] = [
      ['a = ', 1],
      ['a {\n b = 1\n', 3],
      ['x = "open\n', 1],
      ['a = 1\n= 2', 2],
      ['a = [1 2]', 1],
      ['a = <<E\nx', 1],
      ['/* never', 1],
    ]
    for (const [text, line] of wrong) {
      const thrown = (() => {
        try {
          return parseHcl(text)
        } catch (error) {
          return error
        }
      })()
      expect(thrown, text).to.be.instanceOf(HclError)
      expect((thrown as HclError).at.line, text).to.equal(line)
    }
  })

  it('never crashes, hangs or recurses without end on any string', () => {
    const any = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc
        .array(fc.constantFrom('{', '}', '[', ']', '"', '=', 'a', '\n', '<<E', '#', '/*', ',', ' ', '\\', ':'), {
          maxLength: 40,
        })
        .map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(any, (text) => {
        try {
          parseHcl(text)
        } catch (thrown) {
          expect(thrown).to.be.instanceOf(HclError)
        }
      }),
      { numRuns: 3000 },
    )
    expect(() => parseHcl(`a = ${'['.repeat(100_000)}`)).to.throw(HclError)
  })

  it('a policy with an unknown key, capability or stanza is refused, not ignored', () => {
    for (const text of [
      'path "a" { capabilites = ["read"] }',
      'path "a" { capabilities = ["raed"] }',
      'paths "a" {}',
      'path "a+*" { capabilities = ["read"] }',
      'path "{{a" {}',
      'path "a" { mfa_methods = ["x"] }',
      'path {}',
      '{"path":[]}',
      'path = { "a" "b" { capabilities = ["read"] } }',
      'path "a" "b" {}',
      '[]',
      'path "a" { control_group { } }',
      'path "a" { expiration = "tomorrow" }',
      'path "a" { expiration = "2030-01-02T03:04:05" }',
    ]) {
      expect(() => parsePolicy(text), text).to.throw(Fault)
    }
  })

  it('formats a policy so that it means the same', () => {
    const text = 'path   "a"  {capabilities=["read","list"]}\npath "b" { policy = "write" }'
    const formatted = formatPolicy(text)
    expect(formatted).to.equal(
      'path "a" {\n  capabilities = ["read", "list"]\n}\n\npath "b" {\n  policy = "write"\n}\n',
    )
    expect(parsePolicy(formatted)).to.deep.equal(parsePolicy(text))
    expect(formatPolicy(formatted)).to.equal(formatted)
  })
})
