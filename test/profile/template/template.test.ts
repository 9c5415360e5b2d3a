import { createHash } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { templateFault } from '../../../src/profile/template/parse.ts'
import { render } from '../../../src/profile/template/render.ts'

const world = { now: () => 1_700_000_000_123, uuid: () => 'a-uuid', random: (bytes: number) => Buffer.alloc(bytes, 61) }
const rendered = (template: string, data: object = {}): string => render(template, data, world)

describe('a template of an initialize block', () => {
  it('has fields, pipelines, functions and conditions, as Go has them', () => {
    expect(rendered('{{ .a.b }}-{{.c | uppercase}}', { a: { b: 1 }, c: 'x' })).to.equal('1-X')
    expect(rendered('{{ index .list 1 }}{{ index .map "a-b" "c" }}', { list: [1, 2], map: { 'a-b': { c: 'd' } } })).to.equal('2d') // prettier-ignore
    expect(rendered('a  {{- "b" -}}  c{{/* nothing */}}', {})).to.equal('abc')
    const nested = '{{ if eq .x "a" }}1{{ else if and .y (not .z) }}2{{ else }}3{{ end }}'
    expect([{ x: 'a', y: 0, z: 0 }, { x: 'b', y: 1, z: '' }, { x: 'b', y: [], z: 1 }].map((data) => rendered(nested, data))).to.deep.equal(['1', '2', '3']) // prettier-ignore
    expect(rendered('{{ unix_time }} {{ unix_time_millis }} {{ uuid }} {{ random 4 }}')).to.equal('1700000000 1700000000123 a-uuid zzzz') // prettier-ignore
    expect(rendered('{{ .x | truncate_sha256 12 }}', { x: 'a'.repeat(20) })).to.equal(`aaaa${createHash('sha256').update('a'.repeat(16)).digest('hex').slice(0, 8)}`) // prettier-ignore
    expect(rendered('{{ if glob "release/*" .x }}yes{{ end }}', { x: 'release/1' })).to.equal('yes')
  })

  it('is refused where it cannot be read, or refers to a missing value, and no error has a value', () => {
    for (const wrong of ['{{ .a', '{{ }}', '{{ range .a }}{{ end }}', '{{ if .a }}', '{{ end }}', '{{ nosuch .a }}', '{{ .a-b }}', '{{ (.a }}', '{{ .a .b }}'])
      expect(templateFault(wrong), wrong).to.be.a('string') // prettier-ignore
    for (const template of ['{{ .b }}', '{{ .a.b }}', '{{ .m }}', '{{ .a | decode_base64 }}', '{{ .a | truncate 0 }}'])
      expect(() => rendered(template, { a: 'the secret', m: { s: 'the secret' } }), template).to.throw().with.property('message').that.does.not.include('the secret') // prettier-ignore
  })

  it('leaves every text as it is that has no action, and reads any template in linear time', () => {
    fc.assert(fc.property(fc.string(), (text) => text.includes('{{') || rendered(text) === text))
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('{{', '}}', '"', '`', '-', ' ', '.a', '|', 'if', 'end', '(') }), (text) => { templateFault(text) })) // prettier-ignore
    expect(templateFault(`{{ ${'"'.repeat(100_000)} }}`)).to.be.a('string')
    expect(templateFault('{{ if .a }}'.repeat(100_000))).to.be.a('string')
    for (const many of ['(', '1 | print | ']) expect(templateFault(`{{ ${many.repeat(100_000)} }}`)).to.be.a('string')
    const glob = { pattern: `${'*a'.repeat(40)}c`, value: 'a'.repeat(50_000) }
    expect(rendered('{{ glob .pattern .value }}{{ glob "*a.b*c" "a.bc" }}', glob)).to.equal('falsetrue')
  })
})
