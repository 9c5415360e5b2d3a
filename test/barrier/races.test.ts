import { expect } from 'chai'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EncryptedBarrier } from '../../src/barrier/barrier.ts'
import { AmbiguousCommit } from '../../src/contract/storage.ts'
import type { Commit } from '../../src/contract/storage.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { LevelStorage } from '../../src/storage/level/level.ts'
import { MemoryStorage } from '../../src/storage/memory.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silent } from '../../src/util/log.ts'
import { turnsDuring } from '../support/processes/event-loop-turns.ts'

const root = new Uint8Array(32).fill(1)
const other = new Uint8Array(32).fill(2)
const failure = async (task: Promise<unknown>) =>
  task.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
const turns = async (count: number) => {
  for (let at = 0; at < count; at++) await Promise.resolve()
}

async function opened(storage = new MemoryStorage() as MemoryStorage | LevelStorage) {
  const barrier = new EncryptedBarrier({ storage, clock: systemClock, random: randomBytes })
  await barrier.initialise(root.slice(), [])
  await barrier.unseal(root.slice())
  return { storage, barrier }
}

describe('barrier under races', () => {
  it('stays sealed when it is sealed in the middle of a rotation', async () => {
    for (let delay = 0; delay < 12; delay++) {
      const { barrier } = await opened()
      const rotation = failure(barrier.rotate())
      await turns(delay)
      barrier.seal()
      await rotation
      expect(barrier.sealed, `sealed after ${delay} turns`).to.equal(true)
      expect(await barrier.unseal(new Uint8Array(32)), `zeros after ${delay} turns`).to.equal(false)
      expect(await barrier.unseal(root.slice()), `root after ${delay} turns`).to.equal(true)
    }
  })

  it('keeps every record readable when two rotations overlap', async () => {
    for (let delay = 0; delay < 12; delay++) {
      const { storage, barrier } = await opened()
      const first = barrier.rotate().then(async () => barrier.view('a/').put('x', 1))
      await turns(delay)
      const second = barrier.rotate().then(async () => barrier.view('a/').put('y', 1))
      await Promise.allSettled([first, second])
      const later = new EncryptedBarrier({ storage, clock: systemClock, random: randomBytes })
      await later.unseal(root.slice())
      for (const name of ['x', 'y']) await later.view('a/').get(name)
    }
  })

  it('keeps every record readable when the root key changes during a rotation', async () => {
    for (let delay = 0; delay < 12; delay++) {
      const { storage, barrier } = await opened()
      const rotation = barrier.rotate().then(async () => barrier.view('a/').put('x', 1))
      await turns(delay)
      const rekey = failure(barrier.changeRoot(other.slice(), []))
      await Promise.allSettled([rotation, rekey])
      const later = new EncryptedBarrier({ storage, clock: systemClock, random: randomBytes })
      const key = (await rekey) === undefined ? other : root
      expect(await later.unseal(key.slice()), `opens after ${delay} turns`).to.equal(true)
      await later.view('a/').get('x')
    }
  })

  it('never puts the keyring back under an old root key after a change of unknown outcome', async () => {
    class Uncertain extends MemoryStorage {
      uncertain = false
      override async commit(commit: Commit) {
        const result = await super.commit(commit)
        if (this.uncertain) throw new AmbiguousCommit('lost')
        return result
      }
    }
    const storage = new Uncertain()
    const { barrier } = await opened(storage)
    storage.uncertain = true
    await failure(barrier.changeRoot(other.slice(), []))
    storage.uncertain = false
    await failure(barrier.rotate())
    const later = new EncryptedBarrier({ storage, clock: systemClock, random: randomBytes })
    expect(await later.unseal(other.slice())).to.equal(true)
  })

  it('stays sealed when unsealing fails half-way', async () => {
    class Full extends MemoryStorage {
      full = false
      override async commit(commit: Commit) {
        if (this.full) throw new AmbiguousCommit('lost')
        return super.commit(commit)
      }
    }
    const storage = new Full()
    const { barrier } = await opened(storage)
    barrier.seal()
    storage.full = true
    expect(await failure(barrier.unseal(root.slice()))).to.be.an('error')
    expect(barrier.sealed).to.equal(true)
  })

  it('does not report a record as absent when a transaction reads it after the seal', async () => {
    const { barrier } = await opened()
    await barrier.view('a/').put('x', 1)
    const found = await barrier
      .view('a/')
      .transaction(async (tx) => {
        barrier.seal()
        return (await tx.get('x')) ?? 'absent'
      })
      .catch(() => 'refused')
    expect(found).to.equal('refused')
  })

  it('completes 200 simultaneous transactions on one record', async function () {
    const folder = await mkdtemp(join(tmpdir(), 'level-'))
    const storage = await LevelStorage.open(join(folder, 'db'), { clock: systemClock, log: silent })
    const { barrier } = await opened(storage)
    const view = barrier.view('a/')
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, async () =>
        view.transaction(async (tx) => tx.put('n', (((await tx.get('n')) as number | undefined) ?? 0) + 1)),
      ),
    )
    await storage.close()
    await rm(folder, { recursive: true })
    expect(results.filter(({ status }) => status === 'rejected')).to.have.length(0)
  })
})

describe('records at their edges', () => {
  it('reads back whatever it agreed to write', async () => {
    const { barrier } = await opened()
    const view = barrier.view('a/')
    let deep: unknown = 1
    for (let at = 0; at < 65; at++) deep = { deep }
    const cases = { deep, many: Array.from({ length: 120_000 }, () => 1), long: 'x'.repeat(9 * 1024 * 1024) }
    const broken: string[] = []
    for (const [name, value] of Object.entries(cases)) {
      if ((await failure(view.put(name, value))) === undefined && (await failure(view.get(name)))) broken.push(name)
    }
    expect(broken).to.deep.equal([])
  })

  it('refuses names that are not valid Unicode', async () => {
    const { barrier } = await opened()
    const view = barrier.view('a/')
    await view.put('\ufffd', 'mine')
    for (const name of ['\ud800', '\udfff', 'a\u0000b', ''])
      expect(await failure(view.put(name, 'theirs')), JSON.stringify(name)).to.be.an('error')
    expect(await view.get('\ufffd')).to.equal('mine')
  })

  it('lists 19,000 names without holding the event loop', async function () {
    this.timeout(60_000)
    const { barrier } = await opened()
    const view = barrier.view('a/')
    for (let at = 0; at < 19_000; at += 100) {
      await view.transaction(async (tx) => {
        for (let i = 0; i < 100; i++) tx.put(`name-${at + i}`, 1)
      })
    }
    for (const label of ['cold', 'warm'])
      expect(await turnsDuring(async () => view.list('', { after: 'name-9998', limit: 5 })), label).to.be.at.least(15)
  })
})
