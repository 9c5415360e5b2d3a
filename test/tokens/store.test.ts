import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { expect } from 'chai'
import type { View } from '../../src/contract/view.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { TokenStore } from '../../src/tokens/store.ts'
import type { TokenSpec } from '../../src/contract/identity.ts'
import { Secret } from '../../src/util/secret.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'

const spec = (more: Partial<TokenSpec> = {}): TokenSpec => ({
  type: 'service', namespace: 'root', policies: ['p'], path: 'auth/token/create', meta: null, displayName: 'token', ttl: 3600, explicitMaxTtl: 0, period: 0, numUses: 0, renewable: true, boundCidrs: [], entityId: '', ...more,
}) // prettier-ignore

async function setUp(clock = new HandClock()) {
  const { barrier } = await openBarrier(undefined, clock)
  const view = barrier.view('token/')
  const ended: string[] = []
  const open = async (on: View = view) => {
    const store = await TokenStore.open({
      view: on,
      clock,
      random: randomBytes,
      lives: () => true,
      onRevoke: async ({ id }) => void ended.push(id),
    })
    await store.finishRevocations()
    return store
  }
  return { clock, view, ended, open, store: await open() }
}

const good = async (store: TokenStore, token: string): Promise<boolean> =>
  (await store.resolve(new Secret(token))) !== undefined

describe('token store', () => {
  it('finds its tokens by string and by accessor, also after a restart', async () => {
    const { store, open } = await setUp()
    const { token, record } = await store.create(spec())
    expect(await good(store, token)).to.equal(true)
    const again = await open()
    expect(await good(again, token)).to.equal(true)
    expect((await again.byAccessor('root', record.accessor))?.id).to.equal(record.id)
  })

  it('finding 3: accepts one spelling of a token only', async () => {
    const { store } = await setUp()
    const { token } = await store.create(spec())
    const last = token.at(-1) as string
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const variants = [
      `${token}=`,
      ` ${token}`,
      `${token} `,
      `${token}\n`,
      `${token}.`,
      token.replace('.', '..'),
      token.slice(0, -1),
      ...Array.from(letters)
        .filter((letter) => letter !== last)
        .map((letter) => token.slice(0, -1) + letter),
    ]
    for (const variant of variants) expect(await good(store, variant), variant).to.equal(false)
    expect(await good(store, token)).to.equal(true)
  })

  it('jwt class: refuses other algorithms, keys and claims', async () => {
    const { store } = await setUp()
    const { token } = await store.create(spec())
    const [, body = ''] = token.split('.')
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const signed = (header: unknown, payload: string): string =>
      `${part(header)}.${payload}.${sign(null, Buffer.from(`${part(header)}.${payload}`), privateKey).toString('base64url')}`
    const hmac = `${part({ alg: 'HS256', typ: 'strongroom-token+jwt' })}.${body}`
    const forged = [
      `${part({ alg: 'none', typ: 'strongroom-token+jwt' })}.${body}.`,
      `${part({ alg: 'none' })}.${body}.AA`,
      `${hmac}.${createHmac('sha256', publicKey.export({ format: 'pem', type: 'spki' }))
        .update(hmac)
        .digest('base64url')}`,
      signed({ alg: 'EdDSA', typ: 'strongroom-token+jwt' }, body),
      signed({ alg: 'EdDSA', typ: 'strongroom-token+jwt', jwk: publicKey.export({ format: 'jwk' }) }, body),
      signed({ alg: 'EdDSA', typ: 'strongroom-token+jwt', kid: '../../x', jku: 'http://127.0.0.1/' }, body),
      'a'.repeat(9000),
    ]
    for (const bad of forged) expect(await good(store, bad), bad.slice(0, 60)).to.equal(false)
  })

  it('0.10.2: refuses an expired token at once, also after a restart with the clock moved', async () => {
    const { store, clock, open } = await setUp()
    const { token } = await store.create(spec({ ttl: 60 }))
    expect(await good(store, token)).to.equal(true)
    clock.advance(59_999)
    expect(await good(store, token)).to.equal(true)
    clock.advance(1)
    expect(await good(store, token)).to.equal(false)
    expect(await good(await open(), token)).to.equal(false)
  })

  it('counts uses exactly under 200 parallel requests', async () => {
    const { store } = await setUp()
    const { token } = await store.create(spec({ numUses: 7 }))
    const record = await store.resolve(new Secret(token))
    if (!record) throw new Error('no record')
    const outcomes: Awaited<ReturnType<TokenStore['use']>>[] = []
    for (let round = 0; round < 5; round++)
      outcomes.push(...(await Promise.all(Array.from({ length: 40 }, async () => store.use(record)))))
    expect(outcomes.filter((outcome) => outcome !== 'spent')).to.have.length(7)
    expect(outcomes.filter((outcome) => outcome !== 'spent' && outcome.last)).to.have.length(1)
  })

  it('revokes the whole tree below a revoked token, batch children too, and nothing beside it', async () => {
    const { store } = await setUp()
    const parent = await store.create(spec())
    const child = await store.create(spec({ parent: parent.record }))
    const grandchild = await store.create(spec({ parent: child.record }))
    const batch = await store.create(spec({ type: 'batch', parent: child.record }))
    const beside = await store.create(spec())
    await store.revoke(parent.record.id)
    for (const { token } of [parent, child, grandchild, batch]) expect(await good(store, token)).to.equal(false)
    expect(await good(store, beside.token)).to.equal(true)
    expect(await store.accessors('root')).to.deep.equal([beside.record.accessor])
  })

  it('revokes the tree even if a crash interrupts it at any commit, and completes it after the restart', async () => {
    for (let step = 1; step < 12; step++) {
      const { store, view, ended, open } = await setUp()
      const parent = await store.create(spec())
      const children = [
        await store.create(spec({ parent: parent.record })),
        await store.create(spec({ parent: parent.record })),
      ]
      const grandchild = await store.create(spec({ parent: children[0]?.record as never }))
      let commits = -Infinity
      const failing = failAt(view, () => ++commits === step)
      const crashed = await open(failing)
      commits = 0
      await crashed.revoke(parent.record.id).catch(() => {})
      const again = await open()
      const alive = await good(again, parent.token)
      // Either nothing happened at all (the first commit failed), or everything below is dead at once.
      for (const { token } of [...children, grandchild])
        expect(await good(again, token), `step ${step}`).to.equal(alive)
      if (alive) continue
      expect(await again.accessors('root'), `step ${step}`).to.deep.equal([])
      expect(ended, `step ${step}: told of each`).to.include.members(
        [parent, ...children, grandchild].map(({ record }) => record.id),
      )
    }
  })

  it('orphans live on when their parent is revoked alone', async () => {
    const { store } = await setUp()
    const parent = await store.create(spec())
    const child = await store.create(spec({ parent: parent.record }))
    await store.revokeOrphaning(parent.record.id)
    expect(await good(store, parent.token)).to.equal(false)
    expect(await good(store, child.token)).to.equal(true)
  })

  it('sweeps expired tokens, children first or not', async () => {
    const { store, clock } = await setUp()
    for (let at = 0; at < 30; at++) await store.create(spec({ ttl: 10 + at }))
    const kept = await store.create(spec({ ttl: 7000 }))
    clock.advance(120_000)
    for (let turn = 0; turn < 5; turn++) await store.sweep(clock.now())
    expect(await store.accessors('root')).to.deep.equal([kept.record.accessor])
  })

  it('applies changes of another store on the same records at once, and keeps unrelated tokens cached', async () => {
    const { store, open } = await setUp()
    const other = await open()
    const [parent, another, leased] = [await store.create(spec()), await store.create(spec()), await store.create(spec({ path: 'auth/ldap/login' }))] // prettier-ignore
    const child = await store.create(spec({ parent: parent.record }))
    for (const { token } of [parent, another, leased, child]) expect(await good(other, token)).to.equal(true)
    // Synchronous: from the cache.
    expect(other.resolve(new Secret(another.token))).to.include({ id: another.record.id })
    await store.create(spec())
    expect(other.resolve(new Secret(another.token))).to.include({ id: another.record.id })

    await store.revoke(parent.record.id)
    expect([await good(other, parent.token), await good(other, child.token)]).to.deep.equal([false, false])
    expect([await good(other, another.token), await good(other, leased.token)]).to.deep.equal([true, true])

    await store.revokePrefix('root', 'auth/ldap')
    expect([await good(other, another.token), await good(other, leased.token)]).to.deep.equal([true, false])

    const renewed = await store.renew(another.record, 7200)
    expect((await other.resolve(new Secret(another.token)))?.expiresAt).to.equal(renewed?.expiresAt)
  })

  it('binds tokens to addresses', async () => {
    const { store } = await setUp()
    const { record } = await store.create(spec({ boundCidrs: ['10.0.0.0/8', '::1/128'] }))
    expect([
      store.allowsAddress(record, '10.9.9.9'),
      store.allowsAddress(record, '11.0.0.1'),
      store.allowsAddress(record, '::1'),
      store.allowsAddress(record, 'rubbish'),
    ]).to.deep.equal([true, false, true, false])
  })
})

/** A view whose commits fail when asked to, as a crash would make them. */
function failAt(view: View, fails: () => boolean): View {
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    if (fails()) throw new Error('crash')
    return work()
  }
  return {
    get: view.get.bind(view),
    stored: view.stored.bind(view),
    list: async (folder, page) => view.list(folder, page),
    count: async (folder) => view.count(folder),
    put: async (name, value) => guard(async () => view.put(name, value)),
    del: async (name) => guard(async () => view.del(name)),
    transaction: async (work) => guard(async () => view.transaction(work)),
    clear: async (folder) => view.clear(folder),
    under: (folder) => failAt(view.under(folder), fails),
    watch: (folder, changed) => view.watch(folder, changed),
  }
}
