import { expect } from 'chai'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { KeyStore } from '../../src/keys/store.ts'
import { silent } from '../../src/util/log.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { devServer } from '../support/server.ts'
import { keySpec } from '../support/requests/key-spec.ts'

const hour = 3_600_000

describe('keys that rotate by themselves', () => {
  async function opened() {
    const { barrier } = await openBarrier()
    const clock = new HandClock()
    const open = () => new KeyStore({ view: barrier.view('mount/x/'), clock, log: silent }, randomBytes)
    return { clock, keys: open(), again: open }
  }
  const latest = async (keys: KeyStore, name: string) => (await keys.need(name)).record.latest

  it('rotate when their period has passed since the latest version, not before', async () => {
    const { clock, keys } = await opened()
    await keys.add(await keys.draft({ ...keySpec, name: 'hourly', autoRotatePeriod: 3600 }))
    await keys.add(await keys.draft({ ...keySpec, name: 'never', autoRotatePeriod: 0 }))
    clock.advance(hour - 1)
    await keys.rotateDue()
    expect(await latest(keys, 'hourly')).to.equal(1)
    clock.advance(1)
    await keys.rotateDue()
    await keys.rotateDue()
    expect([await latest(keys, 'hourly'), await latest(keys, 'never')]).to.deep.equal([2, 1])
    clock.advance(hour / 2)
    await keys.rotate('hourly')
    clock.advance(hour / 2)
    await keys.rotateDue()
    expect(await latest(keys, 'hourly'), 'a rotation by hand starts the period again').to.equal(3)
  })

  it('rotate once when the server was down for longer, and once when two servers are due together', async () => {
    const { clock, keys, again } = await opened()
    await keys.add(await keys.draft({ ...keySpec, name: 'k', autoRotatePeriod: 3600 }))
    clock.advance(10 * hour)
    await Promise.all([again().rotateDue(), again().rotateDue(), again().rotateDue()])
    expect(await latest(again(), 'k')).to.equal(2)
  })

  it('rotate no longer when the period is taken away, the key is soft-deleted, or removed', async () => {
    const { clock, keys } = await opened()
    for (const name of ['off', 'soft', 'gone', 'on'])
      await keys.add(await keys.draft({ ...keySpec, name, autoRotatePeriod: 3600 }))
    await keys.change('off', '', (key) => ({ ...key, autoRotatePeriod: 0 }))
    await keys.change('soft', '', (key) => ({
      ...key,
      state: { is: 'soft-deleted', deletedAt: clock.now(), purgeAt: null, before: 'enabled' },
    }))
    await keys.change('gone', '', () => undefined)
    clock.advance(2 * hour)
    await keys.rotateDue()
    expect(await Promise.all(['off', 'soft', 'on'].map((name) => latest(keys, name)))).to.deep.equal([1, 1, 2])
    expect(await keys.find('gone')).to.equal(undefined)
    await keys.change('soft', '', (key) => ({ ...key, state: { is: 'enabled' } }))
    await keys.rotateDue()
    expect(await latest(keys, 'soft'), 'after it was restored').to.equal(2)
  })

  it('are looked after by the server itself, every minute', async () => {
    const clock = new HandClock()
    const server = await devServer(clock)
    try {
      await server.data('POST', 'sys/mounts/t', { type: 'transit' })
      await server.data('POST', 't/keys/k', { auto_rotate_period: '1h' })
      clock.advance(hour)
      for (let turn = 0; turn < 200; turn++) {
        if ((await server.data('GET', 't/keys/k'))['latest_version'] === 2) return
      }
      expect.fail('the key was not rotated')
    } finally {
      await server.running.stop()
    }
  })
})
