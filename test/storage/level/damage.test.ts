import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'

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

  it('refuses a database whose CURRENT file is missing instead of starting a new one over it', async () => {
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

  it('a write that fails in the middle of the log poisons nothing that is acknowledged later', async () => {
    const path = join(folder, 'db')
    // The kernel refuses to let a file grow beyond this, half-way in a record: what a full disk looks like to LevelDB.
    const line = `ulimit -f 300 && exec "${process.execPath}" "${fileURLToPath(new URL('../../support/storages/full-disk.js', import.meta.url))}" "${path}"`
    const done = spawnSync('bash', ['-c', line], { encoding: 'utf8' })
    expect(done.signal, done.stderr).to.equal('SIGKILL')
    const { acknowledged, failed } = JSON.parse(done.stdout) as {
      readonly acknowledged: readonly string[]
      readonly failed: { readonly ambiguous: number; readonly other: number }
    }
    expect(failed.ambiguous, 'writes of unknown outcome').to.be.greaterThan(0)
    expect(acknowledged.length).to.be.greaterThan(120)
    const storage = await LevelStorage.open(path, parts)
    const found = await storage.get(acknowledged)
    expect(acknowledged.filter((_, at) => found[at]?.value.length !== 3000)).to.deep.equal([])
    await storage.close()
  })
})
