import { expect } from 'chai'
import { EncryptedBarrier } from '../../src/barrier/barrier.ts'
import type { Storage } from '../../src/contract/storage.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { MemoryStorage } from '../../src/storage/memory.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { FailingStorage } from '../support/storages/failing-storage.ts'

/** The number that a fresh process finds. */
async function found(storage: Storage, root: Uint8Array): Promise<number | undefined> {
  const barrier = new EncryptedBarrier({ storage, clock: new HandClock(), random: randomBytes })
  await barrier.unseal(root)
  return barrier.commits.found
}

describe('the number of commits', () => {
  it('grows with each of them, whatever it changes, and is in the storage when it is acknowledged', async () => {
    const { barrier, storage, root } = await openBarrier()
    barrier.attach(() => undefined)
    const view = barrier.view('folder/')
    let last = 0
    const changes: readonly (() => Promise<void>)[] = [
      async () => view.put('a', 1),
      async () => view.del('a'),
      async () => view.transaction(async (tx) => tx.put('b/c', 2)),
      async () => view.clear('b/'),
      async () => barrier.rotate(),
      async () => barrier.changeRoot(root, []),
    ]
    for (const change of changes) {
      await change()
      expect(barrier.commits.newest).to.be.greaterThan(last)
      expect(await found(storage, root)).to.equal(barrier.commits.newest)
      last = barrier.commits.newest
    }
  })

  it('never exceeds that of the storage, and equals it in the end, with many simultaneous commits', async () => {
    const storage = new FailingStorage()
    const { barrier, root } = await openBarrier(storage)
    barrier.attach(() => undefined)
    const view = barrier.view('')
    for (let round = 0; round < 4; round++) {
      storage.plan = [undefined, 'refused', 'lost', undefined, 'done']
      await Promise.allSettled(
        Array.from({ length: 8 }, async (_, at) => {
          await view.put(`r/${at}`, round)
          const { newest } = barrier.commits
          expect(await found(storage, root)).to.be.at.least(newest)
        }),
      )
    }
    await view.put('last', 1)
    expect(await found(storage, root)).to.equal(barrier.commits.newest)
  })

  it('does not grow before the storage is checked: an older storage does not catch up by being opened', async () => {
    const storage = new MemoryStorage()
    const { barrier, root } = await openBarrier(storage)
    barrier.attach(() => undefined)
    await barrier.view('').put('a', 1)
    const { newest } = barrier.commits
    for (let opened = 0; opened < 3; opened++) {
      const again = new EncryptedBarrier({ storage, clock: new HandClock(), random: randomBytes })
      await again.unseal(root)
      await again.view('').put('b', opened)
      expect(again.commits).to.include({ found: newest, newest })
    }
  })

  it('is found missing if its record was removed', async () => {
    const { storage, root } = await openBarrier()
    const names = await storage.list('e/', { limit: 100 })
    expect(await found(storage, root)).to.equal(0)
    await storage.commit({ ops: names.keys.map((del) => ({ del })) })
    expect(await found(storage, root)).to.equal(undefined)
  })
})
