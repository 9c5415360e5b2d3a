import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { StorageUnavailable } from '../../../src/contract/storage.ts'
import type { Storage } from '../../../src/contract/storage.ts'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { MemoryStorage } from '../../../src/storage/memory.ts'
import { SocketStorage } from '../../../src/storage/socket/member.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'
import { itIsAStorage } from '../../contracts/storage.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { overSocket, shared } from '../../support/processes/member.ts'
import type { Shared } from '../../support/processes/member.ts'

const value = Buffer.from('v')

itIsAStorage('SocketStorage over MemoryStorage', async () => overSocket(new MemoryStorage()))
itIsAStorage('SocketStorage over LevelStorage', async () => {
  const path = join(temporaryFolder(), 'data')
  const level = await LevelStorage.open(path, { create: true, clock: systemClock, log: silent })
  return overSocket(level)
})

describe('a storage shared over a socket', () => {
  let owner: MemoryStorage
  let socket: Shared
  beforeEach(async () => {
    owner = new MemoryStorage()
    socket = await shared(owner, 400)
  })
  afterEach(async () => socket.close())

  const put = async (storage: Storage, key: string) => storage.commit({ ops: [{ put: key, value }] })
  const outcome = async (done: Promise<unknown>): Promise<unknown> => done.catch((thrown: unknown) => thrown)

  it('answers a commit, by whomever, when every process has applied it', async () => {
    const members = [await socket.member(), await socket.member()]
    const seen: string[] = []
    for (const [at, storage] of [owner, ...members].entries())
      storage.watch(await storage.rev(), {
        changed: async (_, keys) => {
          await new Promise(setImmediate)
          seen.push(...keys.map((key) => `${at}:${key}`))
        },
        reset: () => {},
      })
    await put(owner, 'a')
    expect(seen.splice(0)).to.have.members(['0:a', '1:a', '2:a'])
    await put(members[1] as Storage, 'b')
    expect(seen.splice(0)).to.have.members(['0:b', '1:b', '2:b'])
  })

  it('cuts off a process that does not apply a change, and answers when that one serves no more', async () => {
    const member = await socket.member()
    let lost = 0
    member.watch(0n, { changed: async () => new Promise(() => {}), reset: () => {}, lost: () => void lost++ })
    expect(member.member.inService).to.equal(true)
    await put(owner, 'a')
    expect(member.member.inService).to.equal(false)
    expect(lost).to.equal(1)
    // The next one has nobody to wait for.
    await put(owner, 'b')
  })

  it('does not wait for a process that left', async () => {
    const member = await socket.member()
    member.watch(0n, { changed: async () => new Promise(() => {}), reset: () => {} })
    const committed = put(owner, 'a')
    await member.close()
    await committed
  })

  it('reports a lost owner, fails requests in progress, and reconnects', async () => {
    const member = await socket.member('one')
    const events: string[] = []
    member.watch(0n, {
      changed: () => {},
      reset: () => void events.push('reset'),
      lost: () => void events.push('lost'),
    })
    await member.rev()
    events.length = 0
    const asked = outcome(member.get(['a']))
    await socket.close()
    expect(await asked).to.be.instanceOf(StorageUnavailable)
    expect(events).to.deep.equal(['lost'])
    expect(member.member.inService).to.equal(false)
    expect(await outcome(member.rev())).to.be.instanceOf(StorageUnavailable)
  })

  it('refuses two of one name, names that are none, and a folder that others may enter', async () => {
    await socket.member('one')
    for (const name of ['one', '', 'a/b', 'x'.repeat(65)])
      expect(await outcome(SocketStorage.connect(socket.folder, name)), name).to.be.instanceOf(StorageUnavailable)
    await chmod(socket.folder, 0o755)
    expect(await outcome(SocketStorage.connect(socket.folder, 'two')))
      .to.have.property('message')
      .that.includes('0700')
  })

  it('reads a piece of a range in order with the changes, with the other keys that were asked for', async () => {
    const member = await socket.member()
    for (const key of ['p/a', 'p/b', 'q']) await put(owner, key)
    const order: string[] = []
    member.watch(await member.rev(), { changed: (_, keys) => void order.push(...keys), reset: () => {} })
    const range = { prefix: 'p/', from: 'p/', limit: 10, also: ['q', 'x'] }
    const visited = member.entries(range, ({ entries, more, read }) => {
      order.push('visited')
      expect(entries.map(({ key }) => key)).to.deep.equal(['p/a', 'p/b'])
      expect([more, read('q')?.key, read('x')]).to.deep.equal([false, 'q', undefined])
    })
    await visited
    await put(owner, 'p/c')
    expect(order).to.deep.equal(['visited', 'p/c'])
  })
})
