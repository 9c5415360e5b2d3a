import { expect } from 'chai'
import { Fault } from '../../src/contract/fault.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { ShamirSeal } from '../../src/seal/shamir.ts'

const seal = new ShamirSeal(randomBytes)
const root = () => randomBytes(32)

describe('shamir seal', () => {
  for (const [shares, threshold] of [
    [1, 1],
    [2, 2],
    [3, 2],
    [5, 3],
    [10, 10],
    [255, 2],
  ] as const) {
    it(`opens with any ${threshold} of ${shares} shares`, async () => {
      const key = root()
      const made = await seal.protect(key, shares, threshold)
      expect(made.shares).to.have.length(shares)
      expect(made.shares[0]).to.have.length(shares === 1 ? 32 : 33)
      const keys = await seal.combine(made.record, made.shares.slice(-threshold))
      expect(Buffer.from(keys?.root ?? []).equals(key)).to.equal(true)
    })
  }

  it('refuses counts that cannot be', async () => {
    for (const [shares, threshold] of [
      [0, 0],
      [1, 0],
      [2, 1],
      [2, 3],
      [256, 3],
      [2.5, 2],
      [-1, 1],
    ] as const) {
      const thrown = await seal.protect(root(), shares, threshold).catch((error: unknown) => error)
      expect(thrown, `${threshold} of ${shares}`).to.be.instanceOf(Fault)
    }
  })

  it('gives nothing for too few, foreign, repeated, cut or x = 0 shares', async () => {
    const mine = await seal.protect(root(), 5, 3)
    const foreign = await seal.protect(root(), 5, 3)
    const [a, b, c] = mine.shares as [Uint8Array, Uint8Array, Uint8Array]
    const zero = Uint8Array.from(a)
    zero[32] = 0
    const bad = [
      [a, b],
      [a, b, foreign.shares[0]],
      [a, a, b],
      [a, b, c.slice(0, 32)],
      [zero, b, c],
      foreign.shares.slice(0, 3),
      [a, b, new Uint8Array(33).fill(7)],
    ]
    for (const shares of bad) expect(await seal.combine(mine.record, shares as Uint8Array[])).to.equal(undefined)
    expect(await seal.combine(mine.record, [c, a, b])).to.not.equal(undefined)
  })

  it('never shows the root key in its record', async () => {
    const key = root()
    const { record } = await seal.protect(key, 3, 2)
    expect(JSON.stringify(record)).to.not.include(Buffer.from(key).toString('base64').slice(0, 20))
  })
})
