import { expect } from 'chai'
import { Fault } from '../../src/contract/fault.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import type { SealRecord } from '../../src/contract/seal.ts'
import { StaticSeal } from '../../src/seal/auto/static.ts'
import { RootKeySeal } from '../../src/seal/root-key-seal.ts'
import { utf8 } from '../../src/util/bytes.ts'
import { Secret } from '../../src/util/secret.ts'

const seal = new RootKeySeal(randomBytes)
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
    it(`decrypts with any ${threshold} of ${shares} shares`, async () => {
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

describe('a seal that unseals the server', () => {
  const keySeal = (name: string, key = randomBytes(32)): StaticSeal =>
    new StaticSeal({ name, disabled: false, current: { id: 'a', key: new Secret(Buffer.from(key).toString('base64')) } }, randomBytes) // prettier-ignore
  const read = async (record: unknown) =>
    seal.record({ get: async () => [{ key: 'seal', value: utf8(JSON.stringify(record)), rev: 1n }] })

  it('decrypts by any one of its seals, and by recovery shares only where they are shares of the unseal key', async () => {
    const [one, two] = [keySeal('one'), keySeal('two')]
    for (const recoveryUnseals of [false, true]) {
      const key = root()
      const { record, shares } = await new RootKeySeal(randomBytes, { autoSeals: [one, two], recoveryUnseals }).protect(key, 3, 2) // prettier-ignore
      for (const autoSeals of [[one], [two]])
        expect((await new RootKeySeal(randomBytes, { autoSeals }).unwrap(record)).root).to.deep.equal(key)
      const lost = await seal.combine(record, shares.slice(1)).catch((thrown: unknown) => thrown)
      if (recoveryUnseals) expect((lost as { root: Uint8Array }).root).to.deep.equal(key)
      else expect(lost).to.be.instanceOf(Fault).and.have.property('code', 'unavailable')
    }
  })

  it('takes no seal that does not decrypt its own ciphertexts: nothing would unseal any more', async () => {
    const [good, bad] = [keySeal('good'), keySeal('bad')]
    const by = (...autoSeals: readonly StaticSeal[]) => new RootKeySeal(randomBytes, { autoSeals })
    const refused = async (work: Promise<unknown>) => {
      const thrown = await work.catch((error: unknown) => error)
      expect(thrown).to.be.instanceOf(Fault).and.have.property('code', 'unavailable')
      expect((thrown as Fault).message).to.match(/^(?:no key|the seal decrypts to something else)/)
    }
    const held = await by(good).protect(root(), 3, 2)
    const { unsealKey } = await by(good).unwrap(held.record)
    const shared = await seal.protect(root(), 3, 2)
    const keys = await seal.combine(shared.record, shared.shares.slice(1))
    for (const answer of [
      async () => randomBytes(32),
      async () => Promise.reject(new Fault('unavailable', 'no key')),
    ]) {
      bad.unwrap = answer
      await refused(by(bad).protect(root(), 3, 2))
      await refused(by(good, bad).refreshed(held.record, unsealKey))
      await refused(by(bad).migrated(shared.record, keys?.unsealKey ?? root(), shared.shares.slice(1)))
    }
  })

  it('returns no key if the record was changed, and names the seal that failed', async () => {
    const [one, other] = [keySeal('one'), keySeal('one')]
    const mine = await new RootKeySeal(randomBytes, { autoSeals: [one] }).protect(root(), 3, 2)
    const foreign = await new RootKeySeal(randomBytes, { autoSeals: [one] }).protect(root(), 3, 2)
    const failing = new RootKeySeal(randomBytes, { autoSeals: [other] })
    const message = async (record: SealRecord, by = failing) =>
      by.unwrap(record).then(
        () => 'decrypted',
        (thrown: unknown) => (thrown as Error).message,
      )
    expect(await message(mine.record)).to.match(/one: the key that is configured as "a" is another one/)
    const mixed = { ...mine.record, ...(foreign.record.wrappedKeys && { wrappedKeys: foreign.record.wrappedKeys }) }
    const own = new RootKeySeal(randomBytes, { autoSeals: [one] })
    expect(await message(mixed, own)).to.match(/one: it decrypts to a key of another storage/)
    expect(await own.combine({ ...mine.record, recoveryCheck: foreign.record.recoveryCheck ?? '' }, mine.shares.slice(1))).to.equal(undefined) // prettier-ignore
    // Whoever can write the disk puts recovery shares of their own into the record: they authorise nothing.
    const forged = { ...mine.record, recoveryCheck: foreign.record.recoveryCheck ?? '' }
    expect(await own.combine(forged, foreign.shares.slice(1))).to.equal(undefined)
    expect(await message({ ...mine.record, wrappedKeys: [] }, own)).to.match(/no seal of the configuration/)
  })

  it('refuses records that are damaged', async () => {
    const { record } = await new RootKeySeal(randomBytes, { autoSeals: [keySeal('one')] }).protect(root(), 3, 2)
    expect(await read(record)).to.deep.equal(record)
    const damaged = [
      null,
      [],
      { ...record, type: 'hsm' },
      { ...record, type: 'shamir' },
      { ...record, wrappedKeys: undefined },
      { ...record, wrappedKeys: [{ seal: 'one' }] },
      { ...record, threshold: 0 },
      { ...record, wrappedRoot: '-' },
      { ...record, recoveryCheck: 1 },
    ]
    for (const one of damaged) {
      const thrown = await read(one).catch((error: unknown) => error)
      expect(thrown, JSON.stringify(one)).to.be.instanceOf(Fault).and.have.property('code', 'internal')
    }
  })
})
