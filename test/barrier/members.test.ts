import { expect } from 'chai'
import { EncryptedBarrier } from '../../src/barrier/barrier.ts'
import { Fault } from '../../src/contract/fault.ts'
import { StorageUnavailable } from '../../src/contract/storage.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { openBarrier } from '../support/barrier.ts'
import { HandClock } from '../support/clock.ts'
import { MemoryStorage } from '../../src/storage/memory.ts'
import { OpenStorage } from '../support/storages/open-storage.ts'
import { shared } from '../support/processes/member.ts'
import type { Shared } from '../support/processes/member.ts'

const parts = { clock: new HandClock(), random: randomBytes }
const outcome = async (done: Promise<unknown>): Promise<unknown> => done.catch((thrown: unknown) => thrown)

describe('barriers of several processes on one storage', () => {
  let owner: EncryptedBarrier
  let member: EncryptedBarrier
  let root: Uint8Array
  let socket: Shared
  const storage = () => socket.member('one')
  const losses: string[] = []
  let disk: MemoryStorage

  beforeEach(async () => {
    losses.length = 0
    disk = new MemoryStorage()
    const opened = await openBarrier(disk)
    owner = opened.barrier
    root = opened.root
    owner.attach(() => undefined)
    socket = await shared(owner.shared)
    member = new EncryptedBarrier({ ...parts, storage: await storage(), onLost: (why) => losses.push(why) })
    await member.unseal(root)
  })
  afterEach(async () => {
    member.seal()
    await socket.close()
  })

  it("read each other's records, under terms that either began", async () => {
    for (const [at, [writer, reader]] of (
      [
        [owner, member],
        [member, owner],
      ] as const
    ).entries()) {
      // prettier-ignore
      await writer.view('').put('a', at)
      expect(await reader.view('').get('a')).to.equal(at)
      await writer.rotate()
      expect(reader.keyStatus().term).to.equal(writer.keyStatus().term)
      await reader.view('').put('a', `${at} again`)
      expect(await writer.view('').get('a')).to.equal(`${at} again`)
    }
    expect(owner.keyStatus().term).to.equal(3)
  })

  it('lose no term when both start one at the same time', async () => {
    const done = await Promise.all(
      Array.from({ length: 6 }, async (_, at) => outcome((at % 2 ? owner : member).rotate())),
    )
    const begun = done.filter((one) => one === undefined).length
    for (const one of done) if (one !== undefined) expect(one).to.be.instanceOf(Fault).and.include({ code: 'unavailable' }) // prettier-ignore
    expect([owner.keyStatus().term, member.keyStatus().term]).to.deep.equal([begun + 1, begun + 1])
    await member.view('').put('a', 1)
    expect(await owner.view('').get('a')).to.equal(1)
  })

  it('count the encryptions of all, never too few', async () => {
    const before = owner.keyStatus().encryptions
    await Promise.all(
      Array.from({ length: 200 }, async (_, at) => (at % 2 ? owner : member).view('').put(`r/${at}`, at)),
    )
    for (const { encryptions } of [owner.keyStatus(), member.keyStatus()]) expect(encryptions).to.be.at.least(200)
    await member.rotate()
    await owner.view('').put('a', 1)
    expect(before).to.be.at.least(0)
    for (const { encryptions } of [owner.keyStatus(), member.keyStatus()]) expect(encryptions).to.be.at.least(1)
  })

  it('number all commits in one order, and leave intact digests', async () => {
    const { newest } = owner.commits
    await member.view('core/policy/').put('x', 1)
    await member.view('core/token/').put('id/x', 1)
    expect(owner.commits.newest).to.be.at.least(newest + 2)
    const last = owner.commits.newest
    owner.seal()
    const again = new EncryptedBarrier({ ...parts, storage: disk })
    expect(await again.unseal(root)).to.equal(true)
    await again.sweep()
    expect(again.commits.found).to.equal(last)
    expect(await again.view('core/token/').get('id/x')).to.equal(1)
  })

  it('read no record that the owner would refuse', async () => {
    const open = new OpenStorage()
    const first = await openBarrier(open)
    const ids = first.barrier.view('core/token/id/')
    const before = new Set(open.disk.keys())
    await ids.put('x', 1)
    const [key] = [...open.disk.keys()].filter((one) => one.startsWith('e/') && !before.has(one))
    first.barrier.seal()
    open.disk.delete(String(key))
    await first.barrier.unseal(first.root)
    const other = await shared(first.barrier.shared)
    const reading = new EncryptedBarrier({ ...parts, storage: await other.member() })
    await reading.unseal(first.root)
    expect(await outcome(reading.view('core/token/id/').get('x'))).to.be.instanceOf(Fault).and.include({ code: 'internal' }) // prettier-ignore
    reading.seal()
    await other.close()
  })

  it('seal when the root key is changed elsewhere, before that is answered', async () => {
    const next = randomBytes(32)
    await owner.changeRoot(next, [])
    expect(member.sealed).to.equal(true)
    expect(losses).to.have.length(1)
    expect(await member.unseal(root)).to.equal(false)
    expect(await member.unseal(next)).to.equal(true)
  })

  it('lose the storage when the owner is sealed, and write nothing meanwhile', async () => {
    let lost = 0
    const other = await socket.member('two')
    other.watch(0n, { changed: () => {}, reset: () => {}, lost: () => void lost++ })
    await other.rev()
    owner.seal()
    expect(await outcome(member.view('').put('a', 1))).to.be.instanceOf(Fault)
    expect(await outcome(other.commit({ ops: [{ del: 'x' }] }))).to.be.instanceOf(Error)
    expect(await outcome(other.commit({ ops: [{ del: 'x' }] }))).to.be.instanceOf(StorageUnavailable)
    expect(lost).to.equal(1)
  })

  it("leave the owner's operations to the owner", async () => {
    for (const refused of [member.changeRoot(randomBytes(32), []), member.initialise(randomBytes(32), [])])
      expect(await outcome(refused))
        .to.be.instanceOf(Fault)
        .and.have.property('message')
        .that.includes('owns')
    expect(owner.sealed).to.equal(false)
  })
})
