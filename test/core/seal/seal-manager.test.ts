import { expect } from 'chai'
import { hex } from '../../../src/util/bytes.ts'
import { TestSealManager, faultOf, unsealedManager } from '../../support/seal-manager.ts'

describe('the seal manager', () => {
  for (const [count, threshold] of [
    [1, 1],
    [2, 2],
    [255, 255],
  ] as const)
    it(`is initialised with ${threshold} of ${count} shares, sealed, and unsealed with them`, async () => {
      const test = new TestSealManager()
      expect((await test.manager.status()).initialised).to.equal(false)
      const { shares, rootToken } = await test.manager.initialise(count, threshold)
      expect(shares).to.have.length(count)
      expect(rootToken).to.have.length(26)
      expect(test.barrier.sealed).to.equal(true)
      expect(await test.manager.status()).to.include({ initialised: true, sealed: true, shares: count, threshold })
      await test.unseal(shares)
      expect(await test.manager.status()).to.include({ sealed: false, progress: 0, nonce: '' })
    })

  it('unseals once when twenty operators submit shares at the same time', async () => {
    const test = new TestSealManager()
    const { shares } = await test.manager.initialise(10, 5)
    await Promise.all([...shares, ...shares].map(async (share) => test.manager.unseal(share)))
    expect(test.manager.isUnsealed).to.equal(true)
    expect(test.calls.filter((call) => call === 'afterUnseal')).to.have.length(2) // once for init, once for the operators
  })

  it('counts the same share once, and discards all after a wrong set without naming the wrong one', async () => {
    const test = new TestSealManager()
    const { shares } = await test.manager.initialise(5, 3)
    const [a, b, c] = shares as [Uint8Array, Uint8Array, Uint8Array]
    await test.unseal([a, a])
    const { nonce, progress } = await test.manager.status()
    expect([nonce.length, progress]).to.deep.equal([36, 1])
    const foreign = (await new TestSealManager().manager.initialise(5, 3)).shares[0] as Uint8Array
    const zero = Uint8Array.from(c).fill(0, 32)
    const sameX = Uint8Array.from(a)
    sameX[0] = (sameX[0] as number) ^ 1
    const texts = new Set<string>()
    for (const wrong of [foreign, zero, sameX, c.slice(0, 20), new Uint8Array(33).fill(9)])
      for (const set of [
        [wrong, a, b],
        [a, wrong, b],
        [a, b, wrong],
      ]) {
        await test.manager.resetUnseal()
        texts.add((await faultOf(test.unseal(set))).message)
        expect(await test.manager.status()).to.include({ sealed: true, progress: 0, nonce: '' })
      }
    expect([...texts]).to.have.length(1)
    for (const share of shares) expect([...texts].join()).to.not.include(hex(share))
    await test.unseal([c, a, b])
    expect(test.manager.isUnsealed).to.equal(true)
  })

  it('keeps no more state than a threshold of shares, however many are given (CVE-2024-8185)', async () => {
    const test = new TestSealManager()
    await test.manager.initialise(3, 2)
    for (let round = 0; round < 1000; round++) {
      const share = new Uint8Array(33).fill(round % 251)
      share[1] = round >> 8
      await test.manager.unseal(share).catch(() => {})
      expect((await test.manager.status()).progress).to.be.lessThan(2)
    }
  })

  it('refuses a second init, also at the same time', async () => {
    const test = new TestSealManager()
    const results = await Promise.allSettled([1, 2, 3].map(async () => test.manager.initialise(1, 1)))
    expect(results.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
    expect((await faultOf(test.manager.initialise(1, 1))).message).to.equal('Vault is already initialized')
  })

  it('undoes an init that fails half-way: nobody would hold the shares', async () => {
    for (const step of ['afterUnseal', 'createRootToken'] as const) {
      const test = new TestSealManager()
      const good = test.hooks
      test.hooks = { ...good, [step]: async () => Promise.reject(new Error('by the test')) }
      await test.manager.initialise(3, 2).catch(() => {})
      expect(await test.manager.status()).to.include({ initialised: false, sealed: true })
      expect(test.barrier.sealed).to.equal(true)
      test.hooks = good
      const { shares } = await test.manager.initialise(3, 2)
      expect(await test.opensWith(shares.slice(1))).to.equal(true)
    }
  })

  it('undoes an init whose commit succeeded without an acknowledgement', async () => {
    const test = new TestSealManager()
    test.storage.plan = ['done']
    expect((await faultOf(test.manager.initialise(3, 2))).code).to.equal('unavailable')
    expect((await test.manager.status()).initialised).to.equal(false)
    const { shares } = await test.manager.initialise(3, 2)
    expect(await test.opensWith(shares.slice(1))).to.equal(true)
  })

  it('stays sealed as a whole if the unseal fails although the key is right', async () => {
    const test = new TestSealManager()
    const { shares } = await test.manager.initialise(1, 1)
    const good = test.hooks
    test.hooks = { ...good, afterUnseal: async () => Promise.reject(new Error('no audit device')) }
    const fault = await faultOf(test.unseal(shares))
    expect(fault.code).to.equal('internal')
    expect(fault.message).to.not.include('audit')
    expect([test.manager.isUnsealed, test.barrier.sealed]).to.deep.equal([false, true])
    expect(test.calls.at(-1)).to.equal('beforeSeal')
    test.hooks = good
    await test.unseal(shares)
    expect(test.manager.isUnsealed).to.equal(true)
  })

  it('wipes the keys at seal even when closing fails', async () => {
    const { test } = await unsealedManager()
    test.hooks = { ...test.hooks, beforeSeal: async () => Promise.reject(new Error('by the test')) }
    await test.manager.seal()
    expect([test.manager.isUnsealed, test.barrier.sealed]).to.deep.equal([false, true])
  })

  it('takes a new root key while the shares stay', async () => {
    const { test, shares } = await unsealedManager()
    const before = (await test.storage.get(['seal']))[0]?.value
    await test.manager.rotateRoot()
    expect((await test.storage.get(['seal']))[0]?.value).to.not.deep.equal(before)
    await test.manager.rotateRoot()
    expect(await test.opensWith(shares.slice(0, 2))).to.equal(true)
  })

  it('never leaves the keyring under an unknown root key, whatever happens to the commit of a new one', async () => {
    for (const failure of ['refused', 'lost', 'done'] as const)
      for (const always of [undefined, failure, 'refused'] as const) {
        const { test, shares } = await unsealedManager()
        test.storage.plan = [failure]
        test.storage.always = always
        await test.manager.rotateRoot().catch(() => {})
        test.storage.always = undefined
        // A later rotation writes the keyring under the root key that the barrier believes in.
        if (test.manager.isUnsealed) await test.barrier.rotate()
        expect(await test.opensWith(shares.slice(0, 2)), `${failure}, then ${always ?? 'good'}`).to.equal(true)
      }
  })
})
