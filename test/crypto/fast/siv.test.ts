import { aessiv } from '@noble/ciphers/aes.js'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Siv } from '../../../src/crypto/fast/siv.ts'

const bytes = (most: number) => fc.uint8Array({ maxLength: most })
const key = fc.uint8Array({ minLength: 64, maxLength: 64 })

describe('AES-SIV', () => {
  it('is that of RFC 5297, as another implementation has it', () => {
    fc.assert(
      fc.property(key, bytes(200), bytes(100), (secret, associated, plain) => {
        const siv = new Siv(secret)
        const state = siv.under(associated)
        const box = siv.encrypt(state, plain)
        expect([...box]).to.deep.equal([
          ...aessiv(Uint8Array.from(secret), Uint8Array.from(associated)).encrypt(Uint8Array.from(plain)),
        ])
        expect([...(siv.decrypt(state, box) ?? [])]).to.deep.equal([...plain])
      }),
      { numRuns: 500 },
    )
  })

  it('refuses changed or cut ciphertexts, and other associated data', () => {
    fc.assert(
      fc.property(key, bytes(40), bytes(40), fc.nat(), (secret, associated, plain, place) => {
        const siv = new Siv(secret)
        const state = siv.under(associated)
        const box = siv.encrypt(state, plain)
        const changed = Uint8Array.from(box)
        const at = place % box.length
        changed[at] = (changed[at] as number) ^ (1 << (place % 8))
        expect(siv.decrypt(state, changed)).to.equal(undefined)
        expect(siv.decrypt(state, box.subarray(0, at))).to.equal(undefined)
        expect(siv.decrypt(siv.under(Uint8Array.of(...associated, 0)), box)).to.equal(undefined)
      }),
      { numRuns: 300 },
    )
  })

  it('decrypts many together as it decrypts each of them', () => {
    fc.assert(
      fc.property(key, fc.array(bytes(40), { maxLength: 20 }), fc.nat(), (secret, plains, place) => {
        const siv = new Siv(secret)
        const state = siv.under(Uint8Array.of(7))
        const boxes = plains.map((plain) => Uint8Array.from(siv.encrypt(state, plain)))
        const changed = boxes[place % Math.max(1, boxes.length)]
        if (changed) changed[place % changed.length]! ^= 1 << (place % 8)
        const found = siv.decryptAll(state, [...boxes, new Uint8Array(15)])
        expect(found.map((one) => one && [...one])).to.deep.equal(
          [...boxes, new Uint8Array(15)].map((box) => siv.decrypt(state, box)).map((one) => one && [...one]),
        )
        expect(found.filter((one) => one !== undefined).length).to.equal(Math.max(0, boxes.length - 1))
      }),
      { numRuns: 300 },
    )
  })

  it('takes keys of 64 bytes only, and is of no use once it has forgotten its own', () => {
    expect(() => new Siv(new Uint8Array(32))).to.throw(RangeError)
    const siv = new Siv(new Uint8Array(64).fill(1))
    const state = siv.under(Uint8Array.of(1))
    const box = siv.encrypt(state, Uint8Array.of(2))
    siv.forget()
    expect(() => siv.decrypt(state, box)).to.throw(Error)
    expect(() => siv.encrypt(state, box)).to.throw(Error)
    expect(() => siv.under(state)).to.throw(Error)
  })
})
