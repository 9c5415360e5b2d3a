import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { checkpointFileOf, vkeyFileOf } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { program } from '../../support/program.ts'
import { SampleLog } from '../sample-log.ts'

const run = promisify(execFile)
const hash = `hmac-sha256:${'5e'.repeat(32)}`
const head = '{"time":"2026-11-23T14:02:12.000000000Z","type":"response","request":{"path":"x"},"error":'
const note = '{"time":"2026-11-23T14:02:12.000000000Z","type":"request","request":{"id":"own","operation":"update","namespace":{"id":"root"},"path":"sys/audit/' // prettier-ignore
const nested = (open: string, close: string, inside = '') => open.repeat(100_000) + inside + close.repeat(100_000)

/** Beginnings of lines, to which the right link of the chain is added: what anyone can append who may write to the file. */
const lines: Readonly<Record<string, string>> = {
  'arrays within arrays': `${head}${nested('[', ']')}`,
  'objects within objects, with a hash inside': `${head}${nested('{"a":', '}', `"${hash}"`)}`,
  'open brackets only': `${head}${'['.repeat(200_000)}`,
  'a string of 15 MB': `${head}"${'x'.repeat(15_000_000)}"`,
  'a string of 15 MB, and white space': `${head} "${'x'.repeat(15_000_000)}"`,
  'a string of 7 million escapes': `${head} "${'\\"'.repeat(7_000_000)}"`,
  'a million names': `${head} {${Array.from({ length: 1_000_000 }, (_, at) => `"${at}":1`).join(',')}}`,
  'a name of 15 MB, twice': `${head} {"${'n'.repeat(7_000_000)}":1,"${'n'.repeat(7_000_000)}":1}`,
  'a note that nests': `${note}gap","data":${nested('[', ']')}}`,
  'a note without data': `${note}accepted","data":null}`,
  'an unseal that is none': `${note}open","data":{"epoch":"x"}`,
  'a second beginning': `${note}begin","data":{"format":1,"log":"x"}}`,
  'no object': '[1',
}

/** What replaces the files beside a log. */
const besides: Readonly<Record<string, (log: SampleLog) => void>> = {
  'a checkpoint with 60,000 signatures': ({ path }) =>
    appendFileSync(checkpointFileOf(path), `a\n1\nx\n\n${'\u2014 a b\n'.repeat(60_000)}\n`),
  'a checkpoint file without an end': ({ path }) => appendFileSync(checkpointFileOf(path), 'x'.repeat(2_000_000)),
  'a checkpoint file of empty lines': ({ path }) => appendFileSync(checkpointFileOf(path), '\n'.repeat(400_000)),
  'a key file that is none': ({ path }) => writeFileSync(vkeyFileOf(path), 'x'.repeat(1_000_000)),
  'a key file of zeros': ({ path }) => writeFileSync(vkeyFileOf(path), Buffer.alloc(1_000_000)),
}

describe('a log to which somebody appended lines', function () {
  this.timeout(120_000)
  const audit = async (...words: string[]) =>
    run(process.execPath, [program, 'audit', ...words], { timeout: 60_000, maxBuffer: 256 * 1024 * 1024 }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (failed: { code: unknown; stdout: string; stderr: string }) => failed,
    )
  const sample = () => new SampleLog(join(temporaryFolder(), 'audit.log')).requests(3).checkpoint()

  for (const [name, line] of Object.entries(lines))
    it(`gets a verdict: ${name}`, async () => {
      const log = sample().add(line)
      const { code, stdout, stderr } = await audit('verify', log.path)
      // A line behind the last checkpoint with a right link is part of the log if a server could have written it.
      expect(code, stderr).to.be.oneOf([0, 3])
      expect(stdout.slice(0, 200)).to.match(/^(intact|BROKEN)/)
      for (const format of ['json', 'html', 'csv'])
        expect((await audit('report', `-format=${format}`, log.path)).code, format).to.equal(code)
      expect((await audit('read', log.path)).code).to.equal(0)
      expect((await audit('find', `-hash=${hash}`, log.path)).code).to.equal(0)
    })

  for (const [name, replace] of Object.entries(besides))
    it(`gets a verdict in a file beside the log: ${name}`, async () => {
      const log = sample()
      replace(log)
      const { code, stdout, stderr } = await audit('verify', log.path)
      expect(code, stderr).to.equal(3)
      expect(stdout).to.match(/^BROKEN/)
    })

  it('is broken if a line nests deeper than a request can', async () => {
    const log = sample().add(lines['arrays within arrays'] as string)
    const { stdout } = await audit('verify', log.path)
    expect(stdout).to.include(`audit.log line 5: it was changed: it nests deeper than`)
  })
})

describe('the head of a log', () => {
  const audit = async (...words: string[]) =>
    run(process.execPath, [program, 'audit', ...words]).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (failed: { code: unknown; stdout: string }) => failed,
    )
  const cut = (path: string, count: number): void =>
    writeFileSync(path, readFileSync(path, 'utf8').split('\n').slice(count).join('\n'))

  it('cannot be cut off unnoticed, however many lines, with or without checkpoints', async () => {
    for (const count of [1, 2, 4])
      for (const signed of [true, false]) {
        const log = new SampleLog(join(temporaryFolder(), 'audit.log')).requests(5)
        if (signed) log.checkpoint()
        cut(log.path, count)
        const { code, stdout } = await audit('verify', log.path)
        expect(code, `${count} lines, signed: ${signed}`).to.equal(3)
        expect(stdout).to.match(/^BROKEN at .*audit\.log line 1: lines were cut off before it/)
      }
  })

  it('cannot be cut off a later file, the files before it given or not', async () => {
    const log = new SampleLog(join(temporaryFolder(), 'audit.log')).requests(5).checkpoint()
    const closed = log.rotate()
    log.requests(3).checkpoint()
    const whole = await audit('verify', log.path)
    expect(whole.code).to.equal(0)
    expect(whole.stdout).to.include('begins with line number 7; the 6 before it are not in these files')
    cut(log.path, 1)
    expect((await audit('verify', log.path)).code).to.equal(3)
    expect((await audit('verify', closed, log.path)).code).to.equal(3)
  })
})
