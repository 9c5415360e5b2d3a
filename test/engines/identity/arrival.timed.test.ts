import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { plainConfig } from '../../../src/contract/mount.ts'
import type { View } from '../../../src/contract/view.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { freshAlias, freshEntity, writeAlias } from '../../../src/engines/identity/entities.ts'
import { Identity } from '../../../src/engines/identity/identity.ts'
import { at } from '../../../src/engines/identity/names.ts'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { silent } from '../../../src/util/log.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'

const accessors = ['auth_userpass_00000001', 'auth_approle_00000002']

/** On LevelDB: the storage in memory scans its names. */
async function opened(): Promise<Identity> {
  const { barrier } = await openBarrier(
    await LevelStorage.open(temporaryFolder(), { create: true, clock: new HandClock(), log: silent }),
  )
  const view: View = barrier.view('mount/identity/')
  const limits = () => ({ defaultTtl: plainConfig.default_lease_ttl, maxTtl: plainConfig.max_lease_ttl })
  const host = { view, clock: new HandClock(), log: silent, accessor: 'identity_00000000', namespace: 'root', limits }
  return new Identity(
    { ...host, mayLogIn: () => true },
    {
      mountsOf: () => [],
      above: () => [],
      pathOf: () => '',
      apiAddress: () => '',
      uuid: randomUUID,
      random: randomBytes,
    },
  )
}

/** Entities with two aliases each, 250 in a commit. */
async function fill(identity: Identity, count: number): Promise<void> {
  for (let made = 0; made < count; made += 250)
    await identity.view.transaction(async (tx) => {
      for (let one = made; one < made + 250; one++) {
        const name = `user-${one}`
        const aliases = accessors.map((mountAccessor) => freshAlias(identity, { name, mountAccessor, metadata: null }))
        const entity = { ...freshEntity(identity), name, aliases }
        tx.put(at.entity(entity.id), entity)
        tx.put(at.entityName(name), { id: entity.id })
        for (const alias of aliases) writeAlias(tx, entity.id, alias)
      }
    })
}

/** The median time of logins that make an entity each, and of logins of entities that are there, milliseconds. */
async function times(identity: Identity, round: number): Promise<{ readonly first: number; readonly later: number }> {
  const medianOf = async (): Promise<number> => {
    const taken: number[] = []
    for (let one = 0; one < 200; one++) {
      const begun = performance.now()
      await identity.arrive({ mountAccessor: accessors[one % 2] as string, name: `n-${round}-${one}`, metadata: {} })
      taken.push(performance.now() - begun)
    }
    return taken.sort((a, b) => a - b)[100] as number
  }
  return { first: await medianOf(), later: await medianOf() }
}

describe('logins among 20,000 entities', function () {
  this.timeout(600_000)

  it('take as long as among a few', async () => {
    const [few, many] = [await opened(), await opened()]
    await fill(many, 20_000)
    for (const identity of [few, many]) await times(identity, 0)
    // Turn by turn, so that a busy machine slows down both. A scan would take a thousand times as long.
    const ratios = { first: [] as number[], later: [] as number[] }
    for (let round = 1; round <= 5; round++) {
      const [a, b] = [await times(few, round), await times(many, round)]
      ratios.first.push(b.first / a.first)
      ratios.later.push(b.later / a.later)
    }
    const median = (values: number[]): number => values.sort((a, b) => a - b)[2] as number
    console.log(`      first ${median(ratios.first).toFixed(2)}, later ${median(ratios.later).toFixed(2)}`)
    expect(median(ratios.later)).to.be.lessThan(1.5)
    expect(median(ratios.first)).to.be.lessThan(2.5)
  })
})
