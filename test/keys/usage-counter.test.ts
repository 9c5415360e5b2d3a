import { expect } from 'chai'
import * as fc from 'fast-check'
import type { View } from '../../src/contract/view.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { mostMessages, usageAt } from '../../src/keys/usage-counter.ts'
import type { KeyUsage } from '../../src/keys/usage-counter.ts'
import type { BeforeChange } from '../../src/contract/route.ts'
import type { LiveKey } from '../../src/keys/live-key.ts'
import { KeyStore } from '../../src/keys/store.ts'
import { silent } from '../../src/util/log.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { FailingStorage } from '../support/storages/failing-storage.ts'
import type { Failure } from '../support/storages/failing-storage.ts'
import { unaudited, keySpec } from '../support/requests/key-spec.ts'

const message = Buffer.from('m')

/** A mount on a storage that fails when told to; `start` is a server that knows only what was stored. */
async function mount(limit = mostMessages) {
  const storage = new FailingStorage()
  const { barrier } = await openBarrier(storage)
  const clock = new HandClock()
  const view: View = barrier.view('mount/x/')
  const start = () => new KeyStore({ view, clock, log: silent }, randomBytes, limit)
  const reserved = async (keys: KeyStore): Promise<number[]> => {
    const used = await keys.usage.of((await keys.need('k')).record)
    return [...used.values()].map(({ encryptions }) => encryptions ?? -1)
  }
  return { storage, view, clock, start, reserved }
}
/** As a route calls it: a promise, whether the key makes one or not. */
const encryptWith = async (key: LiveKey, version = 0, beforeChange: BeforeChange = unaudited): Promise<number> =>
  (await key.encrypt(message, version, {}, beforeChange)).version
const encrypt = async (keys: KeyStore, version = 0): Promise<number | string> =>
  encryptWith(await keys.need('k'), version).catch((fault: Error) => fault.message)

describe('the count of encryptions', () => {
  it('GCM limits (no CVE): is limited to nine tenths of 2^32', () => {
    expect(mostMessages).to.equal(Math.floor(0.9 * 2 ** 32))
  })

  it('GCM limits (no CVE): is never too low, whatever is killed or fails', async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ server: fc.nat(1), messages: fc.integer({ min: 1, max: 3000 }) }) },
        { weight: 2, arbitrary: fc.record({ kill: fc.nat(1) }) },
        {
          weight: 1,
          arbitrary: fc.record({ failures: fc.array(fc.constantFrom<Failure>('refused', 'lost', 'done')) }),
        },
      ),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { storage, start, reserved } = await mount()
        const servers = [start(), start()]
        await (servers[0] as KeyStore).add(await (servers[0] as KeyStore).draft(keySpec))
        let given = 0
        for (const step of all) {
          if ('failures' in step) storage.plan = [...step.failures]
          else if ('kill' in step) servers[step.kill] = start()
          else {
            const keys = servers[step.server] as KeyStore
            const meter = keys.usage.counterOf((await keys.need('k')).record, 1)
            const take = async (): Promise<boolean> => meter.take(unaudited)
            const made = await Promise.all(Array.from({ length: step.messages }, () => take().catch(() => false)))
            given += made.filter(Boolean).length
            const [counted = 0] = await reserved(start())
            expect(counted).to.be.at.least(given)
          }
        }
      }),
      { numRuns: 25 },
    )
  }).timeout(60_000)

  it('costs a write per block, and blocks grow', async () => {
    const { storage, start, reserved } = await mount()
    const keys = start()
    await keys.add(await keys.draft(keySpec))
    const before = storage.commits
    for (let count = 0; count < 20_000; count++) await encrypt(keys)
    expect(storage.commits - before).to.be.lessThan(8)
    expect((await reserved(keys))[0]).to.be.within(20_000, 70_000)
  })

  it('rotates the key at the limit, and no message is refused', async () => {
    const { start, reserved } = await mount(5000)
    const keys = start()
    await keys.add(await keys.draft(keySpec))
    const versions: unknown[] = []
    for (let round = 0; round < 110; round++)
      versions.push(...(await Promise.all(Array.from({ length: 100 }, () => encrypt(keys)))))
    const by = (version: number) => versions.filter((made) => made === version).length
    expect([by(1), by(2), by(3)]).to.deep.equal([5000, 5000, 1000])
    expect((await reserved(start()))[0]).to.equal(5000)
  })

  it('refuses a requested version that is exhausted, and a key that must not rotate, and names the remedy', async () => {
    const { start } = await mount(1000)
    const keys = start()
    await keys.add({ ...(await keys.draft(keySpec)), origin: 'imported' })
    const made = await Promise.all(Array.from({ length: 1002 }, () => encrypt(keys)))
    expect(made.filter((version) => version === 1)).to.have.length(1000)
    expect(made.at(-1)).to.contain('imported without allow_rotation')
    expect(await encrypt(keys, 1))
      .to.contain('as many messages as is safe')
      .and.to.contain('rotate')
    const again = start()
    expect(await encrypt(again), 'after a restart').to.contain('imported')
    await again.change('k', '', (key) => ({ ...key, importRotates: true }))
    expect(await encrypt(again)).to.equal(2)
    expect(await encrypt(again, 1)).to.contain('as many messages as is safe')
  })

  it('fails closed: without a count, nothing is encrypted', async () => {
    const { storage, start } = await mount()
    await start().add(await start().draft(keySpec))
    storage.always = 'refused'
    const keys = start()
    const fault = await encryptWith(await keys.need('k')).catch((thrown: unknown) => thrown)
    expect(fault).to.be.instanceOf(Error)
    storage.always = undefined
    expect(await encrypt(keys)).to.equal(1)
  })

  it('is changed only by a request in the audit log: a first block, one ahead, an exhausted key', async () => {
    const { storage, start } = await mount(1000)
    const keys = start()
    await keys.add(await keys.draft(keySpec))
    const refused = async (): Promise<void> => Promise.reject(new Error('no audit device'))
    const attempt = async (): Promise<unknown> =>
      encryptWith(await keys.need('k'), 0, refused).catch(({ message: why }: Error) => why)
    const before = storage.commits
    expect(await attempt()).to.equal('no audit device')
    expect(storage.commits).to.equal(before)
    expect(await encrypt(keys)).to.equal(1)
    const reserved = storage.commits
    for (let count = 0; count < 999; count++) expect(await attempt()).to.equal(1)
    expect(await attempt()).to.equal('no audit device')
    expect(storage.commits).to.equal(reserved)
    expect(await encrypt(keys)).to.equal(2)
  })

  it('goes with the key: another one of its name begins at zero, and versions that were trimmed are forgotten', async () => {
    const { view, start, reserved } = await mount()
    const keys = start()
    await keys.add(await keys.draft(keySpec))
    const { record } = await keys.need('k')
    await encrypt(keys)
    const old = await keys.need('k')
    await keys.change('k', '', () => undefined)
    expect(await view.get(usageAt(record.uuid))).to.equal(undefined)
    // What is under way still has the old key in hand.
    for (let count = 0; count < 3000; count++) await encryptWith(old).catch(() => {})
    await keys.tidy()
    expect(await view.get(usageAt(record.uuid)), 'nothing comes back').to.equal(undefined)
    await keys.add(await keys.draft(keySpec))
    expect(await reserved(keys)).to.deep.equal([0])
    await encrypt(keys)
    await keys.rotate('k')
    await keys.change('k', '', ({ versions: { 2: second }, ...key }) => ({
      ...key,
      minAvailable: 2,
      minDecryption: 2,
      minEncryption: 2,
      versions: { 2: second as NonNullable<typeof second> },
    }))
    await encrypt(keys)
    const now = (await keys.need('k')).record
    const { versions } = (await view.get(usageAt(now.uuid))) as KeyUsage
    expect(Object.keys(versions)).to.deep.equal([now.versions[2]?.id])
  })
})

describe('the last use of a key', () => {
  it('is known at once in this process, stored within a minute, and then once an hour', async () => {
    const { storage, clock, start } = await mount()
    const keys = start()
    await keys.add(await keys.draft({ ...keySpec, type: 'xchacha20-poly1305' }))
    const last = async (server: KeyStore) => {
      const used = await server.usage.of((await server.need('k')).record)
      return used.get(1)?.lastUsedAt
    }
    expect(await last(keys)).to.equal(0)
    const made = await (await keys.need('k')).encrypt(message, 0, {}, unaudited)
    const first = clock.now()
    expect([await last(keys), await last(start())]).to.deep.equal([first, 0])
    await keys.tidy()
    expect(await last(start())).to.equal(first)
    const before = storage.commits
    for (let minute = 0; minute < 59; minute++) {
      clock.advance(60_000)
      await (await keys.need('k')).decrypt(made, {})
      await keys.tidy()
    }
    expect([storage.commits - before, await last(keys), await last(start())]).to.deep.equal([0, clock.now(), first])
    clock.advance(60_000)
    await (await keys.need('k')).decrypt(made, {})
    await keys.tidy()
    expect([storage.commits - before, await last(start())]).to.deep.equal([1, clock.now()])
  })
})
