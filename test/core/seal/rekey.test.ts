import { expect } from 'chai'
import type { NewShares } from '../../../src/contract/seal.ts'
import type { Failure } from '../../support/storages/failing-storage.ts'
import { TestSealManager, faultOf, unsealedManager } from '../../support/seal-manager.ts'

const wish = { shares: 5, threshold: 3, verify: false }

/** Gives enough new shares back; the last may fail. */
async function giveBack(test: TestSealManager, made: NewShares | undefined): Promise<void> {
  for (const share of made?.shares.slice(0, 3) ?? [])
    await test.rekey.verify(share, made?.verificationNonce ?? '', 'idle').catch(() => {})
}

describe('rekey', () => {
  it('replaces the shares: the new ones open the server, the old ones do not', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start(wish, 'busy')
    const made = await test.give(test.rekey, shares.slice(0, 2))
    expect(made?.shares).to.have.length(5)
    expect(await test.manager.status()).to.include({ shares: 5, threshold: 3, sealed: false })
    expect((await test.rekey.status()).started).to.equal(false)
    await test.barrier.rotate()
    expect(await test.opensWith(shares)).to.equal(false)
    expect(await test.opensWith(made?.shares.slice(2) ?? [])).to.equal(true)
  })

  it('takes a new root key too: old shares and an old seal record do not open a later keyring', async () => {
    const { test, shares } = await unsealedManager()
    const [old] = await test.storage.get(['seal'])
    await test.rekey.start(wish, 'busy')
    await test.give(test.rekey, shares.slice(0, 2))
    await test.storage.commit({ ops: [{ put: 'seal', value: old?.value ?? new Uint8Array() }] })
    expect(await test.opensWith(shares.slice(0, 2))).to.equal(false)
  })

  it('gives one set of shares when operators give the last share at the same time', async () => {
    for (const [count, threshold] of [
      [1, 1],
      [3, 2],
    ] as const) {
      const { test, shares } = await unsealedManager(count, threshold)
      await test.rekey.start(wish, 'busy')
      const { nonce } = await test.rekey.status()
      const answers = await Promise.allSettled(
        [...shares, ...shares].map(async (share) => test.rekey.update(share, nonce, 'idle')),
      )
      const made = answers.flatMap((answer) => (answer.status === 'fulfilled' && answer.value ? [answer.value] : []))
      expect(made).to.have.length(1)
      expect(await test.opensWith(made[0]?.shares.slice(0, 3) ?? [])).to.equal(true)
    }
  })

  it('leaves the old or the new shares valid, however each of its commits fails', async () => {
    const failures: readonly Failure[] = ['refused', 'lost', 'done']
    for (const verify of [false, true])
      for (const first of failures)
        for (const always of [undefined, ...failures]) {
          const { test, shares } = await unsealedManager()
          await test.rekey.start({ ...wish, verify }, 'busy')
          test.storage.plan = [first]
          test.storage.always = always
          const made = await test.give(test.rekey, shares.slice(0, 2)).catch(() => undefined)
          if (verify) await giveBack(test, made)
          test.storage.always = undefined
          if (test.manager.isUnsealed) await test.barrier.rotate()
          const [oldOpen, newOpen] = [
            await test.opensWith(shares.slice(0, 2)),
            made ? await test.opensWith(made.shares.slice(0, 3)) : false,
          ]
          const name = `${verify ? 'verified, ' : ''}${first}, then ${always ?? 'good'}`
          expect([oldOpen, newOpen].filter(Boolean), name).to.have.length(1)
          if (always === undefined && first !== 'refused') expect(newOpen, name).to.equal(true)
        }
  })

  it('seals itself and still returns the new shares if the storage never acknowledges', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start(wish, 'busy')
    test.storage.always = 'lost'
    const made = await test.give(test.rekey, shares.slice(0, 2))
    expect(made).to.include({ unsettled: true })
    expect([test.manager.isUnsealed, test.barrier.sealed]).to.deep.equal([false, true])
  })

  it('begins again after a wrong set, and refuses a repeated share: a holder counts once (0.10.4)', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start(wish, 'busy')
    const { nonce } = await test.rekey.status()
    const [a, b] = shares as [Uint8Array, Uint8Array]
    await test.rekey.update(a, nonce, 'idle')
    expect((await faultOf(test.rekey.update(a, nonce, 'idle'))).code).to.equal('invalid_request')
    expect((await test.rekey.status()).progress).to.equal(1)
    expect((await faultOf(test.rekey.update(new Uint8Array(33).fill(7), nonce, 'idle'))).code).to.equal(
      'invalid_request',
    )
    expect(await test.rekey.status()).to.include({ started: true, progress: 0, nonce })
    expect(await test.give(test.rekey, [a, b])).to.not.equal(undefined)
  })

  it('never reveals the right nonce to a caller with a wrong one', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start(wish, 'busy')
    const { nonce } = await test.rekey.status()
    const share = shares[0] as Uint8Array
    expect((await faultOf(test.rekey.update(share, 'wrong', 'idle'))).message).to.not.include(nonce)
    expect((await faultOf(test.rekey.cancel('wrong'))).message).to.not.include(nonce)
    expect((await test.rekey.status()).started).to.equal(true)
    await test.rekey.cancel(nonce)
    expect((await faultOf(test.rekey.update(share, nonce, 'no rekey'))).message).to.equal('no rekey')
  })

  it('is cancelled by a seal, and the old shares stay valid', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start({ ...wish, verify: true }, 'busy')
    await test.give(test.rekey, shares.slice(0, 2))
    await test.manager.seal()
    await test.unseal(shares.slice(1))
    expect(await test.rekey.status()).to.include({ started: false, verificationNonce: '' })
  })

  it('is cancelled by another rekey that replaces the shares', async () => {
    const { test, shares } = await unsealedManager()
    await test.rotation.start({ ...wish, verify: true }, 'busy')
    const waiting = await test.give(test.rotation, shares.slice(0, 2))
    await test.root.start('')
    await test.rekey.start(wish, 'busy')
    const made = await test.give(test.rekey, shares.slice(0, 2))
    const nonce = waiting?.verificationNonce ?? ''
    for (const share of waiting?.shares.slice(0, 3) ?? [])
      expect((await faultOf(test.rotation.verify(share, nonce, 'idle'))).code).to.equal('invalid_request')
    expect([(await test.rotation.status()).started, (await test.root.status()).started]).to.deep.equal([false, false])
    expect(await test.opensWith(waiting?.shares.slice(0, 3) ?? [])).to.equal(false)
    expect(await test.opensWith(made?.shares.slice(0, 3) ?? [])).to.equal(true)
  })
})

describe('rekey with verification', () => {
  it('keeps the old shares until enough new ones were given back, and a new root key meanwhile', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start({ ...wish, verify: true }, 'busy')
    const made = await test.give(test.rekey, shares.slice(0, 2))
    const fresh = made?.shares.slice(0, 3) ?? []
    await test.manager.rotateRoot()
    const [before] = await test.storage.get(['seal'])
    for (const share of fresh.slice(0, 2)) await test.rekey.verify(share, made?.verificationNonce ?? '', 'idle')
    expect((await test.storage.get(['seal']))[0]?.value).to.deep.equal(before?.value)
    const last = await test.rekey.verify(fresh[2] as Uint8Array, made?.verificationNonce ?? '', 'idle')
    expect(last.complete).to.equal(true)
    expect(await test.opensWith(shares)).to.equal(false)
    expect(await test.opensWith(fresh)).to.equal(true)
  })

  it('begins again with another nonce after a wrong or repeated share', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start({ ...wish, verify: true }, 'busy')
    const made = await test.give(test.rekey, shares.slice(0, 2))
    const [a, b, c] = (made?.shares ?? []) as [Uint8Array, Uint8Array, Uint8Array]
    for (const wrong of [a, new Uint8Array(33).fill(7)]) {
      const { verificationNonce: nonce } = await test.rekey.status()
      await test.rekey.verify(a, nonce, 'idle')
      if (wrong !== a) await test.rekey.verify(b, nonce, 'idle')
      expect((await faultOf(test.rekey.verify(wrong, nonce, 'idle'))).code).to.equal('invalid_request')
      const after = await test.rekey.status()
      expect(after.verificationProgress).to.equal(0)
      expect(after.verificationNonce).to.not.equal(nonce)
    }
    const { verificationNonce } = await test.rekey.status()
    for (const share of [a, b]) await test.rekey.verify(share, verificationNonce, 'idle')
    expect((await test.rekey.verify(c, verificationNonce, 'idle')).complete).to.equal(true)
  })
})

describe('generating a root token', () => {
  it('returns the token XORed with the one-time password, once, to the submitter of the last share', async () => {
    const { test, shares } = await unsealedManager()
    const otp = await test.root.start('')
    const { nonce } = await test.root.status()
    const answers = await Promise.allSettled(
      [...shares, ...shares].map(async (share) => test.root.update(share, nonce)),
    )
    const complete = answers.flatMap((answer) =>
      answer.status === 'fulfilled' && answer.value.complete ? [answer.value] : [],
    )
    expect(complete).to.have.length(1)
    expect(Buffer.from(complete[0]?.encoded ?? '', 'base64')).to.have.length(otp.length)
  })

  it('measures a one-time password in bytes', async () => {
    const { test } = await unsealedManager()
    expect((await faultOf(test.root.start('ü'.repeat(26)))).code).to.equal('invalid_request')
    expect(await test.root.start('ü'.repeat(13))).to.equal('')
  })

  it('stays under way when the token could not be made', async () => {
    const { test, shares } = await unsealedManager(1, 1)
    await test.root.start('')
    const { nonce } = await test.root.status()
    const good = test.hooks
    test.hooks = { ...good, createRootToken: async () => Promise.reject(new Error('by the test')) }
    const share = shares[0] as Uint8Array
    await test.root.update(share, nonce).catch(() => {})
    test.hooks = good
    expect((await test.root.update(share, nonce)).complete).to.equal(true)
  })

  it('is not begun or changed on a sealed server', async () => {
    const test = new TestSealManager()
    await test.manager.initialise(1, 1)
    for (const call of [test.root.start(''), test.root.cancel(), test.rekey.start(wish, 'busy'), test.rekey.cancel()])
      expect((await faultOf(call)).code).to.equal('sealed')
  })
})
