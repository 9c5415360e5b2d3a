import { expect } from 'chai'
import * as fc from 'fast-check'
import { jsonPieces, Numeral, piecesOf, writeJson } from '../../src/util/json.ts'
import { atOnce } from '../../src/util/slices.ts'

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

describe('JSON in pieces', () => {
  it('is the JSON that is written at once', () => {
    fc.assert(
      fc.property(values, (value) => atOnce(jsonPieces(value)).join('') === writeJson(value)),
      { numRuns: 60 },
    )
  })

  it('cuts no character', () => {
    for (const letter of ['a', 'ü', '€', '💡', 'x💡'])
      for (const piece of piecesOf(`x${letter.repeat(100_000)}`)) expect(Buffer.from(piece).toString()).to.equal(piece)
  })
})
