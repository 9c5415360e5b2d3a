import { readdirSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { expect } from 'chai'
import { StorageUnavailable } from '../../../src/contract/storage.ts'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'
import { temporaryFolder } from '../../support/folder.ts'

type Step = (...args: readonly unknown[]) => Promise<unknown>
const functions = fs as unknown as Record<string, Step>
const steps = ['mkdir', 'open', 'rename', 'rm', 'writeFile', 'copyFile', 'link', 'readFile', 'stat', 'statfs']

/** What fails: the step with this number that reads or changes files, or that one and all after it, as in a process that died. */
interface Failure {
  readonly code: string
  readonly from: number
  readonly to: number
}

/** @returns how many steps there were */
async function failing({ code, from, to }: Failure, work: () => Promise<void>): Promise<number> {
  const real = Object.fromEntries(steps.map((name) => [name, functions[name] as Step]))
  let count = 0
  for (const name of steps)
    functions[name] = async (...args) => {
      count++
      if (count >= from && count <= to) throw Object.assign(new Error(`${code}, by the test`), { code })
      return (real[name] as Step)(...args)
    }
  syncBuiltinESMExports()
  try {
    await work()
    return count
  } finally {
    Object.assign(functions, real)
    syncBuiltinESMExports()
  }
}

const value = Buffer.from('v')
const open = async (path: string) => LevelStorage.open(path, { clock: systemClock, log: silent })
const keysOf = async (storage: LevelStorage): Promise<string> => (await storage.list('', { limit: 10 })).keys.join()
const leftovers = (path: string): readonly string[] => readdirSync(path).filter((name) => /^(restoring|snapshot)-|tmp$/.test(name)) // prettier-ignore

interface Place {
  readonly path: string
  readonly storage: LevelStorage
}

async function place(old: string): Promise<Place> {
  const path = join(temporaryFolder(), 'db')
  const storage = await open(path)
  if (old !== '') await storage.commit({ ops: [{ put: old, value }] })
  return { path, storage }
}

async function restore(storage: LevelStorage): Promise<void> {
  const next = await storage.replacement()
  try {
    await next.add([{ key: 'new', value, rev: 1n }])
    await next.finish(5n)
    await next.adopt()
  } catch (thrown) {
    await next.discard().catch(() => {})
    throw thrown
  }
}

describe('a LevelDB storage whose disk fails', () => {
  // Code that is loaded when it is needed is loaded from the disk, too.
  before(async () => {
    const { storage } = await place('old')
    await (await storage.snapshot()).close()
    await (await storage.replacement()).discard()
    await storage.close()
  })

  for (const [code, all] of [
    ['ENOSPC', false],
    ['EROFS', false],
    ['EIO', true],
  ] as const)
    // prettier-ignore
    for (const old of ['old', ''])
      it(`has the old or the new content, whole, when ${all ? 'all steps from one on' : 'one step'} of a restore over ${old || 'nothing'} fail by ${code}`, async () => {
        const seen = new Set<string>()
        for (let [step, count] = [1, 1]; step <= count; step++) {
          const { path, storage } = await place(old)
          let failed: unknown
          count = await failing({ code, from: step, to: all ? Infinity : step }, async () =>
            restore(storage).catch((thrown: unknown) => void (failed = thrown)),
          )
          if (failed !== undefined) expect(failed, `step ${step}`).to.be.instanceOf(StorageUnavailable)
          const now = await keysOf(storage).catch((thrown: unknown) => thrown)
          if (now instanceof Error) expect(now).to.be.instanceOf(StorageUnavailable)
          else expect(now, `step ${step}`).to.be.oneOf(failed === undefined ? ['new'] : [old, 'new'])
          await storage.close()
          const again = await open(path)
          const after = await keysOf(again)
          expect(after, `step ${step}, after a restart`).to.be.oneOf(failed === undefined ? ['new'] : [old, 'new'])
          await again.commit({ ops: [{ put: 'later', value }] })
          await again.close()
          expect(leftovers(path), `step ${step}`).to.deep.equal([])
          seen.add(after)
        }
        expect([...seen].sort()).to.deep.equal([old, 'new'].sort())
      })

  it('makes no snapshot then, leaves nothing of it, and goes on', async () => {
    for (const code of ['ENOSPC', 'EROFS'])
      for (let [step, count] = [1, 1]; step <= count; step++) {
        const { path, storage } = await place('old')
        let failed: unknown
        count = await failing({ code, from: step, to: step }, async () =>
          storage.snapshot().then(
            async (made) => made.close().catch(() => {}),
            (thrown: unknown) => void (failed = thrown),
          ),
        )
        if (failed !== undefined) expect(failed, `step ${step}`).to.be.instanceOf(StorageUnavailable)
        await storage.commit({ ops: [{ put: 'more', value }] })
        await (await storage.snapshot()).close()
        await storage.close()
        await (await open(path)).close()
        expect(leftovers(path), `step ${step}`).to.deep.equal([])
      }
  })
})
