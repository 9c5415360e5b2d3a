import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { checkpointFileOf, vkeyFileOf } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { vkeyText } from '../../../src/audit/checkpoints/verifier-key.ts'
import { verifyLogs } from '../../../src/audit/offline/verify.ts'
import type { LogVerdict, VerifyOptions } from '../../../src/audit/offline/verify.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { SampleLog } from '../sample-log.ts'

const filesOf = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name))
const logsIn = (folder: string): string[] => filesOf(folder).filter((path) => !/checkpoints|vkeys/.test(path))
const check = async (folder: string, options: VerifyOptions = {}) => verifyLogs(filesOf(folder), options)
const one = async (folder: string, options: VerifyOptions = {}): Promise<LogVerdict> => {
  const { logs } = await check(folder, options)
  expect(logs).to.have.length(1)
  return logs[0] as LogVerdict
}
const why = ({ findings }: LogVerdict): string => findings.map((finding) => finding.why).join('\n')

/** Three files, two keys, thirty lines, signed to the end. */
function sample(folder = temporaryFolder()): {
  readonly log: SampleLog
  readonly closed: readonly string[]
  readonly folder: string
} {
  const log = new SampleLog(join(folder, 'audit.log')).requests(9).checkpoint()
  const closed = [log.rotate()]
  log.requests(4).rotateKey().requests(4).checkpoint()
  closed.push(log.rotate())
  log.requests(8).checkpoint()
  return { log, closed, folder }
}

/** A folder like this one, in which something is changed. */
function altered(folder: string, change: (folder: string) => void): string {
  const copy = temporaryFolder()
  for (const path of filesOf(folder)) copyFileSync(path, path.replace(folder, copy))
  change(copy)
  return copy
}

describe('the offline check of a signed log', () => {
  const { log, folder, closed } = sample()

  it('verifies every line, over several files and a change of keys', async () => {
    const verdict = await one(folder)
    expect(verdict).to.deep.include({ log: log.id, origin: log.origin, wrong: 0, lines: log.size, findings: [] })
    expect(verdict.stretches).to.deep.equal([{ from: 1, to: log.size, signed: log.size }])
    expect(verdict.root).to.equal(Buffer.from(log.range.root()).toString('base64'))
    expect(verdict.remarks.map(({ what }) => what.split(' ')[0])).to.deep.equal(['keys'])
  })

  it('finds every flipped bit of every byte of the lines', async function () {
    this.timeout(120_000)
    const whole = temporaryFolder()
    const small = new SampleLog(join(whole, 'audit.log')).requests(1).checkpoint()
    const bytes = readFileSync(small.path)
    const missed: number[] = []
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      writeFileSync(small.path, changed)
      if ((await check(whole)).intact) missed.push(at)
    }
    expect(missed).to.deep.equal([])
  })

  it('finds every flipped bit of a checkpoint and of the keys, or ignores bits without a meaning', async function () {
    this.timeout(120_000)
    const whole = temporaryFolder()
    const small = new SampleLog(join(whole, 'audit.log')).requests(3).checkpoint()
    for (const file of [checkpointFileOf(small.path), vkeyFileOf(small.path)]) {
      const bytes = readFileSync(file)
      const missed: number[] = []
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] as number) ^ (1 << (at % 8))
        writeFileSync(file, changed)
        const verdict = await check(whole, { pinned: [vkeyText(small.signers[0]!.key)] }).catch(() => undefined)
        if (verdict?.intact) missed.push(at)
      }
      writeFileSync(file, bytes)
      // With a key that the auditor keeps, the key file beside the log does not matter.
      if (file === checkpointFileOf(small.path)) expect(missed).to.deep.equal([])
    }
  })

  it('accepts a last line that is cut at any byte, if it was not signed', async () => {
    const whole = temporaryFolder()
    const small = new SampleLog(join(whole, 'audit.log')).requests(3).checkpoint().requests(1)
    const bytes = readFileSync(small.path)
    for (let size = bytes.lastIndexOf(10, bytes.length - 2) + 2; size < bytes.length; size++) {
      writeFileSync(small.path, bytes.subarray(0, size))
      const verdict = await one(whole)
      expect(verdict, String(size)).to.include({ wrong: 0, lines: 4 })
      expect(verdict.notes.join()).to.include('not finished')
    }
    // A signed line that is torn was cut.
    const signed = readFileSync(
      join(
        altered(whole, () => {}),
        'audit.log',
      ),
    )
    writeFileSync(small.path, signed.subarray(0, bytes.lastIndexOf(10, bytes.length - 2) - 5))
    expect((await one(whole)).wrong).to.equal(1)
  })

  it('finds lines that were cut off the end, a removed last file, and an empty one', async () => {
    for (let keep = 0; keep < log.lines().length; keep++) {
      const cut = altered(folder, (copy) => {
        writeFileSync(join(copy, 'audit.log'), log.lines().slice(0, keep).map((line) => `${line}\n`).join('')) // prettier-ignore
      })
      expect(why(await one(cut)), String(keep)).to.include('cut off')
    }
    const removed = altered(folder, (copy) => rmSync(join(copy, 'audit.log')))
    expect(why(await one(removed))).to.include('cut off')
  })

  it('recognises that only some of the files were given', async () => {
    const { intact, logs } = await verifyLogs([closed[0] as string])
    expect(intact).to.equal(true)
    expect(logs[0]?.notes.join()).to.include('continues after number 10')
    const later = await verifyLogs([closed[1] as string, log.path])
    expect(later.intact).to.equal(true)
    expect(later.logs[0]?.stretches).to.deep.equal([{ from: 11, to: log.size, signed: log.size }])
    expect(later.logs[0]?.notes.join()).to.include('begins with line number 11')
  })

  it('names the gap where a file in the middle is missing', async () => {
    const verdict = await one(altered(folder, (copy) => rmSync((closed[1] as string).replace(folder, copy))))
    expect(why(verdict)).to.include('lines are missing before it')
    expect(verdict.stretches.map(({ from, to }) => [from, to])).to.deep.equal([[1, 10], [21, log.size]]) // prettier-ignore
    expect(verdict.stretches.every(({ to, signed }) => signed === to)).to.equal(true)
  })

  it('reads packed files, and finds those that were cut or changed', async () => {
    const packed = altered(folder, (copy) => {
      const path = (closed[0] as string).replace(folder, copy)
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)))
      rmSync(path)
    })
    expect(await one(packed)).to.include({ wrong: 0, lines: log.size })
    const path = filesOf(packed).find((name) => name.endsWith('.gz')) as string
    writeFileSync(path, readFileSync(path).subarray(0, -20))
    expect(why(await one(packed))).to.include('cannot be decompressed')
  })

  it('detects lines that were rewritten with a stolen signing key after they were signed', async () => {
    const thief = altered(folder, () => {})
    const path = join(thief, 'audit.log')
    const own = log.lines()
    // Cut, and written on with the stolen key: the checkpoints that are out already do not fit.
    const forged = new SampleLog(join(thief, 'forged.log'), log.id).requests(3)
    writeFileSync(path, [...own.slice(0, 4), ...forged.lines().slice(1)].map((line) => `${line}\n`).join(''))
    rmSync(forged.path)
    rmSync(vkeyFileOf(forged.path))
    expect((await one(thief)).wrong).to.be.greaterThan(0)
  })

  it('the key range rule: no old key signs after a change of keys, and no new key before', async () => {
    const place = join(temporaryFolder(), 'audit.log')
    const keyed = new SampleLog(place).requests(5).checkpoint()
    const [old] = keyed.signers
    const early = keyed.range.copy()
    keyed.requests(2).rotateKey().requests(3)
    const good = readFileSync(checkpointFileOf(place))
    keyed.checkpoint([old!])
    expect(why(await one(join(place, '..')))).to.include('not valid for this part')
    writeFileSync(checkpointFileOf(place), good)
    keyed.checkpoint(keyed.signers, early)
    expect(why(await one(join(place, '..')))).to.include('not valid for this part')
    writeFileSync(checkpointFileOf(place), good)
    keyed.checkpoint([keyed.newSigner()])
    expect(why(await one(join(place, '..')))).to.include('no key of this log')
  })

  it('a fork: two checkpoints of one size with different roots', async () => {
    const forked = altered(folder, () => {})
    const twin = new SampleLog(join(forked, 'twin'), log.id).requests(log.size - 1)
    twin.checkpoint(log.signers)
    const other = checkpointFileOf(twin.path)
    for (const path of [twin.path, vkeyFileOf(twin.path)]) rmSync(path)
    expect((await check(forked, { checkpoints: [] })).intact).to.equal(true)
    const verdict = await one(folder, { checkpoints: [other] })
    expect(why(verdict)).to.include('two logs that claim to be this one')
  })

  it('trusts only a pinned key, and the keys that it certifies', async () => {
    const [first] = readFileSync(vkeyFileOf(log.path), 'utf8').split('\n').map((line) => line.split(' ')[2] as string) // prettier-ignore
    expect(await one(folder, { pinned: [first as string] })).to.include({ wrong: 0, pinned: true })
    const stranger = vkeyText(log.newSigner().key)
    expect(why(await one(folder, { pinned: [stranger] })))
      .to.include('no key of this log')
      .and.include('that you trust')
    // Written anew as a whole, with keys of its own: only the pinned key tells.
    const anew = new SampleLog(join(temporaryFolder(), 'audit.log'), log.id).requests(12).checkpoint()
    expect(await one(join(anew.path, '..'))).to.include({ wrong: 0 })
    expect(await one(join(anew.path, '..'), { pinned: [first as string] })).to.not.include({ wrong: 0 })
  })

  it('reads bytes first and strict JSON second: NUL, CR, invalid UTF-8, huge lines, a duplicate key', async () => {
    const odd: readonly Buffer[] = [
      Buffer.from('{"a":"\u0000"'),
      Buffer.from('{"a":1\r'),
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"')]),
      Buffer.from('{"a":1,"a":2'),
      Buffer.from('{"a":{"b":1,"\\u0062":2}'),
      Buffer.from(' {"a":1'),
      Buffer.from('{"a":1 /* */'),
      Buffer.from("{'a':1"),
      Buffer.from('[1'),
      Buffer.from(`{"a":"${'x'.repeat(17 * 1024 * 1024)}"`),
    ]
    for (const [index, line] of odd.entries()) {
      const path = join(temporaryFolder(), 'audit.log')
      const small = new SampleLog(path).requests(2)
      const end = `,"chain":{"seq":4,"prev":"${small.link.prev}"}}\n`
      writeFileSync(path, Buffer.concat([readFileSync(path), line, Buffer.from(end)]))
      expect((await verifyLogs([path])).intact, String(index)).to.equal(false)
    }
    const fine = new SampleLog(join(temporaryFolder(), 'audit.log')).add(
      '{"a":{"b":1},"c":{"b":1},"d":"\\u0000\\u2028","10":1,"9":"{\\"a\\":1,\\"a\\":2}"',
    )
    expect((await verifyLogs([fine.path])).intact).to.equal(true)
  })

  it('lists times that go back, and the remarks of the log itself', async () => {
    const told = new SampleLog(join(temporaryFolder(), 'audit.log')).requests(2)
    told.add(told.request(1).replace('14:02:11', '14:02:09')).own('gap', { lost: 4 }).checkpoint()
    const { remarks, wrong } = await one(join(told.path, '..'))
    expect(wrong).to.equal(0)
    expect(remarks.map(({ seq }) => seq)).to.deep.equal([4, 5])
    expect(remarks[0]?.what).to.include('clock went back')
    expect(remarks[1]?.what).to.equal('gap {"lost":4}')
  })

  it('follows one log to the next one, whose first line names the end of the one before', async () => {
    const place = temporaryFolder()
    const before = new SampleLog(join(place, 'old.log'), 'a'.repeat(32)).requests(3).checkpoint()
    const leaf = before.link.prev
    const next = new SampleLog(join(place, 'new.log'), 'b'.repeat(32), '2026-11-24T00:00:00')
    rmSync(next.path)
    Object.assign(next, { link: { seq: 1, prev: '' }, range: new (next.range.constructor as new () => typeof next.range)() }) // prettier-ignore
    next
      .begin({ follows: { log: before.id, size: 4, leaf, why: 'an operator said so' } })
      .requests(1)
      .checkpoint()
    expect((await check(place)).intact).to.equal(true)
    const cut = altered(place, (copy) => {
      writeFileSync(join(copy, 'old.log'), before.lines().slice(0, 2).map((line) => `${line}\n`).join('')) // prettier-ignore
      rmSync(join(copy, 'old.log.checkpoints'))
    })
    const { logs } = await check(cut)
    expect(logs.map(({ wrong }) => wrong)).to.deep.equal([1, 0])
    expect(why(logs[0] as LogVerdict)).to.include('ended in number 4')
  })

  it('orders files by their first lines where logrotate gave other names', async () => {
    const place = temporaryFolder()
    const small = new SampleLog(join(place, 'audit.log')).requests(4).checkpoint()
    const closedNow = small.rotate()
    small.requests(3).checkpoint()
    copyFileSync(closedNow, join(place, 'audit.log.1'))
    rmSync(closedNow)
    writeFileSync(checkpointFileOf(small.path), Buffer.concat([checkpointFileOf(closedNow), checkpointFileOf(small.path)].map((path) => readFileSync(path)))) // prettier-ignore
    rmSync(checkpointFileOf(closedNow))
    expect(await one(place)).to.include({ wrong: 0, lines: 9 })
    mkdirSync(join(place, 'empty'))
    expect(existsSync(join(place, 'audit.log.1'))).to.equal(true)
    expect(logsIn(place).length).to.be.greaterThan(1)
  })

  it('continues behind damage, so that the rest is verified', async () => {
    const place = temporaryFolder()
    const small = new SampleLog(join(place, 'audit.log')).requests(30).checkpoint()
    const lines = small.lines()
    const changed = lines.with(4, (lines[4] as string).replace('kv/5', 'kv/6')).toSpliced(20, 2)
    writeFileSync(small.path, changed.map((line) => `${line}\n`).join(''))
    const verdict = await one(place)
    expect(verdict.stretches.map(({ from, to }) => [from, to])).to.deep.equal([[1, 4], [6, 20], [23, 31]]) // prettier-ignore
    expect(verdict.findings.map(({ line }) => line)).to.deep.equal([5, 21])
  })
})
