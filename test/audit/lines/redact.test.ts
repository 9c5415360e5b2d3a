import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Hasher } from '../../../src/audit/lines/hasher.ts'
import { lineLimits, redact, redactSteps } from '../../../src/audit/lines/redact.ts'
import type { Redaction } from '../../../src/audit/lines/redact.ts'
import { Numeral } from '../../../src/util/json.ts'
import { inTurns } from '../../../src/util/slices.ts'
import { turnsDuring } from '../../support/processes/event-loop-turns.ts'

const salt = Buffer.alloc(32, 9)
const hashOf = (input: string | Uint8Array): string =>
  `hmac-sha256:${createHmac('sha256', salt).update(input).digest('hex')}`

/** The same value with its strings and bytes hashed, names sorted: `JSON.stringify` writes the rest. */
function slowly(value: unknown, rules: Redaction, isClear: boolean): unknown {
  if (typeof value === 'string') return isClear ? value : hashOf(value)
  if (value instanceof Uint8Array) return isClear ? Buffer.from(value).toString('base64') : hashOf(value)
  if (Array.isArray(value)) return value.map((item) => slowly(item, rules, isClear))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [
      rules.strict === true && name.length > 24 ? hashOf(name) : name,
      slowly(member, rules, rules.raw === true || rules.open?.has(name) === true),
    ])
  // Entries keep their order but for names that are numbers, which the generator leaves out.
  return Object.fromEntries(members) as unknown
}

const names = fc.constantFrom('a', 'shown', 'é"', 'with space', '__name__', 'a name of more than 24 letters')
const { value: values } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.boolean(), fc.integer(), fc.constantFrom(null, undefined, 0.5)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(names, tie('value'), { maxKeys: 4 }),
  ),
}))
const rules = fc.constantFrom<Redaction>({}, { raw: true }, { strict: true }, { open: new Set(['shown', 'a']) })

describe('data in an audit line', () => {
  const hasher = new Hasher(Uint8Array.from(salt))

  it('is the data with a hash in place of every string, except those that the rules exempt', () => {
    fc.assert(
      fc.property(values, rules, (value, rule) => {
        const expected = JSON.stringify(slowly(value, rule, rule.raw === true)) ?? 'null'
        return redact(value, hasher, rule) === expected
      }),
      { numRuns: 1000 },
    )
  })

  it('has numbers as they were sent', () => {
    fc.assert(
      fc.property(fc.constantFrom('1.50', '1e400', '-0', '12345678901234567890'), (literal) => {
        const [shown, hashed] = [
          redact([new Numeral(literal)], hasher),
          redact([new Numeral(literal)], hasher, { strict: true }),
        ]
        return shown === `[${literal}]` && hashed === `["${hashOf(literal)}"]`
      }),
    )
  })

  it('large values are hashed in slices, with the same hashes', async () => {
    const long = '💡x'.repeat(1_000_000)
    const many = Array.from({ length: lineLimits.texts + 1 }, (_, at) => `${at}`)
    let lines: readonly string[] = []
    const turns = await turnsDuring(async () => {
      lines = await Promise.all(
        [{ long }, { many }, [Buffer.from(long)]].map((value) => inTurns(redactSteps(value, hasher))),
      )
    })
    expect(lines).to.deep.equal([
      `{"long":"${hashOf(long)}"}`,
      `"${hashOf(JSON.stringify({ many }))}"`,
      `["${hashOf(long)}"]`,
    ])
    expect(turns).to.be.greaterThan(1)
  })
})
