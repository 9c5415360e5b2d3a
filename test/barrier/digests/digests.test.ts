import { expect } from 'chai'
import * as fc from 'fast-check'
import { EncryptedBarrier } from '../../../src/barrier/barrier.ts'
import { Coverage } from '../../../src/barrier/digests/coverage.ts'
import { commitName } from '../../../src/barrier/commit-count.ts'
import { unwrapKeyring } from '../../../src/barrier/keyring.ts'
import { Names } from '../../../src/barrier/names.ts'
import { Fault } from '../../../src/contract/fault.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { silent } from '../../../src/util/log.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { OpenStorage } from '../../support/storages/open-storage.ts'
import type { Disk } from '../../support/storages/open-storage.ts'

const watched = [
  'mounts/a',
  'mount/u/key/orders',
  'mount/u/key/deep/er/name',
  'mount/u/role/r',
  'mount/u/config',
  'mount/u/config/keys',
  'core/audit/device/file',
  'core/policy/acl/default',
  'core/quota/rule/q',
  'core/namespace/root/team',
  'core/token/id/0a',
  'core/token/id/0b',
  'core/token/accessor/x',
  'core/token/lease/auth/token/create/0a',
  'core/token/condemned/n',
  'core/token/namespace/abc/lease/auth/0c',
  'namespace/n/mounts/m',
  'namespace/n/core/policy/acl/p',
  'namespace/n/mount/m/key/k',
] as const
const unwatched = ['core/token/due/1/2/0a', 'core/token/child/0a/0b', 'mount/u/value/1/1', 'mount/u/secret/a', 'mount/u/0a/x'] // prettier-ignore

const over = (storage: OpenStorage) => new EncryptedBarrier({ storage, clock: new HandClock(), random: randomBytes })
const copyOf = (disk: Disk): Disk => new Map(disk)
const failure = async (task: Promise<unknown>) => task.then(() => undefined, (thrown: unknown) => thrown) // prettier-ignore

/** The names of a store. */
function namesOf(disk: Disk, root: Uint8Array): Names {
  const keyring = unwrapKeyring(disk.get('keyring')?.value as Uint8Array, root)
  if (!keyring) throw new Error('another root key')
  return new Names(keyring.nameKey)
}

type Step = { readonly put: string; readonly value: number } | { readonly del: string } | 'rotate' | 'reopen' | 'both'

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ put: fc.constantFrom(...watched, ...unwatched), value: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ del: fc.constantFrom(...watched, ...unwatched) }) },
  { weight: 1, arbitrary: fc.constantFrom('rotate' as const, 'reopen' as const, 'both' as const) },
)

/** Removes a record, puts an older one back, or gives it another revision. */
function tamper(
  disk: Disk,
  key: string,
  how: 'remove' | 'put back' | 'revision',
  { old, rev }: { readonly old: ReturnType<Disk['get']>; readonly rev: bigint },
): void {
  const record = disk.get(key)
  if (how === 'remove' || (how === 'put back' && !old)) disk.delete(key)
  else if (how === 'put back' && old) disk.set(key, old)
  else if (record) disk.set(key, { value: record.value, rev })
}

/** What was done to a store, state by state, and what it has to have in the end. */
async function history(steps: readonly Step[]) {
  const { barrier: first, storage, root } = await openBarrier(new OpenStorage())
  const { disk } = storage as OpenStorage
  const states = [copyOf(disk)]
  const model = new Map<string, number>()
  let barrier = first
  for (const one of steps) {
    const view = barrier.view('')
    if (one === 'rotate') await barrier.rotate()
    else if (one === 'reopen') {
      // Killed: nothing is closed.
      barrier = over(storage as OpenStorage)
      await barrier.unseal(root)
    } else if (one === 'both')
      await view.transaction(async (tx) => {
        for (const name of ['core/token/id/0a', 'core/policy/acl/default']) tx.put(name, model.size)
        for (const name of ['core/token/id/0a', 'core/policy/acl/default']) model.set(name, model.size)
      })
    else if ('put' in one) await view.put(one.put, one.value).then(() => model.set(one.put, one.value))
    else await view.del(one.del).then(() => model.delete(one.del))
    states.push(copyOf(disk))
  }
  return { states, model, root, rev: await storage.rev() }
}

describe('digests of records', function () {
  this.timeout(120_000)

  it('match whatever the server does and whenever it stops, if nobody else changes the disk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const { states, root, model, rev } = await history(steps)
        const barrier = over(new OpenStorage(states.at(-1), rev))
        expect(await barrier.unseal(root)).to.equal(true)
        await barrier.sweep()
        for (const name of [...watched, ...unwatched])
          if (name !== 'core/token/id/0a' && name !== 'core/policy/acl/default')
            expect(await barrier.view('').get(name)).to.equal(model.get(name))
      }),
      { numRuns: 15 },
    )
  })

  it('detect every record that was removed, restored, moved or given another revision', async () => {
    const touch = fc.record({
      which: fc.nat(),
      from: fc.nat(),
      how: fc.constantFrom('remove' as const, 'put back' as const, 'revision' as const),
    })
    let noticed = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 2, maxLength: 14 }),
        fc.array(touch, { minLength: 1, maxLength: 4 }),
        async (steps, touches) => {
          const { states, root, rev } = await history(steps)
          const honest = states.at(-1) as Disk
          const names = namesOf(honest, root)
          const places = new Map(watched.map((name) => [names.seal(name), name]))
          const all = [...new Set(states.flatMap((state) => [...state.keys()]))].sort()
          const digests = all.filter((key) => !key.startsWith('e/'))
          const mine = [...new Set([...all.filter((key) => places.has(key)), ...digests])]
          const disk = copyOf(honest)
          for (const { which, from, how } of touches) {
            const key = mine[which % mine.length] as string
            tamper(disk, key, how, { old: (states[from % states.length] as Disk).get(key), rev: rev + 1n })
          }
          const same = (a: Disk, b: Disk): boolean =>
            mine.every((key) => a.get(key)?.value === b.get(key)?.value && (key.startsWith('d') || a.get(key)?.rev === b.get(key)?.rev)) // prettier-ignore
          if (same(disk, honest)) return
          noticed++
          const barrier = over(new OpenStorage(disk, rev))
          const thrown = await failure(barrier.unseal(root))
          if (thrown !== undefined) {
            expect(thrown).to.be.instanceOf(Fault).and.to.include({ code: 'precondition_failed' })
            expect(barrier.sealed).to.equal(true)
            return
          }
          // Without a keyring nothing opens.
          if (barrier.sealed) return
          for (const [key, name] of places)
            if (disk.get(key)?.value !== honest.get(key)?.value || disk.get(key)?.rev !== honest.get(key)?.rev)
              expect(await failure(barrier.view('').get(name)), name).to.be.instanceOf(Fault).and.to.include({ code: 'internal' }) // prettier-ignore
        },
      ),
      { numRuns: 60 },
    )
    expect(noticed).to.be.greaterThan(20)
  })

  it('cover writes into a bucket before its check', async () => {
    const { barrier, storage, root } = await openBarrier(new OpenStorage())
    const { disk } = storage as OpenStorage
    await barrier.view('').put('mount/u/key/a', 1)
    const old = copyOf(disk)
    await barrier.view('').put('mount/u/key/a', 2)
    const place = namesOf(disk, root).seal('mount/u/key/a')
    disk.set(place, old.get(place) as never)
    const again = over(new OpenStorage(disk, await storage.rev()))
    await again.unseal(root)
    await again.view('').put('mount/u/key/b', 1)
    await again.view('').put('mount/u/key/a', 3)
    expect(await failure(again.view('').get('mount/u/key/a'))).to.include({ code: 'internal' })
  })

  it('keep a store from before them: it is taken over once, and then their absence is damage', async () => {
    const { barrier, storage, root } = await openBarrier(new OpenStorage())
    const { disk } = storage as OpenStorage
    for (const name of watched) await barrier.view('').put(name, name)
    const before = await asBefore(disk, root)
    const taken = over(new OpenStorage(before, await storage.rev()))
    await taken.unseal(root)
    expect(taken.keyStatus().term).to.equal(2)
    expect(taken.commits.found, 'commits, which it did not number').to.equal(0)
    for (const name of watched) expect(await taken.view('').get(name)).to.equal(name)
    for (const key of before.keys()) if (key.startsWith('d')) before.delete(key)
    const again = over(new OpenStorage(before, (await storage.rev()) + 100n))
    expect(await failure(again.unseal(root))).to.include({ code: 'precondition_failed' })
  })

  it('damage is accepted by its own code only, and counts from then on', async () => {
    const { barrier, storage, root } = await openBarrier(new OpenStorage())
    const { disk } = storage as OpenStorage
    for (const name of watched) await barrier.view('').put(name, name)
    const names = namesOf(disk, root)
    disk.delete(names.seal('core/audit/device/file'))
    disk.delete(names.seal('core/token/id/0a'))
    const rev = await storage.rev()
    const refusal = String(await failure(over(new OpenStorage(disk, rev)).unseal(root, 'check')))
    const code = /accept-storage=([0-9a-f]{16}) /.exec(refusal)?.[1] as string
    expect(String(await failure(over(new OpenStorage(disk, rev)).unseal(root, 'check')))).to.include(code)
    disk.delete(names.seal('core/policy/acl/default'))
    expect(String(await failure(over(new OpenStorage(disk, rev)).unseal(root, code)))).to.not.include(code)
    const more = /accept-storage=([0-9a-f]{16}) /.exec(String(await failure(over(new OpenStorage(disk, rev)).unseal(root, 'check'))))?.[1] // prettier-ignore
    const opened = over(new OpenStorage(disk, rev))
    expect(await opened.unseal(root, more)).to.equal(true)
    await opened.sweep()
    expect(await opened.view('').get('core/token/id/0a')).to.equal(undefined)
    const again = over(new OpenStorage(disk, rev + 100n))
    expect(await again.unseal(root)).to.equal(true)
    expect(await again.view('').get('core/token/id/0b')).to.equal('core/token/id/0b')
  })

  it('every record of docs/formats.md that security rests on is watched over, and nothing else', async () => {
    const { storage, root } = await openBarrier(new OpenStorage())
    const names = namesOf((storage as OpenStorage).disk, root)
    const coverage = new Coverage(names)
    for (const name of watched) expect(coverage.of(names.seal(name)).by, name).to.not.equal('nothing')
    for (const name of unwatched) expect(coverage.of(names.seal(name)).by, name).to.equal('nothing')
  })

  it('a bucket that is checked while it changes is right: 20 writers, 1500 records, many pieces', async () => {
    const storage = await LevelStorage.open(temporaryFolder(), { clock: new HandClock(), log: silent, create: true })
    const { barrier, root } = await openBarrier(storage)
    const names = Array.from({ length: 1500 }, (_, at) => `core/token/lease/a/${at}`)
    for (let at = 0; at < names.length; at += 100)
      await barrier.view('').transaction(async (tx) => names.slice(at, at + 100).forEach((name) => tx.put(name, 1)))
    barrier.seal()
    await barrier.unseal(root)
    const checking = barrier.sweep()
    await Promise.all(
      names.map(async (name, at) => (at % 3 === 0 ? barrier.view('').del(name) : barrier.view('').put(name, at))),
    )
    await checking
    expect(await barrier.view('').get('core/token/lease/a/1')).to.equal(1)
    barrier.seal()
    await barrier.unseal(root)
    await barrier.sweep()
    expect(await barrier.view('core/token/lease/').list('a/')).to.have.length(1000)
    await storage.close()
  })
})

/** The disk as a release without digests, which did not number commits either, leaves it. */
async function asBefore(disk: Disk, root: Uint8Array): Promise<Disk> {
  const { wrapKeyring } = await import('../../../src/barrier/keyring.ts')
  const keyring = unwrapKeyring(disk.get('keyring')?.value as Uint8Array, root)
  if (!keyring) throw new Error('another root key')
  const commit = namesOf(disk, root).seal(commitName)
  const before = new Map([...disk].filter(([key]) => !key.startsWith('d') && key !== commit))
  const value = wrapKeyring({ ...keyring, digests: false }, root, randomBytes)
  before.set('keyring', { value, rev: disk.get('keyring')?.rev ?? 0n })
  return before
}
