import { expect } from 'chai'
import * as fc from 'fast-check'
import { byteOrder, fromBase64, fromHex, sameBytes, sameText } from '../../src/util/bytes.ts'
import { inByteOrder } from '../../src/util/sorting.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** RFC 4648 §4, letter by letter; CR and LF are skipped, and unused bits ignored, as Go does. */
function slowBase64(encoded: string): number[] | undefined {
  const letters = Array.from(encoded).filter((letter) => letter !== '\r' && letter !== '\n')
  const padding = letters.findIndex((letter) => letter === '=')
  const data = padding < 0 ? letters : letters.slice(0, padding)
  const rest = letters.slice(data.length).join('')
  if (letters.length % 4 !== 0 || !['', '=', '=='].includes(rest)) return undefined
  if (data.some((letter) => !alphabet.includes(letter))) return undefined
  const bits = data.map((letter) => alphabet.indexOf(letter).toString(2).padStart(6, '0')).join('')
  return Array.from({ length: Math.floor(bits.length / 8) }, (_, at) =>
    Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2),
  )
}

describe('bytes', () => {
  const letter = fc.constantFrom('A', 'Q', 'b', '9', '+', '/', '=', '=', '\r', '\n', '-', '_', ' ', 'é', '€')
  const encoded = fc.oneof(
    fc.string({ unit: letter, maxLength: 12 }),
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    fc.tuple(fc.uint8Array({ maxLength: 12 }), fc.nat(), letter, fc.nat(1)).map(([bytes, at, put, cut]) => {
      const text = Buffer.from(bytes).toString('base64')
      const place = at % (text.length + 1)
      return text.slice(0, place) + put + text.slice(place + cut)
    }),
  )

  it('are read from base64 as RFC 4648 has it, and from nothing else', () => {
    fc.assert(
      fc.property(encoded, (text) => {
        const bytes = fromBase64(text)
        expect(bytes && [...bytes]).to.deep.equal(slowBase64(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('are read from hexadecimal of either case, and from nothing else', () => {
    const digit = fc.constantFrom('0', '9', 'a', 'F', 'g', ' ', 'é')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: digit, maxLength: 6 }),
          fc.uint8Array().map((raw) => Buffer.from(raw).toString('hex')),
        ),
        (text) => {
          const pairs = text.match(/[\s\S]{2}/g) ?? []
          const isHex = text.length % 2 === 0 && pairs.every((pair) => /^[0-9a-f]{2}$/i.test(pair))
          const bytes = fromHex(text)
          expect(bytes && [...bytes]).to.deep.equal(isHex ? pairs.map((pair) => Number.parseInt(pair, 16)) : undefined)
        },
      ),
    )
  })

  it('are the same when every one of them is', () => {
    const bytes = fc.uint8Array({ maxLength: 3, max: 1 })
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(sameBytes(a, b)).to.equal([...a].join() === [...b].join())
        expect(sameText(String.fromCharCode(...a), String.fromCharCode(...b))).to.equal([...a].join() === [...b].join())
      }),
    )
  })

  it('order names as a comparison of bytes does, however many there are', async () => {
    const unit = fc.constantFrom('a', 'b', 'é', '\uffff', '💡', '/')
    const names = fc.array(fc.string({ unit, maxLength: 3 }), { maxLength: 60 })
    const slices = fc.constantFrom(1, 2, 7, 1000)
    await fc.assert(
      fc.asyncProperty(names, slices, async (list, slice) => {
        expect(await inByteOrder([...list], slice)).to.deep.equal([...list].sort(byteOrder))
      }),
      { numRuns: 200 },
    )
  })
})
