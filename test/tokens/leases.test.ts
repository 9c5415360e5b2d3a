import { expect } from 'chai'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { TokenLeases } from '../../src/tokens/token-leases.ts'
import { TokenStore } from '../../src/tokens/store.ts'
import type { TokenSpec } from '../../src/contract/identity.ts'
import { Secret } from '../../src/util/secret.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { FailingStorage } from '../support/storages/failing-storage.ts'

const spec = (path: string, more: Partial<TokenSpec> = {}): TokenSpec => ({
  type: 'service', namespace: 'root', policies: ['p'], path, meta: null, displayName: 'token', ttl: 3600, explicitMaxTtl: 0, period: 0, numUses: 0, renewable: true, boundCidrs: [], entityId: '', ...more,
}) // prettier-ignore

async function setUp() {
  const clock = new HandClock()
  const storage = new FailingStorage()
  const { barrier } = await openBarrier(storage, clock)
  const view = barrier.view('token/')
  const open = async () => TokenStore.open({ view, clock, random: randomBytes, lives: () => true, onRevoke: undefined })
  const store = await open()
  return { clock, storage, view, open, store, leases: new TokenLeases(store) }
}

const good = async (store: TokenStore, token: string): Promise<boolean> =>
  (await store.resolve(new Secret(token))) !== undefined

describe('leases of tokens', () => {
  it('CVE-2020-25816: a batch token has none, and neither has a root token that the server made by itself', async () => {
    const { store, leases } = await setUp()
    const { record } = await store.create(spec('auth/token/create', { type: 'batch' }))
    await store.createRoot()
    expect(await leases.list('root', '')).to.deep.equal([])
    expect(await leases.lookup('root', `auth/token/create/${record.id}`)).to.equal(undefined)
  })

  it('are created and removed with the token, however it ends', async () => {
    const { store, leases, clock } = await setUp()
    const made = [
      await store.create(spec('auth/a/login')),
      await store.create(spec('auth/a/login')),
      await store.create(spec('auth/a/login', { ttl: 60 })),
      await store.create(spec('auth/a/login', { numUses: 1 })),
      await store.create(spec('auth/a/login')),
    ] as const
    expect(await leases.list('root', 'auth/a/login')).to.have.members(made.map(({ record }) => record.id))
    await store.revoke(made[0].record.id)
    await leases.revoke('root', `auth/a/login/${made[1].record.id}`)
    await store.revokeSpent(made[3].record)
    clock.advance(120_000)
    await store.sweep(clock.now())
    expect(await leases.list('root', 'auth/a/login/')).to.deep.equal([made[4].record.id])
    await store.revokeOrphaning(made[4].record.id)
    expect(await leases.list('root', '')).to.deep.equal([])
  })

  it('revocations by prefix and of tokens apply at once without a notification', async () => {
    const { store, storage } = await setUp()
    const [first, second] = [await store.create(spec('auth/a/login')), await store.create(spec('auth/b/login'))]
    expect([await good(store, first.token), await good(store, second.token)]).to.deep.equal([true, true])
    storage.plan = ['done']
    expect(await store.revokePrefix('root', 'auth/a').catch(() => 'failed')).to.equal('failed')
    storage.plan = ['done']
    expect(await store.revoke(second.record.id).catch(() => 'failed')).to.equal('failed')
    expect([await good(store, first.token), await good(store, second.token)]).to.deep.equal([false, false])
  })

  it('a lease belongs to its token under its own path only, and while the token is valid', async () => {
    const { store, leases, clock } = await setUp()
    const { record } = await store.create(spec('auth/a/login/ann'))
    expect((await leases.lookup('root', `auth/a/login/ann/${record.id}`))?.id).to.equal(record.id)
    for (const other of ['auth/a/login', 'auth/a/login/ann/', 'auth/b/login/ann', 'x', ''])
      expect(await leases.lookup('root', `${other}/${record.id}`), other).to.equal(undefined)
    for (const odd of [
      '',
      '/',
      record.id,
      `auth/a/login/ann/${record.id}/`,
      `auth/a/login/ann/${record.id.toUpperCase()}`,
    ])
      expect(await leases.lookup('root', odd), odd).to.equal(undefined)
    clock.advance(3_600_000)
    expect(await leases.lookup('root', `auth/a/login/ann/${record.id}`)).to.equal(undefined)
  })

  it('0.6.0: a prefix ends at a slash, and ends nothing beside it', async () => {
    const { store, leases } = await setUp()
    const under = [await store.create(spec('auth/a/login/ann')), await store.create(spec('auth/a/login/ann/x'))]
    const child = await store.create(spec('auth/token/create', { parent: under[0]?.record as never }))
    const batch = await store.create(spec('auth/token/create', { parent: under[0]?.record as never, type: 'batch' }))
    const beside = [
      await store.create(spec('auth/a/login/anna')),
      await store.create(spec('auth/a/login')),
      await store.create(spec('auth/aa/login/ann')),
      await store.create(spec('auth/a/login/ann', { type: 'batch' })),
    ]
    await leases.revokePrefix('root', 'auth/a/login/ann', true)
    for (const { token } of [...under, child, batch]) expect(await good(store, token)).to.equal(false)
    for (const { token } of beside) expect(await good(store, token)).to.equal(true)
    expect(await leases.list('root', 'auth/a/login'))
      .to.include('anna/')
      .and.not.to.include('ann/')
  })

  it('0.11.3: paths with any letters are found again', async () => {
    const { store, leases } = await setUp()
    for (const odd of ['a.b', '.', 'a~-_', 'ü €', '%2F', '*', 'lease', 'x'.repeat(300)]) {
      const { token, record } = await store.create(spec(`auth/m/login/${odd}`))
      expect(await leases.list('root', `auth/m/login/${odd}`), odd).to.deep.equal([record.id])
      await leases.revokePrefix('root', `auth/m/login/${odd}`, true)
      expect(await good(store, token), odd).to.equal(false)
    }
    expect(await leases.list('root', '')).to.deep.equal([])
  })

  it('a prefix may be one lease', async () => {
    const { store, leases } = await setUp()
    const [one, other] = [await store.create(spec('auth/a/login')), await store.create(spec('auth/a/login'))]
    await leases.revokePrefix('root', `auth/a/login/${one.record.id}`, true)
    expect([await good(store, one.token), await good(store, other.token)]).to.deep.equal([false, true])
  })

  it('a revocation without waiting applies at once; tokens created afterwards are valid, whatever the clock says', async () => {
    const { store, leases, clock, open } = await setUp()
    const before = [await store.create(spec('auth/a/login')), await store.create(spec('auth/a/login'))]
    expect(await good(store, before[0]?.token ?? '')).to.equal(true)
    await leases.revokePrefix('root', 'auth/a', false)
    clock.advance(-3_600_000)
    const after = await store.create(spec('auth/a/login', { ttl: 7200 }))
    for (const running of [store, await open()]) {
      for (const { token, record } of before) {
        expect(await good(running, token)).to.equal(false)
        expect(await running.byAccessor('root', record.accessor)).to.equal(undefined)
      }
      expect(await good(running, after.token)).to.equal(true)
    }
    await leases.sweep()
    expect(await leases.list('root', 'auth/a/login')).to.deep.equal([after.record.id])
    expect(await store.accessors('root')).to.deep.equal([after.record.accessor])
  })

  it('end all or not at all if a crash interrupts it at any commit, and are removed after the restart', async () => {
    let survived = 0
    for (let step = 0; step < 20; step++) {
      const { store, leases, storage, open } = await setUp()
      const parent = await store.create(spec('auth/a/login'))
      const made = [
        parent,
        await store.create(spec('auth/a/login')),
        await store.create(spec('auth/a/login/b', { parent: parent.record })),
        await store.create(spec('auth/token/create', { parent: parent.record })),
      ]
      const beside = await store.create(spec('auth/b/login'))
      storage.plan = Array<undefined>(step).fill(undefined)
      storage.always = 'lost'
      const failed = await leases.revokePrefix('root', 'auth/a', true).then(
        () => false,
        () => true,
      )
      storage.plan = []
      storage.always = undefined
      if (!failed) survived++
      const again = await open()
      const alive = await Promise.all(made.map(async ({ token }) => good(again, token)))
      expect(new Set(alive).size, `step ${step}: ${String(alive)}`).to.equal(1)
      expect(alive[0], `step ${step}`).to.equal(step === 0)
      expect(await good(again, beside.token)).to.equal(true)
      await new TokenLeases(again).sweep()
      await again.tidy('root')
      const left = step === 0 ? [...made, beside] : [beside]
      expect(await again.accessors('root'), `step ${step}`).to.have.members(left.map(({ record }) => record.accessor))
    }
    expect(survived, 'the last steps are beyond the last commit').to.be.greaterThan(0)
  })

  it('tidying removes entries without a token and no other', async () => {
    const { store, leases, view } = await setUp()
    const { record } = await store.create(spec('auth/a/login'))
    await view.put(`lease/auth/a/login/${'0'.repeat(64)}`, true)
    leases.tidySoon()
    await leases.sweep()
    expect(await leases.list('root', 'auth/a/login')).to.deep.equal([record.id])
  })
})
