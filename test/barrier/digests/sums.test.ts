import { createHash } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Elements } from '../../../src/barrier/digests/sums.ts'

/** docs/formats.md: SHA-512/256 of key ‖ revision ‖ storage key ‖ 0 ‖ nonce and tag of a frame, or all of anything else. */
function slowElement(key: Uint8Array, place: string, value: Uint8Array, rev: bigint): string {
  const revision = Buffer.from(rev.toString(16).padStart(16, '0'), 'hex')
  const isFrame = place.startsWith('e/') || place.startsWith('d/')
  const shown = isFrame ? [value.slice(0, 29), value.slice(-16)] : [value]
  return createHash('sha512-256')
    .update(Buffer.concat([key, revision, Buffer.from(place), Buffer.of(0), ...shown]))
    .digest('hex')
}

describe('the elements of digests', () => {
  it('are the hashes that the format says, record after record', () => {
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const place = fc
      .tuple(fc.constantFrom('e/', 'd/', 'keyring'), fc.string({ unit: 'grapheme', maxLength: 20 }))
      .map(([start, end]) => start + end)
    const value = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ minLength: 1100, maxLength: 1200 }))
    const records = fc.array(fc.tuple(place, value, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), { maxLength: 6 })
    fc.assert(
      fc.property(key, records, (raw, list) => {
        const elements = new Elements(Uint8Array.from(raw))
        for (const [name, bytes, rev] of list)
          expect(elements.of({ key: name, value: bytes, rev }).toString('hex')).to.equal(
            slowElement(raw, name, bytes, rev),
          )
      }),
      { numRuns: 300 },
    )
  })
})
