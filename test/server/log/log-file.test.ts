import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { LogFile } from '../../../src/server/log/log-file.ts'
import type { Rotation } from '../../../src/server/log/log-file.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'

describe('a log file', () => {
  let folder = ''
  let path = ''
  let clock = new HandClock()
  const failures: string[] = []
  beforeEach(() => {
    clock = new HandClock(Date.now() + 1000)
    folder = temporaryFolder()
    path = join(folder, 'server.log')
    failures.length = 0
  })
  const opened = async (rotation: Rotation = {}): Promise<LogFile> =>
    LogFile.open(path, { clock, rotation, failed: (why) => void failures.push(why) })
  const older = (): string[] => readdirSync(folder).filter((name) => name !== 'server.log').sort() // prettier-ignore
  /** Writes lines, each of which is on disk before the next. */
  const written = async (rotation: Rotation, lines: readonly string[], wait = 0): Promise<void> => {
    const file = await opened(rotation)
    for (const line of lines) {
      file.write(`${line}\n`)
      await file.reopen()
      clock.advance(wait)
    }
    await file.close()
  }

  it('gets the lines in their order, behind those it has, and only its owner may read it', async () => {
    await written({}, ['one', 'two'])
    const file = await opened()
    for (let at = 0; at < 1000; at++) file.write(`line ${at}\n`)
    await file.close()
    const lines = readFileSync(path, 'utf8').split('\n')
    expect(lines.slice(0, 3)).to.deep.equal(['one', 'two', 'line 0'])
    expect(lines).to.have.length(1003)
    expect(statSync(path).mode & 0o777).to.equal(0o600)
  })

  it('is put aside before it is larger than its limit, and never ends in the middle of a line', async () => {
    await written({ bytes: 10 }, ['12345', 'abc', 'longer than the limit', 'z'])
    expect(readFileSync(path, 'utf8')).to.equal('z\n')
    expect(older().map((name) => readFileSync(join(folder, name), 'utf8'))).to.deep.equal([
      '12345\nabc\n',
      'longer than the limit\n',
    ])
    for (const name of older()) expect(name).to.match(/^server-\d{8}T\d{6}\.\d{3}Z\.log$/)
  })

  it('is put aside when it is old, also by a server that was started again', async () => {
    await written({ seconds: 60 }, ['first'], 61_000)
    await written({ seconds: 60 }, ['second'])
    clock = new HandClock(Date.now() + 30_000)
    await written({ seconds: 60 }, ['third'])
    expect(older()).to.have.length(1)
    expect(readFileSync(path, 'utf8')).to.equal('second\nthird\n')
  })

  it('keeps the configured number of older files, and touches no other files', async () => {
    for (const other of ['server-1.log', 'server-20300101T000000.000Z.txt', 'server.log.1', 'serverX-20300101T000000.000Z.log'])
      writeFileSync(join(folder, other), 'mine')
    const counted: number[] = []
    for (const [maxFiles, lines] of [[0, 3], [2, 4], [-1, 2]] as const) {
      await written({ bytes: 1, maxFiles }, Array<string>(lines).fill('x'), 1)
      counted.push(older().length - 4)
    }
    expect(counted).to.deep.equal([2, 2, 0])
    expect(existsSync(join(folder, 'server-1.log'))).to.equal(true)
  }) // prettier-ignore

  it('continues in a new file when it was moved and is opened again', async () => {
    const file = await opened()
    file.write('before\n')
    await file.reopen()
    renameSync(path, `${path}.1`)
    file.write('still there\n')
    await file.reopen()
    file.write('after\n')
    await file.close()
    expect(readFileSync(`${path}.1`, 'utf8')).to.equal('before\nstill there\n')
    expect(readFileSync(path, 'utf8')).to.equal('after\n')
  })

  it('logs once that it fails, and continues when it can: a full disk, a missing folder, no permission to rotate', async () => {
    path = '/dev/full'
    const full = await opened({ bytes: 1 })
    for (const line of ['a', 'b']) {
      full.write(`${line}\n`)
      await full.reopen()
    }
    expect(failures).to.deep.equal(['it cannot be written (ENOSPC); its lines are on standard error only'])
    await full.close()
    failures.length = 0
    const inner = join(folder, 'inner')
    mkdirSync(inner)
    path = join(inner, 'server.log')
    const file = await opened({ bytes: 1 })
    file.write('one\n')
    rmSync(inner, { recursive: true })
    file.write('two\n')
    expect(await file.reopen().catch((thrown: unknown) => (thrown as NodeJS.ErrnoException).code)).to.equal('ENOENT')
    expect(failures).to.deep.equal(['it cannot be rotated (ENOENT); it is continued'])
    mkdirSync(inner)
    await file.reopen()
    file.write('three\n')
    await file.close()
    expect(readFileSync(path, 'utf8')).to.equal('three\n')
    chmodSync(inner, 0o700)
  })

  it('drops lines rather than buffer them without bounds when the disk is full, and logs their number', async () => {
    const file = await opened()
    const line = `${'x'.repeat(1023)}\n`
    for (let at = 0; at < 1100; at++) file.write(line)
    await file.close()
    expect(failures).to.deep.equal(['76 lines were lost, because it could not be written in time'])
    expect(statSync(path).size).to.equal(1024 * 1024)
  })

  it('has the last line of a process that ends at once', async () => {
    const file = await opened()
    file.write('waiting\n')
    file.writeNow('the end\n')
    expect(readFileSync(path, 'utf8')).to.equal('waiting\nthe end\n')
    await file.close()
  })
})
