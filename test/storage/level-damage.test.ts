import { expect } from 'chai'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LevelStorage } from '../../src/storage/level.ts'
import { systemClock } from '../../src/util/clock.ts'
import { silent } from '../../src/util/log.ts'

const parts = { clock: systemClock, log: silent }
const value = new Uint8Array(300).fill(7)
const failure = async (task: Promise<unknown>) =>
  task.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )

/** What a promise does within half a second; a commit that is never answered must not stop the suite. */
const within = async (task: Promise<unknown>) =>
  Promise.race([
    task.then(
      () => 'done',
      () => 'failed',
    ),
    new Promise((resolve) => setTimeout(resolve, 500, 'hangs')),
  ])

describe('LevelStorage with damage', () => {
  let folder: string
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'level-'))))
  afterEach(async () => rm(folder, { recursive: true, force: true }))

  async function filled(): Promise<string> {
    const path = join(folder, 'db')
    const storage = await LevelStorage.open(path, parts)
    for (let at = 0; at < 200; at++) await storage.commit({ ops: [{ put: `k${at}`, value }] })
    await storage.close()
    return path
  }

  it('makes the missing folders above the database at the first commit', async () => {
    const storage = await LevelStorage.open(join(folder, 'a', 'b', 'db'), parts)
    expect(await within(storage.commit({ ops: [{ put: 'k', value }] }))).to.equal('done')
  })

  it('ends a list of everything when nothing is left', async () => {
    const storage = await LevelStorage.open(join(folder, 'db'), parts)
    await storage.commit({ ops: [{ put: 'k', value }] })
    await storage.commit({ ops: [{ del: 'k' }] })
    expect(
      await within(
        Promise.race([storage.list('', { limit: 10 }), new Promise((_, reject) => setTimeout(reject, 200))]),
      ),
    ).to.equal('done')
    await storage.close()
  })

  it('refuses a database whose CURRENT file is gone instead of beginning a new one over it', async () => {
    const path = await filled()
    await rm(join(path, 'CURRENT'))
    expect(await failure(LevelStorage.open(path, parts))).to.be.an('error')
  })

  it('still refuses at the second start when LevelDB dropped data at the first', async () => {
    const path = await filled()
    const log = (await readdir(path)).find((name) => name.endsWith('.log')) as string
    const file = await open(join(path, log), 'r+')
    await file.write(Uint8Array.of(0xff), 0, 1, 3000)
    await file.close()
    expect(await failure(LevelStorage.open(path, parts)), 'first start').to.match(/lost data/)
    expect(await failure(LevelStorage.open(path, parts)), 'second start').to.match(/lost data/)
  })
})
