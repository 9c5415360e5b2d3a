import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { sha256, sha512t256 } from '../../../src/crypto/fast/digest.ts'

describe('digests by way of a string', () => {
  const data = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 300 }))
  const both = [
    ['sha256', sha256],
    ['sha512-256', sha512t256],
  ] as const
  for (const [name, digest] of both)
    it(`${name} is that of a hash object`, () => {
      fc.assert(fc.property(data, (input) => digest(input).equals(createHash(name).update(input).digest())))
    })
})
