import { expect } from 'chai'
import type { View } from '../../../src/contract/view.ts'
import type { Namespace } from '../../../src/core/namespaces/namespace.ts'
import type { UnsealedServer } from '../../../src/core/unsealed/unsealed-server.ts'
import type { Cubbyhole } from '../../../src/engines/cubbyhole/engine.ts'
import { Secret } from '../../../src/util/secret.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { FailingStorage } from '../../support/storages/failing-storage.ts'
import type { Failure } from '../../support/storages/failing-storage.ts'
import { mountSpec, unsealedCore } from '../../support/unsealed-core.ts'

async function setUp() {
  const clock = new HandClock()
  const storage = new FailingStorage()
  const { barrier } = await openBarrier(storage, clock)
  return { storage, view: barrier.view(''), open: async () => unsealedCore(barrier, clock) }
}

/** Names of all records below a folder. */
async function below(view: View, folder: string): Promise<string[]> {
  const names = await view.list(folder)
  const found = await Promise.all(
    names.map(async (name) => (name.endsWith('/') ? below(view, folder + name) : [folder + name])),
  )
  return found.flat()
}

const child = (core: UnsealedServer, name: string, parent = core.namespaces.root): Namespace => {
  const found = parent.children.get(name)
  if (!found) throw new Error(`no namespace ${name}`)
  return found
}

const spec = (core: UnsealedServer, namespace: Namespace, more = {}) =>
  core.tokens.create({
    type: 'service', namespace: namespace.id, policies: ['default'], path: 'auth/token/create', meta: null, displayName: 'token', ttl: 3600,
    explicitMaxTtl: 0, period: 0, numUses: 0, renewable: true, boundCidrs: [], entityId: '', ...more,
  }) // prettier-ignore

/** A namespace with something of everything in it; gives the bearer strings of its tokens. */
async function fill(core: UnsealedServer, namespace: Namespace): Promise<string[]> {
  await namespace.mounts.enable(mountSpec('kv/', 'kv'))
  const kv = namespace.mounts.router.mountOf('kv/')?.state as { readonly view?: View }
  expect(kv).to.not.equal(undefined)
  await namespace.policies.write('p', { policy: '# p' })
  await namespace.passwordPolicies.write('p', 'length = 9\nrule "charset" { charset = "xy" }')
  const first = await spec(core, namespace)
  const second = await spec(core, namespace, { parent: first.record })
  const orphan = await spec(core, namespace)
  const wrapped = await core.wrappings.wrap(namespace.id, {
    response: { data: { a: 'b' } }, requestId: 'r', creationPath: 'kv/a', creationTime: 0, creationTtl: 600,
  }) // prettier-ignore
  const drawers = namespace.mounts.router.mountOf('cubbyhole/')?.state as Cubbyhole
  for (const { record } of [first, second, orphan]) await drawers.view.put(`${record.id}/k`, { a: 'b' })
  return [first.token, second.token, orphan.token, wrapped.token]
}

const good = async (core: UnsealedServer, token: string): Promise<boolean> =>
  (await core.tokens.resolve(new Secret(token))) !== undefined

describe('the table of namespaces', () => {
  it('is the same after a restart: nested, annotated, locked, and with its data', async () => {
    const { open } = await setUp()
    const core = await open()
    await core.namespaces.set(core.namespaces.root, 'a', { owner: 'ann' })
    await core.namespaces.set(child(core, 'a'), 'ö b'.replace(' ', ''), {})
    const key = await core.namespaces.lock(child(core, 'a'))
    const tokens = await fill(core, child(core, 'öb', child(core, 'a')))
    const again = await open()
    expect(again.namespaces.all().map(({ path }) => path)).to.deep.equal(['', 'a/', 'a/öb/'])
    expect(child(again, 'a').record).to.deep.equal(child(core, 'a').record)
    expect(JSON.stringify(child(again, 'a').record)).to.not.include(key)
    expect(child(again, 'öb', child(again, 'a')).lockedBy()?.path).to.equal('a/')
    await again.namespaces.unlock(child(again, 'a'), key)
    expect(child(again, 'a').lockedBy()).to.equal(undefined)
    expect(await Promise.all(tokens.map(async (token) => good(again, token)))).to.deep.equal([true, true, true, true])
    expect(child(again, 'öb', child(again, 'a')).mounts.at('kv/')?.type).to.equal('kv')
  })

  for (const failure of ['refused', 'lost', 'done'] as const satisfies readonly Failure[])
    it(`making one is all or nothing, also when the storage has ${failure} the commit; the next try works`, async () => {
      const { open, storage, view } = await setUp()
      const core = await open()
      const before = await below(view, '')
      storage.plan = Array<Failure>(200).fill(failure)
      const made = await core.namespaces.set(core.namespaces.root, 'a', {}).then(
        () => true,
        () => false,
      )
      storage.plan = []
      const there = core.namespaces.root.children.has('a')
      const again = await open()
      expect(again.namespaces.root.children.has('a')).to.equal(there)
      if (!there) expect(await below(view, '')).to.deep.equal(before)
      if (made) expect(there).to.equal(true)
      await core.namespaces.set(core.namespaces.root, 'a', { x: 'y' })
      expect(
        child(core, 'a')
          .mounts.list('secret')
          .map(({ path }) => path),
      ).to.deep.equal(['cubbyhole/', 'identity/', 'sys/'])
      expect((await child(core, 'a').policies.list('')).sort()).to.deep.equal(['default', 'root'])
    })

  it('CVE-2019-18616, CVE-2026-42186: a removal continues after a kill at any point, and leaves nothing', async function () {
    this.timeout(120_000)
    let [survived, killed] = [0, 0]
    for (let step = 0; survived < 2; step++) {
      const { open, storage, view } = await setUp()
      const core = await open()
      const outside = (await spec(core, core.namespaces.root)).token
      const empty = await below(view, '')
      await core.namespaces.set(core.namespaces.root, 'a', {})
      const tokens = await fill(core, child(core, 'a'))
      const full = await below(view, '')
      storage.plan = Array<undefined>(step).fill(undefined)
      storage.always = 'refused'
      const failed = await core.namespaces
        .remove(core.namespaces.root, 'a')
        .then(async () => core.namespaces.purge())
        .then(
          () => false,
          () => true,
        )
      storage.plan = []
      storage.always = undefined
      if (failed) killed++
      else survived++
      const again = await open()
      const alive = await Promise.all(tokens.map(async (token) => good(again, token)))
      expect(alive, `step ${step}`).to.deep.equal(tokens.map(() => step === 0))
      expect(await good(again, outside)).to.equal(true)
      await again.namespaces.purge()
      expect((await below(view, '')).sort(), `step ${step}`).to.deep.equal((step === 0 ? full : empty).sort())
      expect(again.namespaces.root.children.has('a')).to.equal(step === 0)
      if (step === 0) continue
      await again.namespaces.set(again.namespaces.root, 'a', {})
      expect(await Promise.all(tokens.map(async (token) => good(again, token)))).to.not.include(true)
    }
    expect(killed).to.be.greaterThan(5)
  })

  it('tokens, namespaces and mounts that are made while it is removed make no difference', async () => {
    const { open, view } = await setUp()
    const core = await open()
    const before = (await below(view, '')).sort()
    await core.namespaces.set(core.namespaces.root, 'a', {})
    const inside = child(core, 'a')
    await core.namespaces.remove(core.namespaces.root, 'a')
    const late = await spec(core, inside)
    expect(await good(core, late.token)).to.equal(false)
    const refused = await Promise.allSettled([
      core.namespaces.set(inside, 'b', {}),
      inside.mounts.enable(mountSpec('kv/', 'kv')),
      core.namespaces.set(core.namespaces.root, 'a', {}),
      core.namespaces.lock(inside),
    ])
    expect(refused.map(({ status }) => status)).to.deep.equal(Array(4).fill('rejected'))
    await Promise.all([core.namespaces.purge(), core.namespaces.purge()])
    expect((await below(view, '')).sort()).to.deep.equal(before)
  })

  it('records of requests in progress during the removal are removed at the next start', async () => {
    const { open, view } = await setUp()
    const core = await open()
    const before = (await below(view, '')).sort()
    await core.namespaces.set(core.namespaces.root, 'a', {})
    await child(core, 'a').mounts.enable(mountSpec('kv/', 'kv'))
    const { policies } = child(core, 'a')
    await core.namespaces.remove(core.namespaces.root, 'a')
    await core.namespaces.purge()
    await policies.write('late', { policy: '# late' })
    expect(await below(view, '')).to.have.length(before.length + 1)
    await open()
    expect((await below(view, '')).sort()).to.deep.equal(before)
  })

  it('one that gets a child at the same moment is not removed, or the child is not made', async () => {
    for (let round = 0; round < 5; round++) {
      const { open } = await setUp()
      const core = await open()
      await core.namespaces.set(core.namespaces.root, 'a', {})
      const [removed, made] = await Promise.allSettled([
        core.namespaces.remove(core.namespaces.root, 'a'),
        core.namespaces.set(child(core, 'a'), 'b', {}),
      ])
      expect(removed.status === 'fulfilled').to.not.equal(made.status === 'fulfilled')
    }
  })

  it('only one of many simultaneous locks gets the unlock key', async () => {
    const { open } = await setUp()
    const core = await open()
    await core.namespaces.set(core.namespaces.root, 'a', {})
    const all = await Promise.allSettled(Array.from({ length: 20 }, async () => core.namespaces.lock(child(core, 'a'))))
    const keys = all.filter((one) => one.status === 'fulfilled').map(({ value }) => value)
    expect(keys).to.have.length(1)
    await core.namespaces.unlock(child(core, 'a'), keys[0])
  })
})
