import { expect } from 'chai'
import { Identity } from '../../../src/engines/identity/identity.ts'
import { entityById, findAlias, removeEntity } from '../../../src/engines/identity/entities.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import type { Transaction, View } from '../../../src/contract/view.ts'
import { silent } from '../../../src/util/log.ts'
import { randomUUID } from 'node:crypto'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'

const mountAccessor = 'auth_userpass_1'

const identityOn = (view: View): Identity =>
  new Identity(
    {
      view,
      clock: new HandClock(),
      log: silent,
      accessor: 'identity_1',
      namespace: 'root',
      limits: () => ({ defaultTtl: 1, maxTtl: 1 }),
      mayLogIn: () => true,
    },
    {
      mountsOf: () => [],
      above: () => [],
      pathOf: () => '',
      apiAddress: () => '',
      uuid: randomUUID,
      random: randomBytes,
    },
  )

/** A view whose transactions do something else, once, behind the first read of a record in a folder. */
function interrupted(view: View, folder: string, meanwhile: () => Promise<void>): View {
  let isDone = false
  const wrapped = (tx: Transaction): Transaction =>
    Object.assign(Object.create(tx) as Transaction, {
      get: async (name: string, shape: never): Promise<unknown> => {
        const found: unknown = await tx.get(name, shape)
        if (!isDone && name.startsWith(folder)) {
          isDone = true
          await meanwhile()
        }
        return found
      },
      put: (name: string, value: unknown) => tx.put(name, value),
      del: (name: string) => tx.del(name),
      unchanged: (name: string) => tx.unchanged(name),
    })
  return Object.assign(Object.create(view) as View, {
    get: async (name: string, shape: never) => view.get(name, shape),
    list: async (name: string) => view.list(name),
    watch: (name: string, changed: never) => view.watch(name, changed),
    transaction: async <T>(work: (tx: Transaction) => Promise<T>) => view.transaction(async (tx) => work(wrapped(tx))),
  })
}

describe('identity, when an entity is removed between two reads', () => {
  const prepared = async (folder: string) => {
    const view = (await openBarrier()).barrier.view('identity/')
    const identity = identityOn(view)
    const { entity } = await identity.arrive({ mountAccessor, name: 'anna', metadata: {} })
    const remove = async () =>
      view.transaction(async (tx) => {
        const found = await entityById(tx, entity.id)
        if (found) await removeEntity(identity, tx, found)
      })
    return { entity, other: identityOn(interrupted(view, folder, remove)) }
  }

  it('a login makes another one', async () => {
    const { entity, other } = await prepared('alias-name/')
    const { entity: made } = await other.arrive({ mountAccessor, name: 'anna', metadata: { changed: 'yes' } })
    expect(made.id).to.not.equal(entity.id)
  })

  it('its alias is not found, and nothing is called damaged', async () => {
    const { entity, other } = await prepared('alias/')
    expect(await findAlias(other, entity.aliases[0]?.id ?? '')).to.equal(undefined)
  })
})
