import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Hasher } from '../../src/audit/lines/hasher.ts'
import { lineLimits, redactSteps } from '../../src/audit/lines/redact.ts'
import { jsonPieces, Numeral, piecesOf, writeJson } from '../../src/util/json.ts'
import { atOnce, inTurns, isLarge, large } from '../../src/util/slices.ts'
import { turnsDuring } from '../support/turns.ts'

const texts = fc
  .record({ unit: fc.string({ unit: 'binary', minLength: 1, maxLength: 7 }), times: fc.constantFrom(1, 3, 40_000) })
  .map(({ unit, times }) => unit.repeat(times))
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    texts,
    fc.constantFrom(undefined, null, true, 0.5, new Numeral('1.50')),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(texts, tie('value'), { maxKeys: 4 }),
  ),
})).value

describe('large values', () => {
  it('are written in pieces as they are written at once', () => {
    fc.assert(
      fc.property(values, (value) => atOnce(jsonPieces(value)).join('') === writeJson(value)),
      { numRuns: 60 },
    )
  })

  it('are cut where no character is', () => {
    for (const letter of ['a', 'ü', '€', '💡', 'x💡'])
      for (const piece of piecesOf(`x${letter.repeat(100_000)}`)) expect(Buffer.from(piece).toString()).to.equal(piece)
  })

  it('are hashed for the audit log with turns for others, to what they are hashed to at once', async () => {
    const salt = Buffer.alloc(32, 7)
    const hasher = new Hasher(Uint8Array.from(salt))
    const one = (text: string): string => `hmac-sha256:${createHmac('sha256', salt).update(text).digest('hex')}`
    const long = '💡x'.repeat(1_000_000)
    const many = Array.from({ length: lineLimits.texts + 1 }, (_, at) => `${at}`)
    let written: readonly string[] = []
    const turns = await turnsDuring(async () => {
      written = await Promise.all(
        [{ long }, { many }, [Buffer.from(long)]].map((value) => inTurns(redactSteps(value, hasher))),
      )
    })
    expect(written).to.deep.equal([`{"long":"${one(long)}"}`, `"${one(JSON.stringify({ many }))}"`, `["${one(long)}"]`])
    expect(turns).to.be.greaterThan(1)
  })

  it('are told from small ones without looking at all of them', () => {
    expect([
      isLarge('x'.repeat(large)),
      isLarge({ a: ['x'.repeat(large)] }),
      isLarge(Array(large).fill(1)),
    ]).to.deep.equal(Array(3).fill(true))
    expect([isLarge('x'), isLarge(undefined), isLarge({ a: [1, null, 'x'] })]).to.deep.equal(Array(3).fill(false))
    let looked = 0
    const watched = Array.from({ length: 1_000_000 }, () => ({ get x() { return ++looked } })) // prettier-ignore
    expect(isLarge(watched)).to.equal(true)
    expect(looked).to.be.lessThan(large)
  })
})
