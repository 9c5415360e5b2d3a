import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
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
    // What the first one writes beside its database is not removed.
    const restoring = join(path, `restoring-${'0'.repeat(32)}`)
    mkdirSync(restoring)
    const refused = await open(path).catch((thrown: unknown) => thrown)
    expect(refused).to.be.instanceOf(StorageUnavailable)
    expect((refused as Error).message).to.match(/another process/)
    expect(existsSync(restoring)).to.equal(true)
    await first.close()
  })

  it('writes nothing while the disk is almost full, and continues when there is space', async () => {
    const path = join(temporaryFolder(), 'db')
    const full = await LevelStorage.open(path, { ...options, create: true, minFreeBytes: Number.MAX_SAFE_INTEGER })
    const refused = await full.commit({ ops: [{ put: 'a', value }] }).catch((thrown: unknown) => thrown)
    expect(refused).to.be.instanceOf(StorageUnavailable)
    expect(await full.get(['a'])).to.deep.equal([undefined])
    await full.close()
  })
})
