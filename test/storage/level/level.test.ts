import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { StorageUnavailable } from '../../../src/contract/storage.ts'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'
import { itIsAStorage } from '../../contracts/storage.ts'
import { temporaryFolder } from '../../support/folder.ts'

const options = { clock: systemClock, log: silent }
const open = async (path: string) => LevelStorage.open(path, options)
const value = Buffer.from('v')

itIsAStorage('LevelStorage', async () => LevelStorage.open(join(temporaryFolder(), 'db'), { ...options, create: true }))

describe('LevelStorage', () => {
  it('makes no database before the first commit', async () => {
    const path = join(temporaryFolder(), 'db')
    const storage = await open(path)
    expect(await storage.get(['a'])).to.deep.equal([undefined])
    expect(existsSync(path)).to.equal(false)
    await storage.commit({ ops: [{ put: 'a', value }] })
    expect(existsSync(join(path, 'CURRENT'))).to.equal(true)
    await storage.close()
  })

  it('keeps its data and its revision over a restart', async () => {
    const path = join(temporaryFolder(), 'db')
    const first = await open(path)
    await first.commit({ ops: [{ put: 'a', value }] })
    await first.commit({ ops: [{ put: 'b', value }] })
    await first.close()
    const second = await open(path)
    expect((await second.get(['b']))[0]?.rev).to.equal(2n)
    expect(await second.rev()).to.equal(2n)
    await second.close()
  })

  it('CVE-2021-38553: files are for the owner only, whatever the umask', async () => {
    const path = join(temporaryFolder(), 'db')
    const old = process.umask(0)
    try {
      const storage = await open(path)
      await storage.commit({ ops: [{ put: 'a', value }] })
      expect(statSync(path).mode & 0o777).to.equal(0o700)
      for (const file of readdirSync(path)) expect(statSync(join(path, file)).mode & 0o077, file).to.equal(0)
      await storage.close()
    } finally {
      process.umask(old)
    }
  })

  it('tells a second process clearly that the database is in use', async () => {
    const path = join(temporaryFolder(), 'db')
    const first = await open(path)
    await first.commit({ ops: [{ put: 'a', value }] })
    const refused = await open(path).catch((thrown: unknown) => thrown)
    expect(refused).to.be.instanceOf(StorageUnavailable)
    expect((refused as Error).message).to.match(/another process/)
    await first.close()
  })

  it('writes nothing while the disk is almost full, and goes on when there is room', async () => {
    const path = join(temporaryFolder(), 'db')
    const full = await LevelStorage.open(path, { ...options, create: true, minFreeBytes: Number.MAX_SAFE_INTEGER })
    const refused = await full.commit({ ops: [{ put: 'a', value }] }).catch((thrown: unknown) => thrown)
    expect(refused).to.be.instanceOf(StorageUnavailable)
    expect(await full.get(['a'])).to.deep.equal([undefined])
    await full.close()
  })

  /** A database whose writer is killed again and again; then what it had told of is looked for. */
  async function storm(cycles: number): Promise<void> {
    const path = join(temporaryFolder(), 'db')
    const child = fileURLToPath(new URL('../../support/storm.js', import.meta.url))
    const acknowledged = new Map<string, number>()
    for (let cycle = 0; cycle < cycles; cycle++) {
      const writer = fork(child, [path, String(cycle)], { stdio: 'ignore' })
      let told = 0
      writer.on('message', (message) => {
        const [key, round] = message as readonly [string, number]
        acknowledged.set(key, round)
        if (++told === 150 + (cycle % 7) * 40) writer.kill('SIGKILL')
      })
      await once(writer, 'exit')
    }
    const storage = await open(path)
    expect(acknowledged.size).to.be.greaterThan(100)
    for (const [key, round] of acknowledged) {
      const [one, two] = await storage.get([`a/${key}`, `b/${key}`])
      expect(Number(Buffer.from(one?.value ?? []).toString()), key).to.be.at.least(round)
      expect(one?.rev, 'both halves of a commit').to.equal(two?.rev)
    }
    await storage.close()
  }

  const cycles = Number(process.env['STRONGROOM_KILL_CYCLES'] ?? 200)
  it(`keeps every acknowledged write over ${cycles} kills in a write storm`, async function () {
    this.timeout(cycles * 2000 + 20_000)
    // Two at a time: most of a start is work of one processor.
    const half = Math.ceil(cycles / 2)
    await Promise.all([storm(half), storm(cycles - half)])
  })
})
