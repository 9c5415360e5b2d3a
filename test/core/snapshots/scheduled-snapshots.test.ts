import { readdirSync } from 'node:fs'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { FolderStore } from '../../../src/backups/folder-store.ts'
import { ScheduledSnapshots } from '../../../src/core/snapshots/scheduled/scheduled-snapshots.ts'
import type { ScheduledStatus } from '../../../src/core/snapshots/scheduled/scheduled-snapshots.ts'
import { Events } from '../../../src/core/telemetry/events.ts'
import { silent } from '../../../src/util/log.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { FailingStorage } from '../../support/storages/failing-storage.ts'

const day = 86_400_000

/** Scheduled snapshots with a maker that makes small files, or does what a test says. */
async function scheduling(save: () => Promise<Readable> = async () => Readable.from([Buffer.from('snapshot')])) {
  const [root, clock, storage] = [temporaryFolder(), new HandClock(), new FailingStorage()]
  const { barrier } = await openBarrier(storage, clock)
  let saved = 0
  const snapshots = {
    save: async (): Promise<Readable> => {
      saved++
      return save()
    },
    verify: async (file: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const _ of file);
    },
  }
  const view = barrier.view('core/snapshot-auto/')
  const scheduled = new ScheduledSnapshots({ view, snapshots, clock, log: silent, events: new Events(silent), cluster: () => undefined, root }) // prettier-ignore
  await scheduled.write('a', { interval: 86_400, retain: 2, storage_type: 'local' })
  scheduled.start()
  /** Moves the clock, and waits until one was made and is over. */
  const after = async (ms: number, holds: (status: ScheduledStatus) => boolean): Promise<ScheduledStatus> => {
    clock.advance(ms)
    for (const end = Date.now() + 5000; ;) {
      const status = await scheduled.status('a')
      if (!status.attempt && holds(status)) return status
      if (Date.now() > end) throw new Error(`it did not come: ${JSON.stringify(status)}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return { scheduled, view, storage, clock, after, files: () => readdirSync(root).sort(), saved: () => saved }
}
const kept = ({ state }: ScheduledStatus): readonly string[] => state?.kept.map(({ name }) => name) ?? []

describe('scheduled snapshots', () => {
  it('count, and are removed in their turn, while the storage takes no writes', async () => {
    const { scheduled, storage, after, files, saved } = await scheduling()
    await after(10_000, (status) => kept(status).length === 1)
    storage.always = 'refused'
    await after(day, (status) => kept(status).length === 2)
    for (let at = 0; at < 20; at++) await after(10_000, () => true)
    expect(saved()).to.equal(2)
    const third = await after(day, ({ state }) => new Date(state?.good?.at ?? 0).getUTCDate() === 3)
    expect(files()).to.deep.equal(kept(third))
    expect(files()).to.have.length(2)
    storage.always = undefined
    await after(10_000, () => true)
    await scheduled.stop()
    expect(kept(await scheduled.status('a'))).to.deep.equal(files())
  })

  it('go on after the clock was ahead', async () => {
    const { scheduled, clock, after } = await scheduling()
    await after(400 * day, (status) => kept(status).length === 1)
    await scheduled.stop()
    clock.advance(-399 * day)
    scheduled.start()
    const [measured] = await scheduled.measure()
    expect(measured?.age).to.equal(day)
    const status = await after(10_000, ({ state }) => (state?.good?.at ?? Infinity) <= clock.now())
    expect(status.next).to.equal((status.state?.good?.at ?? 0) + day)
    await scheduled.stop()
  })

  it('do not keep a seal waiting when a folder hangs, and begin again once it is over', async () => {
    let answer: (file: Readable) => void = () => {}
    const { scheduled, clock, after, saved } = await scheduling(
      async () => new Promise<Readable>((resolve) => (answer = resolve)),
    )
    clock.advance(10_000)
    while (saved() === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const stopped = scheduled.stop()
    clock.advance(2000)
    await stopped
    scheduled.start()
    clock.advance(10_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(saved()).to.equal(1)
    answer(Readable.from([Buffer.from('late')]))
    while (saved() === 1) {
      clock.advance(10_000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    answer(Readable.from([Buffer.from('snapshot')]))
    const status = await after(0, (one) => kept(one).length === 1)
    expect(status.state?.failures).to.equal(0)
    await scheduled.stop()
  })

  it('go on beside a configuration whose record is damaged', async () => {
    const { scheduled, view, after } = await scheduling()
    await view.put('config/0', { interval: 'damaged' })
    await after(10_000, (status) => kept(status).length === 1)
    expect((await scheduled.measure()).map(({ config }) => config)).to.deep.equal(['a'])
    await scheduled.stop()
  })

  it('leave no file that does not count, when the folder fails after it has its name', async () => {
    const root = temporaryFolder()
    const store = new FolderStore({ root, below: '', unfinished: '.part', signal: new AbortController().signal })
    const written = await store.write('a', Readable.from([Buffer.from('snapshot')]))
    await written.keep()
    expect(readdirSync(root)).to.deep.equal(['a'])
    await written.discard()
    expect(readdirSync(root)).to.deep.equal([])
  })

  it('have an interval of a year at most', async () => {
    const { scheduled } = await scheduling()
    const refused = await scheduled
      .write('b', { interval: 1e14, storage_type: 'local', path_prefix: 'b' })
      .catch(String)
    expect(refused).to.include('366 days')
    await scheduled.stop()
  })
})
