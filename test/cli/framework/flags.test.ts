import { expect } from 'chai'
import * as fc from 'fast-check'
import { Flags, UsageError, parseFlags } from '../../../src/cli/framework/flags.ts'
import type { FlagTable } from '../../../src/cli/framework/flags.ts'

const table: FlagTable = {
  field: { kind: 'string', about: '' },
  force: { kind: 'bool', about: '', alias: 'f' },
  version: { kind: 'int', about: '', mayBeEmpty: true },
  cas: { kind: 'int', about: '' },
  ttl: { kind: 'duration', about: '' },
  policy: { kind: 'strings', about: '' },
  metadata: { kind: 'pairs', about: '' },
}
const parse = (...words: readonly string[]): { flags: Flags; args: readonly string[] } => parseFlags(words, table)

describe('flags, as Go programs read them', () => {
  it('accept one dash or two, and an equals sign or a space', () => {
    for (const words of [['-field=x'], ['--field=x'], ['-field', 'x'], ['--field', 'x']])
      expect(parse(...words, 'path').flags.string('field'), words.join(' ')).to.equal('x')
  })

  it('end at the first argument: the rest is data, whatever it looks like', () => {
    const { flags, args } = parse('-force', 'secret/a', '-field=x', 'k=v')
    expect(args).to.deep.equal(['secret/a', '-field=x', 'k=v'])
    expect(flags.has('field')).to.equal(false)
  })

  it('end at two dashes; a single dash is an argument', () => {
    expect(parse('-f', '--', '-x').args).to.deep.equal(['-x'])
    expect(parse('-', 'a').args).to.deep.equal(['-', 'a'])
  })

  it('of booleans accept no value after a space, and every boolean of Go', () => {
    expect(parse('-force', 'false').args).to.deep.equal(['false'])
    for (const word of ['1', 't', 'T', 'true', 'TRUE', 'True'])
      expect(parse(`-f=${word}`).flags.bool('force'), word).to.equal(true)
    for (const word of ['0', 'f', 'F', 'false', 'FALSE', 'False'])
      expect(parse(`-f=${word}`).flags.bool('force', true), word).to.equal(false)
  })

  it('can be repeated: lists keep all, strings the last', () => {
    const { flags } = parse('-policy=a', '-policy=b,c', '-field=x', '-field=y', '-metadata=k=v=w', '-metadata=l=')
    expect(flags.strings('policy')).to.deep.equal(['a', 'b,c'])
    expect(flags.string('field')).to.equal('y')
    expect(flags.pairs('metadata')).to.deep.equal({ k: 'v=w', l: '' })
  })

  it('refuse invalid values', () => {
    for (const word of ['-force=maybe', '-version=x', '-ttl=soon', '-ttl=1w', '-metadata=owner', '-nope', '-field'])
      expect(() => parse(word), word).to.throw(UsageError)
    expect(() => parse('-feild=x')).to.throw('did you mean -field?')
  })

  it('refuse an empty value, which would mean as much as leaving the flag out', () => {
    for (const word of ['-field=', '-field= ', '-cas=', '-ttl=', '-policy='])
      expect(() => parse(word), word).to.throw(UsageError, 'is empty')
    expect(() => parse('-cas=99999999999999999999')).to.throw(UsageError)
  })

  it('read seconds, days, and an empty number as none', () => {
    expect(parse('-ttl=90').flags.string('ttl')).to.equal('90')
    expect(parse('-ttl=1d').flags.string('ttl')).to.equal('1d')
    expect(parse('-version=').flags.int('version')).to.equal(undefined)
  })

  it('never throw anything but UsageError, and never lose an argument', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        try {
          const { args } = parse(...words)
          expect(words.slice(words.length - args.length)).to.deep.equal(args)
        } catch (thrown) {
          expect(thrown).to.be.instanceOf(UsageError)
        }
      }),
    )
  })
})
