import { createHmac, hkdfSync } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { counterSha256, hkdfSha256 } from '../../src/crypto/kdf.ts'

const secrets = fc.uint8Array({ minLength: 1, maxLength: 80 })
const contexts = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 4 })
const lengths = fc.integer({ min: 1, max: 100 })
const hex = (bytes: Uint8Array | ArrayBuffer): string => Buffer.from(bytes as ArrayBuffer).toString('hex')

describe('key derivation', () => {
  it('HKDF, extracted once, gives for every context the value of RFC 5869', () => {
    fc.assert(
      fc.property(secrets, contexts, lengths, (secret, list, length) => {
        const derive = hkdfSha256(secret)
        for (const context of list)
          expect(hex(derive(context, length))).to.equal(hex(hkdfSync('sha256', secret, '', context, length)))
      }),
    )
  })

  it('the counter mode gives the blocks of SP 800-108, counted from 0', () => {
    const uint32 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(8, '0'), 'hex')
    fc.assert(
      fc.property(secrets, contexts, lengths, (secret, list, length) => {
        const derive = counterSha256(secret)
        for (const context of list) {
          const block = (count: number): Buffer =>
            createHmac('sha256', secret)
              .update(Buffer.concat([uint32(count), context, uint32(length * 8)]))
              .digest()
          const all = Buffer.concat([block(0), block(1), block(2), block(3)])
          expect(hex(derive(context, length))).to.equal(hex(all.subarray(0, length)))
        }
      }),
    )
  })
})
