import { createHash } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { LineCutter, leafAt } from '../../../src/audit/lines/cutter.ts'

const leafOf = (line: Uint8Array): string =>
  createHash('sha256')
    .update(Buffer.concat([Buffer.of(0), line]))
    .digest('hex')

describe('the cutter of lines', () => {
  it('finds the lines, and the leaf hashes of RFC 6962, however the bytes are cut', () => {
    const line = fc.uint8Array({ maxLength: 20 }).map((bytes) => bytes.filter((byte) => byte !== 10))
    const lines = fc.array(line, { maxLength: 8 })
    fc.assert(
      fc.property(lines, line, fc.array(fc.nat(200), { maxLength: 6 }), (whole, rest, places) => {
        const bytes = Buffer.concat([...whole.flatMap((each) => [each, Buffer.of(10)]), rest])
        const cuts = [...places.filter((place) => place < bytes.length), 0, bytes.length].sort((a, b) => a - b)
        const found: { readonly line: string; readonly leaf: string }[] = []
        const cutter = new LineCutter((buffer, from, to) => {
          const leaf = leafAt(buffer, from, to).toString('hex')
          found.push({ line: buffer.toString('hex', from, to), leaf })
        })
        for (const [at, cut] of cuts.slice(1).entries()) cutter.push(bytes.subarray(cuts[at], cut))
        expect(found).to.deep.equal(
          whole.map((each) => ({ line: Buffer.from(each).toString('hex'), leaf: leafOf(each) })),
        )
        expect(cutter.rest).to.equal(rest.length)
      }),
      { numRuns: 300 },
    )
  })
})
