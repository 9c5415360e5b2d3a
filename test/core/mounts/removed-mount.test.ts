import { expect } from 'chai'
import { defineEngine } from '../../../src/contract/engine.ts'
import type { EngineHost } from '../../../src/contract/engine.ts'
import type { UnsealedServer } from '../../../src/core/unsealed/unsealed-server.ts'
import type { Cubbyhole } from '../../../src/engines/cubbyhole/engine.ts'
import { Secret } from '../../../src/util/secret.ts'
import { passphraseEngine } from '../../auth/passphrase/engine.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { FailingStorage } from '../../support/storages/failing-storage.ts'
import { mountSpec, unsealedCore } from '../../support/unsealed-core.ts'

const spec = {
  type: 'service', namespace: 'root', policies: ['default'], meta: null, displayName: '', ttl: 3600, explicitMaxTtl: 0, period: 0,
  numUses: 0, renewable: true, boundCidrs: [], entityId: '',
} as const // prettier-ignore

const valid = async ({ tokens }: UnsealedServer, token: string): Promise<boolean> =>
  (await tokens.resolve(new Secret(token))) !== undefined

describe('the removal of a mount', () => {
  it('ends its watches of records, and a move does not', async () => {
    const clock = new HandClock()
    const { barrier } = await openBarrier(new FailingStorage(), clock)
    let seen = 0
    const watching = defineEngine<EngineHost>({
      type: 'watching',
      kind: 'secret',
      about: 'Counts the changes of its records.',
      start: (host) => {
        host.view.under('a/').watch('', () => void seen++)
        return host
      },
      routes: [],
    })
    const { mounts } = (await unsealedCore(barrier, clock, [watching])).namespaces.root
    await mounts.enable(mountSpec('w/', 'watching', 'secret'))
    const mount = mounts.router.mountOf('w/')
    if (!mount) throw new Error('not mounted')
    const { view } = mount.state as EngineHost
    await view.put('a/x', {})
    await mounts.move('w/', 'v/')
    await view.put('a/y', {})
    expect(seen).to.equal(2)
    await mounts.disable('v/')
    expect([seen, await view.list('a/')]).to.deep.equal([2, []])
  })

  it('a mount that cannot start, and is tried again, leaves no watches', async () => {
    const clock = new HandClock()
    const { barrier } = await openBarrier(new FailingStorage(), clock)
    let [seen, starts] = [0, 0]
    const failing = defineEngine<EngineHost>({
      type: 'failing',
      kind: 'secret',
      about: 'Starts at the third attempt.',
      start: async (host) => {
        host.view.watch('', () => void seen++)
        if (++starts < 3) throw new Error('its records cannot be read')
        return host
      },
      routes: [],
    })
    const { namespaces, freshness } = await unsealedCore(barrier, clock, [failing])
    const { mounts } = namespaces.root
    await mounts.enable(mountSpec('w/', 'failing', 'secret')).catch(() => {})
    while (mounts.at('w/') === undefined && starts < 5) await freshness.ready()
    await (mounts.stateAt('w/') as EngineHost).view.put('x', {})
    expect([starts, seen]).to.deep.equal([3, 1])
  })
})

describe('the removal of an auth mount', () => {
  it('that a crash interrupts is completed at the next start: its tokens, their children, their cubbyholes', async () => {
    const clock = new HandClock()
    const { barrier } = await openBarrier(new FailingStorage(), clock)
    const open = async () => unsealedCore(barrier, clock, [passphraseEngine])
    const core = await open()
    const { mounts } = core.namespaces.root
    await mounts.enable(mountSpec('people/', 'passphrase', 'auth'))
    const record = mounts.at('auth/people/')
    if (!record) throw new Error('not mounted')
    const first = await core.tokens.create({ ...spec, path: 'auth/people/login/a', mount: record.uuid })
    const below = await core.tokens.create({ ...spec, path: 'auth/token/create', parent: first.record })
    const batch = await core.tokens.create({ ...spec, path: 'auth/people/login/a', type: 'batch', mount: record.uuid })
    const other = await core.tokens.create({ ...spec, path: 'auth/people/login/a' })
    const cubbyhole = mounts.router.mountOf('cubbyhole/')?.state as Cubbyhole
    const drawers = cubbyhole.view
    for (const { id } of [first.record, below.record, other.record]) await drawers.put(`${id}/k`, { a: 'b' })
    for (const { token } of [first, below, batch, other]) expect(await valid(core, token)).to.equal(true)

    await barrier.view('').put(`mounts/${record.uuid}`, { ...record, removing: true })
    for (const { token } of [first, below, batch]) expect(await valid(core, token)).to.equal(false)
    const again = await open()
    for (const { token } of [first, below, batch]) expect(await valid(again, token)).to.equal(false)
    expect(await valid(again, other.token)).to.equal(true)
    expect(await again.tokens.accessors('root')).to.deep.equal([other.record.accessor])
    expect(await drawers.list('')).to.deep.equal([`${other.record.id}/`])
    expect(await barrier.view(`mount/${record.uuid}/`).list('')).to.deep.equal([])
    expect(await barrier.view('mounts/').get(record.uuid)).to.equal(undefined)
  })
})
