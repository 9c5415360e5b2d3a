import { expect } from 'chai'
import type { Wrapped } from '../../src/contract/response.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { TokenStore } from '../../src/tokens/store.ts'
import { Wrappings } from '../../src/tokens/wrappings.ts'
import { Numeral } from '../../src/util/json.ts'
import { Secret } from '../../src/util/secret.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { FailingStorage } from '../support/storages/failing-storage.ts'

const content = (clock: HandClock, creationTtl = 60): Wrapped => ({
  response: { data: { key: 'opensesame', large: new Numeral('12345678901234567890') } },
  requestId: 'r',
  creationPath: 'kv/a',
  creationTime: clock.now(),
  creationTtl,
})

async function setUp() {
  const clock = new HandClock()
  const storage = new FailingStorage()
  const { barrier } = await openBarrier(storage, clock)
  const view = barrier.view('token/')
  const tokens = await TokenStore.open({
    view,
    clock,
    random: randomBytes,
    lives: () => true,
    onRevoke: undefined,
  })
  // The barrier sets aside its first block of encryptions when it has been opened.
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  /** Everything that is kept of tokens, but for the keys. */
  const kept = async () => {
    const folders = (await view.list('')).filter((name) => name !== 'keys')
    return (await Promise.all(folders.map(async (folder) => view.list(folder)))).flat()
  }
  return { clock, storage, tokens, wrappings: new Wrappings(tokens, clock, () => {}), kept }
}

const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => '',
    (thrown: unknown) => String(thrown),
  )

describe('wrappings', () => {
  it('carry a response, numbers included, to one of many simultaneous callers', async () => {
    const { wrappings, clock, kept } = await setUp()
    const bearer = new Secret((await wrappings.wrap('root', content(clock))).token)
    const taken = await Promise.all(Array.from({ length: 200 }, async () => wrappings.take(bearer, undefined)))
    const won = taken.filter((one) => one !== undefined)
    expect(won).to.have.length(1)
    expect(won[0]?.response.data).to.deep.equal({ key: 'opensesame', large: new Numeral('12345678901234567890') })
    expect(await kept()).to.deep.equal([])
  })

  it('leave nothing behind when they are taken, revoked, or expired', async () => {
    const { wrappings, tokens, clock, kept } = await setUp()
    const one = new Secret((await wrappings.wrap('root', content(clock))).token)
    await wrappings.take(one, undefined)
    expect(await kept()).to.deep.equal([])
    const { accessor } = await wrappings.wrap('root', content(clock))
    await tokens.revoke((await tokens.byAccessor('root', accessor))?.id ?? '')
    expect(await kept()).to.deep.equal([])
    const late = new Secret((await wrappings.wrap('root', content(clock, 1))).token)
    clock.advance(1000)
    expect(await wrappings.lookup(late)).to.equal(undefined)
    expect(await wrappings.take(late, undefined)).to.equal(undefined)
    clock.advance(60_000)
    await tokens.sweep(clock.now())
    expect(await kept()).to.deep.equal([])
  })

  it('are created and unwrapped completely or not at all', async () => {
    const { wrappings, clock, storage, kept } = await setUp()
    storage.plan = ['refused']
    expect(await failure(wrappings.wrap('root', content(clock)))).not.to.equal('')
    expect(await kept()).to.deep.equal([])
    const bearer = new Secret((await wrappings.wrap('root', content(clock))).token)
    storage.plan = ['refused']
    expect(await failure(wrappings.take(bearer, undefined))).not.to.equal('')
    expect((await wrappings.take(bearer, undefined))?.requestId).to.equal('r')
    expect(await wrappings.take(bearer, undefined)).to.equal(undefined)
  })

  it('are never lost by a rewrap: whichever commit fails, one of the two tokens unwraps', async () => {
    for (const plan of [['refused'], [undefined, 'refused'], [undefined, 'lost']] as const) {
      const { wrappings, clock, storage } = await setUp()
      const bearer = new Secret((await wrappings.wrap('root', content(clock))).token)
      storage.plan = [...plan]
      expect(await failure(wrappings.rewrap(bearer, undefined))).not.to.equal('')
      storage.plan = []
      expect((await wrappings.take(bearer, undefined))?.requestId, String(plan)).to.equal('r')
    }
  })

  it('go to one of many simultaneous rewraps', async () => {
    const { wrappings, clock, kept } = await setUp()
    const bearer = new Secret((await wrappings.wrap('root', content(clock))).token)
    const won = (await Promise.all(Array.from({ length: 20 }, async () => wrappings.rewrap(bearer, undefined)))).filter(
      (one) => one !== undefined,
    )
    expect(won).to.have.length(1)
    expect(await wrappings.lookup(bearer)).to.equal(undefined)
    expect((await wrappings.take(new Secret(won[0]?.token ?? ''), undefined))?.creationPath).to.equal('kv/a')
    expect(await kept()).to.deep.equal([])
  })

  it('live as long as asked for, but no longer than before', async () => {
    const { wrappings, clock } = await setUp()
    const first = await wrappings.wrap('root', content(clock, 90))
    const second = await wrappings.rewrap(new Secret(first.token), undefined, 10)
    expect(second).to.include({ ttl: 10, creation_path: 'kv/a' })
    expect(await wrappings.rewrap(new Secret(second?.token ?? ''), undefined, 500)).to.include({ ttl: 10 })
  })
})
