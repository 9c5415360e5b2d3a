import { expect } from 'chai'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { verifyAuditFiles } from '../verdict.ts'
import { bareFile, brokerWith, event, file, linesOf, round, scratch } from '../support.ts'

describe('the offline check of audit files', () => {
  const at = scratch()
  const path = (): string => at('verify.log')
  let lines: string[] = []
  const check = async (changed: readonly string[]) => {
    writeFileSync(path(), changed.map((line) => `${line}\n`).join(''))
    return verifyAuditFiles([path()])
  }

  before(async () => {
    const { broker } = brokerWith({ file: bareFile })
    await broker.configure([file(path(), { log_raw: '1' })])
    for (let i = 0; i < 6; i++) await round(broker, event({ ask: { data: { i, text: 'ü\u2028' } } }), { data: { i } })
    await broker.shutdown()
    lines = readFileSync(path(), 'utf8').split('\n').slice(0, -1)
  })

  it('finds nothing in an untouched file', async () => {
    expect(lines).to.have.length(12)
    expect(await check(lines)).to.deep.equal({ ok: true, lines: 12 })
  })

  it('names the line in which a byte was changed, for any byte', async () => {
    const target = 4
    const bytes = Buffer.from(lines[target] as string)
    for (let byte = 0; byte < bytes.length; byte += 7) {
      const other = Buffer.from(bytes)
      other[byte] = (bytes[byte] as number) ^ 1
      const all = lines.map((line) => Buffer.from(line))
      all[target] = other
      writeFileSync(path(), Buffer.concat(all.flatMap((line) => [line, Buffer.from('\n')])))
      const verdict = await verifyAuditFiles([path()])
      expect(verdict, `byte ${byte}`).to.include({ ok: false, lines: target })
      expect(verdict.firstBad).to.include({ file: path(), line: target + 1 })
    }
  })

  const edits: Readonly<Record<string, readonly [(all: string[]) => string[], number]>> = {
    'a changed first line': [(all) => [(all[0] as string).replace('4711', '4712'), ...all.slice(1)], 1],
    'a changed last but one line': [(all) => all.with(10, (all[10] as string).replace('4711', '4712')), 11],
    'a removed line': [(all) => all.toSpliced(3, 1), 4],
    'several removed lines': [(all) => all.toSpliced(3, 4), 4],
    'a repeated line': [(all) => all.toSpliced(4, 0, all[3] as string), 5],
    'an inserted line': [(all) => all.toSpliced(4, 0, '{"time":"now","type":"request","request":{}}'), 5],
    'an inserted old line': [(all) => all.toSpliced(8, 0, all[2] as string), 9],
    'two swapped lines': [(all) => all.with(5, all[6] as string).with(6, all[5] as string), 6],
    'a line that was cut': [(all) => all.with(5, (all[5] as string).slice(0, 40)), 6],
    'an emptied line': [(all) => all.with(5, ''), 6],
    'a renumbered line': [(all) => all.with(5, (all[5] as string).replace('"seq":6', '"seq":7')), 6],
    'a number written otherwise': [(all) => all.with(5, (all[5] as string).replace('4711', '4711.0')), 6],
    'another link': [(all) => all.with(5, (all[5] as string).replace(/"prev":"./, '"prev":"/')), 6],
    'a last line that is no JSON': [(all) => all.with(11, (all[11] as string).replace('"time":', '"time"')), 12],
  }
  for (const [name, [edit, line]] of Object.entries(edits)) {
    it(`names ${name}`, async () => {
      const changed = edit([...lines])
      expect(changed, 'the edit does something').to.not.deep.equal(lines)
      const { ok, lines: good, firstBad } = await check(changed)
      expect({ ok, good, line: firstBad?.line, why: (firstBad?.why ?? '') !== '' }).to.deep.equal({
        ok: false,
        good: line - 1,
        line,
        why: true,
      })
    })
  }

  it('detects a rewritten tail by the link before it only', async () => {
    const { broker } = brokerWith({ file: bareFile })
    const other = at('other.log')
    await broker.configure([file(other)])
    for (let i = 0; i < 6; i++) await round(broker, event())
    await broker.shutdown()
    const forged = readFileSync(other, 'utf8').split('\n').slice(0, -1)
    expect(await check([...lines.slice(0, 6), ...forged.slice(6)])).to.include({ ok: false })
  })

  it('follows a chain through several files, in any order, compressed or not', async () => {
    const [first, second, third] = [at('r.log.2.gz'), at('r.log.1'), at('r.log')]
    const text = (from: number, to: number) => lines.slice(from, to).map((line) => `${line}\n`).join('') // prettier-ignore
    writeFileSync(first, gzipSync(text(0, 4)))
    writeFileSync(second, text(4, 8))
    writeFileSync(third, text(8, 12))
    writeFileSync(at('r.log.torn'), 'half a line')
    expect(await verifyAuditFiles([third, at('r.log.torn'), second, first])).to.deep.equal({ ok: true, lines: 12 })
    const gap = await verifyAuditFiles([third, first])
    expect(gap).to.include({ ok: false, lines: 4 })
    expect(gap.firstBad).to.include({ file: third, line: 1 })
    const headless = await verifyAuditFiles([third])
    expect(headless).to.include({ ok: false, lines: 0 })
    expect(headless.firstBad?.why).to.include('cut off before it: it is number 9')
  })

  it('accepts an incomplete last line with a remark, but not elsewhere', async () => {
    const whole = lines.map((line) => `${line}\n`).join('')
    writeFileSync(path(), whole.slice(0, -20))
    const remarks: string[] = []
    expect(await verifyAuditFiles([path()], (remark) => remarks.push(remark))).to.deep.equal({ ok: true, lines: 11 })
    expect(remarks.join()).to.include('not finished')
    writeFileSync(at('more.log'), 'x')
    expect(await verifyAuditFiles([at('more.log'), path()])).to.include({ ok: false })
  })

  it('reads files of any size line by line, and refuses an endless line', async () => {
    writeFileSync(path(), Buffer.alloc(20 * 1024 * 1024, 'x'))
    const verdict = await verifyAuditFiles([path()])
    expect(verdict).to.include({ ok: false, lines: 0 })
    rmSync(path())
  })

  it('fails if a file does not exist', async () => {
    for (const missing of ['none.log', 'none.log.gz']) {
      const failed = await verifyAuditFiles([at(missing)]).then(() => undefined, (thrown: Error) => thrown) // prettier-ignore
      expect(failed).to.be.instanceOf(Error)
    }
  })

  it('numbers lines from 1', async () => {
    await check(lines)
    expect(linesOf(path()).map(({ chain }) => chain.seq)).to.deep.equal(lines.map((_, index) => index + 1))
  })
})
