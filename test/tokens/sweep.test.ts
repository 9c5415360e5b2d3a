import { expect } from 'chai'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { TokenStore } from '../../src/tokens/store.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import type { View } from '../../src/contract/view.ts'

describe('sweeping tokens that have expired', () => {
  it('reads due records and few others, however many there are', async function () {
    this.timeout(60_000)
    const clock = new HandClock()
    const { barrier } = await openBarrier(undefined, clock)
    let names = 0
    const view: View = Object.assign(Object.create(barrier.view('token/')) as View, {
      list: async (folder: string) => {
        const found = await barrier.view('token/').list(folder)
        names += found.length
        return found
      },
    })
    for (const method of ['get', 'stored', 'put', 'del', 'transaction', 'clear', 'under', 'watch'] as const)
      Object.assign(view, { [method]: barrier.view('token/')[method].bind(barrier.view('token/')) })
    const store = await TokenStore.open({ view, clock, random: randomBytes, lives: () => true, onRevoke: undefined })
    for (let minute = 0; minute < 3000; minute += 50)
      await Promise.all(
        Array.from({ length: 50 }, async (_, at) =>
          store.create({
            type: 'service', namespace: 'root', policies: ['p'], path: 'auth/token/create', meta: null, displayName: 'token', ttl: 60 * (minute + at + 1), explicitMaxTtl: 0, period: 0, numUses: 0, renewable: true, boundCidrs: [], entityId: '',
          }),
        ),
      ) // prettier-ignore
    names = 0
    await store.sweep(clock.now())
    expect(names).to.be.below(150)
    clock.advance(3 * 60_000)
    await store.sweep(clock.now())
    expect(await store.accessors('root')).to.have.length(2997)
  })
})
