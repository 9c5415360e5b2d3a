import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { Fault } from '../../src/contract/fault.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { LevelStorage } from '../../src/storage/level/level.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silent } from '../../src/util/log.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { temporaryFolder } from '../support/folder.ts'
import { turnsDuring } from '../support/processes/event-loop-turns.ts'

const faultOf = async (work: Promise<unknown>): Promise<Fault> => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(thrown).to.be.instanceOf(Fault)
  return thrown as Fault
}

describe('barrier', () => {
  it('refuses a wrong root key and stays sealed', async () => {
    const { barrier, root } = await openBarrier()
    barrier.seal()
    expect(await barrier.unseal(randomBytes(32))).to.equal(false)
    expect(barrier.sealed).to.equal(true)
    expect(await barrier.unseal(root)).to.equal(true)
  })

  it('refuses every operation while sealed', async () => {
    const { barrier } = await openBarrier()
    const view = barrier.view('a/')
    await view.put('x', 1)
    barrier.seal()
    expect((await faultOf(view.get('x'))).code).to.equal('sealed')
  })

  it('behaves like a map under any sequence of operations', async () => {
    const names = fc.constantFrom('a', 'b', 'dir/a', 'dir/b', 'dir/deep/x', 'ü/ß')
    const step = fc.oneof(
      fc.record({ do: fc.constant('put'), name: names, value: fc.jsonValue() }),
      fc.record({ do: fc.constant('del'), name: names, value: fc.constant(null) }),
      fc.record({ do: fc.constant('rotate'), name: names, value: fc.constant(null) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const { barrier } = await openBarrier()
        const [view, twin] = [barrier.view('v/'), new Map<string, string>()]
        for (const { do: what, name, value } of steps) {
          if (what === 'put') {
            await view.put(name, value)
            twin.set(name, JSON.stringify(value))
          } else if (what === 'del') {
            await view.del(name)
            twin.delete(name)
          } else await barrier.rotate()
        }
        for (const name of ['a', 'b', 'dir/a', 'dir/b', 'dir/deep/x', 'ü/ß'])
          expect(JSON.stringify(await view.get(name))).to.equal(twin.get(name))
        const direct = [
          ...new Set([...twin.keys()].map((name) => (name.includes('/') ? `${name.split('/')[0]}/` : name))),
        ]
        expect(await view.list('')).to.deep.equal(direct.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
      }),
      { numRuns: 60 },
    )
  })

  it('finds a record that was changed in any byte, cut, swapped or moved', async () => {
    const { barrier, storage } = await openBarrier()
    const before = (await storage.list('e/', { limit: 100 })).keys
    await barrier.view('t/').put('one', { secret: 'first' })
    await barrier.view('t/').put('two', { secret: 'second' })
    const keys = (await storage.list('e/', { limit: 100 })).keys.filter((key) => !before.includes(key))
    const entries = await storage.get(keys)
    const records = entries.filter((entry) => entry !== undefined)
    const fresh = async (key: string, value: Uint8Array): Promise<void> => {
      await storage.commit({ ops: [{ put: key, value }] })
    }
    const [one, two] = records.slice(-2) as [(typeof records)[0], (typeof records)[0]]
    const names = ['one', 'two']
    const readAll = async () =>
      Promise.allSettled(
        names.map(async (name) => barrier.view('t/').get(name) as Promise<{ secret: string } | undefined>),
      )
    const broken = async (): Promise<number> =>
      (await readAll()).filter((result) => result.status === 'rejected').length
    for (let at = 0; at < one.value.length; at++) {
      const bad = Uint8Array.from(one.value)
      bad[at] = (bad[at] as number) ^ 1
      await fresh(one.key, bad)
      expect(await broken(), `byte ${at}`).to.equal(1)
    }
    for (let size = 0; size < one.value.length; size += 7) {
      await fresh(one.key, one.value.slice(0, size))
      expect(await broken(), `cut to ${size}`).to.equal(1)
    }
    await fresh(one.key, two.value)
    await fresh(two.key, one.value)
    expect(await broken(), 'swapped').to.equal(2)
    await fresh(one.key, one.value)
    await fresh(two.key, two.value)
    expect(await broken()).to.equal(0)
  })

  it('0.7.1: leaves neither names nor values in the files', async () => {
    const path = join(temporaryFolder(), 'db')
    const storage = await LevelStorage.open(path, { clock: systemClock, log: silent, create: true })
    const { barrier } = await openBarrier(storage)
    for (let at = 0; at < 200; at++)
      await barrier.view('planted-folder/').put(`planted-name-${at}`, { planted: `planted-value-${at}` })
    barrier.seal()
    await storage.close()
    for (const file of readdirSync(path))
      expect(readFileSync(join(path, file)).includes('planted'), file).to.equal(false)
  })

  it('reads records of old terms after rotations, and counts terms', async () => {
    const { barrier } = await openBarrier()
    const view = barrier.view('v/')
    for (let term = 1; term <= 5; term++) {
      await view.put(`t${term}`, term)
      await barrier.rotate()
    }
    expect(barrier.keyStatus().term).to.equal(6)
    for (let term = 1; term <= 5; term++) expect(await view.get(`t${term}`)).to.equal(term)
  })

  it('never counts too few encryptions, also after a crash', async () => {
    const clock = new HandClock()
    const { barrier, storage, root } = await openBarrier(undefined, clock)
    for (let at = 0; at < 50; at++) await barrier.view('v/').put(`n${at}`, at)
    const before = barrier.keyStatus().encryptions
    const again = new (barrier.constructor as new (parts: object) => typeof barrier)({
      storage,
      clock,
      random: randomBytes,
    })
    await again.unseal(root)
    expect(again.keyStatus().encryptions).to.be.at.least(before)
  })

  it('GCM limits: rotates by itself when the configuration says so', async () => {
    const clock = new HandClock()
    const { barrier } = await openBarrier(undefined, clock)
    await barrier.configureRotation({ maxOperations: 3_865_470_566, interval: 86_400, enabled: true })
    expect(await barrier.rotateIfDue()).to.equal(false)
    clock.advance(86_400_000)
    expect(await barrier.rotateIfDue()).to.equal(true)
    expect(barrier.keyStatus().term).to.equal(2)
  })

  it('counts exactly under 100 transactions at once', async () => {
    const { barrier } = await openBarrier()
    const view = barrier.view('v/')
    const add = async () =>
      view.transaction(async (tx) => {
        tx.put('n', (((await tx.get('n')) as number | undefined) ?? 0) + 1)
      })
    await Promise.all(Array.from({ length: 30 }, add))
    expect(await view.get('n')).to.equal(30)
  })

  it('lists 100,000 names in order, a thousand at most between two turns of the event loop', async function () {
    this.timeout(120_000)
    const { barrier } = await openBarrier()
    const view = barrier.view('many/')
    for (let from = 0; from < 100_000; from += 100)
      await view.transaction(async (tx) => {
        for (let at = from; at < from + 100; at++) tx.put(`name-${String(at).padStart(6, '0')}`, 1)
      })
    let names: readonly string[] = []
    // How long it takes is measured in bench/list.ts.
    expect(await turnsDuring(async () => (names = await view.list('')))).to.be.at.least(100)
    expect(names).to.have.length(100_000)
    expect(names[99_999]).to.equal('name-099999')
  })
})
