import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { checkpointFileOf } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { vkeyText } from '../../../src/audit/checkpoints/verifier-key.ts'
import { verifyLogs } from '../../../src/audit/offline/verify.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { attacks, choices, Target } from '../attacks.ts'
import { SampleLog } from '../sample-log.ts'
import { SecondReader } from '../second-reader.ts'
import { leaveOut } from '../../support/leave-out.ts'

const filesOf = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name))
const places = 6

describe('two independent verifiers of audit logs', function () {
  this.timeout(180_000)
  let reader: SecondReader | undefined
  const top = temporaryFolder()
  let count = 0
  before(function () {
    if (spawnSync('python3', ['--version']).status === 0) reader = new SecondReader()
    else leaveOut(this, 'no python3 on this machine')
  })
  after(() => reader?.close())

  const copyOf = (folder: string): string => {
    const copy = join(top, String(++count))
    mkdirSync(copy)
    for (const path of filesOf(folder)) copyFileSync(path, path.replace(folder, copy))
    return copy
  }
  /** Both verdicts. */
  const both = async (folder: string, keys: readonly string[] = [], checkpoints: readonly string[] = []) => {
    const files = filesOf(folder)
    const { intact, logs } = await verifyLogs(files, { pinned: keys, checkpoints })
    const second = await (reader as SecondReader).verdict({ files, keys, checkpoints })
    return { ours: intact, second: second === 'intact', why: `${second}; ${logs.flatMap(({ findings }) => findings.map(({ why }) => why)).join('; ')}` } // prettier-ignore
  }

  const log = new SampleLog(join(temporaryFolder(), 'audit.log')).requests(6).checkpoint()
  log.rotate()
  log.requests(3).rotateKey().requests(3).checkpoint()
  log.rotate()
  log.requests(4).checkpoint()
  const folder = join(log.path, '..')
  const pinned = [readFileSync(`${log.path}.vkeys`, 'utf8').split(/[ \n]/)[2] as string]

  it('agree on an intact log, with and without a key of the auditor', async () => {
    for (const keys of [[], pinned]) expect(await both(folder, keys)).to.include({ ours: true, second: true })
    expect(await both(folder, [vkeyText(log.newSigner().key)])).to.include({ ours: false, second: false })
  })

  for (const [name, attack] of Object.entries(attacks))
    it(`both detect it at any place: ${name}`, async () => {
      const isNoticed = fc.asyncProperty(choices, fc.boolean(), async (where, isPinned) => {
        const copy = copyOf(folder)
        attack(new Target(copy, where))
        const { ours, second, why } = await both(copy, isPinned ? pinned : [])
        expect({ ours, second }, why).to.deep.equal({ ours: false, second: false })
        rmSync(copy, { recursive: true })
      })
      await fc.assert(isNoticed, { numRuns: places })
    })

  it('agree on every flipped bit of lines, checkpoints and keys of a small log', async () => {
    const small = new SampleLog(join(temporaryFolder(), 'audit.log')).requests(2).checkpoint()
    const place = join(small.path, '..')
    for (const path of filesOf(place)) {
      const bytes = readFileSync(path)
      for (let at = 0; at < bytes.length; at += 3) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] as number) ^ (1 << (at % 8))
        writeFileSync(path, changed)
        const { ours, second, why } = await both(place).catch(() => ({ ours: false, second: false, why: '' }))
        expect(ours, `${path} byte ${at}: ${why}`).to.equal(second)
        if (path === small.path) expect(ours, `byte ${at}`).to.equal(false)
      }
      writeFileSync(path, bytes)
    }
  })

  it('agree on logs that were written with stolen signing keys', async () => {
    const cases: Readonly<Record<string, (thief: SampleLog, path: string) => void>> = {
      'an old key signs': (thief) => void thief.requests(2).checkpoint([oldKey(thief)]),
      'a new key signs an old part': (thief) => void thief.checkpoint(thief.signers, early),
      'a key of nobody signs': (thief) => void thief.checkpoint([thief.newSigner()]),
      'a fork': (thief, path) => {
        const twin = new SampleLog(join(path, 'x', 'audit.log'), thief.id).requests(thief.size - 1)
        twin.checkpoint(thief.signers)
        copyFileSync(checkpointFileOf(twin.path), join(path, 'audit.log.1.checkpoints'))
        copyFileSync(thief.path, join(path, 'audit.log.1'))
      },
    }
    const early = new SampleLog(join(temporaryFolder(), 'e')).requests(4).range
    const oldKeys = new Map<SampleLog, SampleLog['signers'][number]>()
    const oldKey = (thief: SampleLog) => oldKeys.get(thief) as SampleLog['signers'][number]
    for (const [name, act] of Object.entries(cases)) {
      const place = temporaryFolder()
      mkdirSync(join(place, 'x'))
      const thief = new SampleLog(join(place, 'audit.log')).requests(3).checkpoint()
      oldKeys.set(thief, thief.signers[0] as SampleLog['signers'][number])
      thief.requests(2).rotateKey().requests(2).checkpoint()
      act(thief, place)
      rmSync(join(place, 'x'), { recursive: true })
      const { ours, second, why } = await both(place)
      expect({ ours, second }, `${name}: ${why}`).to.deep.equal({ ours: false, second: false })
    }
  })

  it('notice a number of a commit that goes down, however right the chain is, unless that was accepted', async () => {
    const own = (what: string): string => `{"time":"2026-11-23T14:02:11Z","type":"request","request":{"id":"x","operation":"update","namespace":{"id":"root"},"path":"sys/audit/${what}","data":{}}` // prettier-ignore
    const line = (commit?: number): string =>
      `${own('open')}${commit === undefined ? ',"salt":"boot"' : `,"commit":${commit}`}`
    for (const [lines, intact] of [
      [[line(7), line(7), line(), line(9), line(10)], true],
      [[line(9), line(8)], false],
      [[line(9), line(), line(8), line(10)], false],
      [[line(10), line(9)], false],
      [[line(9), `${own('accepted')},"commit":3`, line(3), line(4)], true],
      [[line(9), own('accepted'), line(4), line(3)], false],
    ] as const) {
      const path = join(temporaryFolder(), 'audit.log')
      new SampleLog(path).add(...lines)
      const { ours, second, why } = await both(join(path, '..'), [])
      expect({ ours, second }, `${lines.map((one) => one.slice(-20)).join(' ')}: ${why}`).to.deep.equal({
        ours: intact,
        second: intact,
      })
    }
  })

  it('accept an incomplete last line that was not signed yet', async () => {
    const torn = new SampleLog(join(temporaryFolder(), 'audit.log')).requests(2).checkpoint().requests(1)
    const bytes = readFileSync(torn.path)
    for (let size = bytes.lastIndexOf(10, bytes.length - 2) + 1; size <= bytes.length; size += 5) {
      writeFileSync(torn.path, bytes.subarray(0, size))
      expect(await both(join(torn.path, '..'))).to.include({ ours: true, second: true })
    }
  })
})
