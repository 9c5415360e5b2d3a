import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Fault } from '../../src/contract/fault.ts'
import { generatePassword, parsePasswordPolicy } from '../../src/policy/password.ts'

const rule = (charset: string, least?: number) =>
  `rule "charset" {\n charset = "${charset}"\n${least === undefined ? '' : ` min-chars = ${least}\n`}}\n`

describe('password policies', () => {
  it('every password keeps every rule, and has no character that no rule names', () => {
    const sets = fc.array(fc.record({ charset: fc.constantFrom('abc', '0123456789', 'äöü🔑', 'ABC', '!?'), least: fc.nat(9) }), { minLength: 1, maxLength: 4 }) // prettier-ignore
    fc.assert(
      fc.property(sets, fc.integer({ min: 36, max: 100 }), (rules, length) => {
        const source = `length = ${length}\n${rules.map(({ charset, least }) => rule(charset, least)).join('')}`
        const made = Array.from(generatePassword(parsePasswordPolicy(source), randomBytes))
        const all = new Set(rules.flatMap(({ charset }) => Array.from(charset)))
        return (
          made.length === length &&
          made.every((character) => all.has(character)) &&
          rules.every(({ charset, least }) => made.filter((each) => charset.includes(each)).length >= least)
        )
      }),
    )
  })

  it('no character and no place is favoured', () => {
    const policy = parsePasswordPolicy(`length = 4\n${rule('a', 1)}${rule('bcd', 1)}`)
    const counts = new Map<string, number>()
    for (let round = 0; round < 20_000; round++) {
      const place = String(generatePassword(policy, randomBytes).indexOf('a'))
      counts.set(place, (counts.get(place) ?? 0) + 1)
    }
    const even = generatePassword(parsePasswordPolicy(`length = 100\n${rule('xyz')}`), randomBytes)
    expect(new Set(even).size).to.equal(3)
    // The first "a" stands at each of the places, most often at the front because there may be several.
    expect([...counts.keys()].sort()).to.include.members(['0', '1', '2', '3'])
    expect((counts.get('3') ?? 0) / 20_000).to.be.within(0.05, 0.25)
  })

  it('refuses policies that generate no password, with the reason', () => {
    for (const source of [
      '',
      'length = 8',
      rule('abc'),
      `length = 3\n${rule('abc')}`,
      `length = 101\n${rule('abc')}`,
      `length = "8"\n${rule('abc')}`,
      `length = 8.5\n${rule('abc')}`,
      `length = 8\n${rule('')}`,
      `length = 8\n${rule('abc', 9)}`,
      `length = 8\n${rule('abc', -1)}`,
      `length = 8\n${rule('a', 5)}${rule('b', 4)}`,
      `length = 8\n${rule('a\\u0000')}`,
      'length = 8\nrule "vowels" {\n charset = "aeiou"\n}',
      'length = 8\nrule "charset" {\n chars = "a"\n}',
      `length = 8\nlen = 4\n${rule('abc')}`,
      'nonsense {',
      '{"length":8,"rule":[{"charset":5}]}',
      `length = 8\n${rule('a', 2 ** 53)}`,
    ])
      // prettier-ignore
      expect(() => parsePasswordPolicy(source), source).to.throw(Fault).with.property('code', 'invalid_request')
  })

  it('refuses policies that generate the same password every time, in any number of rules', () => {
    for (const rules of [
      rule('a'),
      rule('a', 8),
      rule('aaaa'),
      rule('a') + rule('a', 2),
      rule('aa', 4) + rule('a', 4),
      rule('🔑🔑'),
    ])
      expect(() => parsePasswordPolicy(`length = 8\n${rules}`), rules)
        .to.throw(Fault, /would be the same/)
        .with.property('code', 'invalid_request')
  })

  it('is read in JSON too', () => {
    const source = '{"length":12,"rule":[{"charset":{"charset":"xyz","min-chars":12}}]}'
    expect(generatePassword(parsePasswordPolicy(source), randomBytes)).to.match(/^[xyz]{12}$/)
  })
})
