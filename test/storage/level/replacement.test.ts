import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { StorageUnavailable } from '../../../src/contract/storage.ts'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'
import { temporaryFolder } from '../../support/folder.ts'

const open = async (path: string) => LevelStorage.open(path, { clock: systemClock, log: silent })
const value = Buffer.from('v')
const keysIn = async (path: string): Promise<readonly string[]> => {
  const storage = await open(path)
  const { keys } = await storage.list('', { limit: 10 })
  await storage.close()
  return keys
}

/** A storage with the key `old`, in whose place one with the key `new` was put. */
async function replaced(): Promise<string> {
  const path = join(temporaryFolder(), 'db')
  const storage = await open(path)
  await storage.commit({ ops: [{ put: 'old', value }] })
  const next = await storage.replacement()
  await next.add([{ key: 'new', value, rev: 1n }])
  await next.finish(5n)
  await next.adopt()
  await storage.close()
  return path
}

/** Commits one after the other, without waiting for any, until one is refused. */
async function commitsUntilRefused(storage: LevelStorage): Promise<number> {
  let [made, isRefused] = [0, false]
  while (!isRefused) {
    storage.commit({ ops: [{ put: `late/${made++}`, value }] }).catch(() => (isRefused = true))
    await new Promise(setImmediate)
  }
  return made
}

describe('a replaced LevelDB storage', () => {
  it('has no commit that was made before it took its place', async () => {
    const storage = await open(join(temporaryFolder(), 'db'))
    await storage.commit({ ops: [{ put: 'old', value }] })
    const next = await storage.replacement()
    await next.add([{ key: 'new', value, rev: 1n }])
    await next.finish(5n)
    const [made] = await Promise.all([commitsUntilRefused(storage), next.adopt()])
    expect(made).to.be.greaterThan(1)
    expect((await storage.list('', { limit: 1000 })).keys).to.deep.equal(['new'])
    expect(await storage.rev()).to.equal(5n)
    await storage.close()
  })

  it('is the new one after a restart, and the old one when the pointer is removed with the new one', async () => {
    const path = await replaced()
    expect(await keysIn(path)).to.deep.equal(['new'])
    rmSync(join(path, 'ACTIVE'))
    expect(await keysIn(path)).to.deep.equal(['old'])
  })

  it('is the old one after a crash at any step before the pointer, and nothing is left of the attempt', async () => {
    const path = await replaced()
    const [name = ''] = readdirSync(path).filter((one) => one.startsWith('restored-'))
    rmSync(join(path, 'ACTIVE'))
    renameSync(join(path, name), join(path, name.replace('restored', 'restoring')))
    writeFileSync(join(path, 'ACTIVE.tmp'), name)
    mkdirSync(join(path, `snapshot-${'0'.repeat(32)}`))
    expect(await keysIn(path)).to.deep.equal(['old'])
    expect(readdirSync(path).filter((one) => /^(restor|snapshot|ACTIVE)/.test(one))).to.deep.equal([])
  })

  it('does not open when its pointer leads nowhere, or out of the folder', async () => {
    const path = await replaced()
    for (const pointer of ['', '..', '../db', `restored-${'0'.repeat(32)}`]) {
      writeFileSync(join(path, 'ACTIVE'), pointer)
      const thrown = await open(path).catch((error: unknown) => error)
      expect(thrown, pointer).to.be.instanceOf(StorageUnavailable)
    }
  })
})
