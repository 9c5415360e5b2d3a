import { expect } from 'chai'
import * as fc from 'fast-check'
import { JsonError } from '../../src/util/json-limits.ts'
import { readJson, writeJson } from '../../src/util/json.ts'
import { slowJson } from '../reference/json.ts'

const spaces = fc.constantFrom('', '', '', ' ', '\n', '\t\r ')
const strings = fc.constantFrom(
  'a',
  'b',
  '\\u0061',
  '__proto__',
  '💡',
  '\\ud83d\\ude00',
  '\\ud83d',
  '\\n\\"',
  'é\\\\',
  '',
)
const numbers = fc.oneof(
  fc.constantFrom('0', '-0', '1.50', '1e400', '1E5', '123456789012345', '1234567890123456', '12345678901234567890'),
  fc.constantFrom('-1', '0.1', '01', '1.', '.5', '+1', '1e', '-', '5e-324', '1e21', '100000000000000000000'),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.bigInt().map(String),
)
const spaced = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(spaces, text, spaces).map((parts) => parts.join(''))
const quoted = strings.map((inside) => `"${inside}"`)
const documents = fc.letrec<{ value: string }>((tie) => ({
  value: spaced(
    fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(quoted, numbers, fc.constantFrom('true', 'false', 'null')),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
      fc
        .array(
          fc.tuple(
            spaced(fc.oneof({ weight: 20, arbitrary: quoted }, { weight: 1, arbitrary: numbers })),
            tie('value'),
          ),
          { maxLength: 4 },
        )
        .map((members) => `{${members.map((member) => member.join(':')).join(',')}}`),
    ),
  ),
})).value

/** A document with some bytes cut out and others put in. */
const spoilt = fc
  .record({
    document: documents,
    at: fc.nat(),
    cut: fc.nat(2),
    put: fc.constantFrom('', ',', ':', '"', '\\', '{', '}', '[', ']', '0', '-', 'e', '\u0000', '\ufeff', '\u00a0'),
    byte: fc.option(fc.integer({ min: 0x80, max: 0xff }), { nil: undefined }),
  })
  .map(({ document, at, cut, put, byte }) => {
    const bytes = Buffer.from(document)
    const place = at % (bytes.length + 1)
    const added = byte === undefined ? Buffer.from(put) : Buffer.of(byte)
    return Buffer.concat([bytes.subarray(0, place), added, bytes.subarray(place + cut)])
  })

type Outcome = { readonly value: unknown } | 'refused'

function slow(bytes: Uint8Array): Outcome {
  try {
    return { value: slowJson(bytes) }
  } catch {
    return 'refused'
  }
}

function fast(bytes: Uint8Array): Outcome {
  try {
    return { value: readJson(bytes) }
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(JsonError)
    return 'refused'
  }
}

describe('JSON', () => {
  it('is read as RFC 8259 has it, and refused where that refuses it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          documents.map((text) => Buffer.from(text)),
          spoilt,
        ),
        (bytes) => {
          expect(fast(bytes)).to.deep.equal(slow(bytes))
        },
      ),
      {
        numRuns: 3000,
        examples: ['1e', '-', '-01', '1.2.3', '[1.5.]', '{1.50:0}', '{"a":1.50e}'].map((text) => [Buffer.from(text)]),
      },
    )
  })

  it('is read again as it was written', () => {
    fc.assert(
      fc.property(documents, (text) => {
        const first = fast(Buffer.from(text))
        fc.pre(first !== 'refused')
        expect(readJson(Buffer.from(writeJson(first.value)))).to.deep.equal(first.value)
      }),
      { numRuns: 500 },
    )
  })
})
