import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { program } from '../../support/program.ts'
import { openLevelServer } from '../../support/server.ts'

describe('audit files that cannot be read to the end, with the real program', function () {
  this.timeout(120_000)
  const folder = temporaryFolder()
  let log = Buffer.alloc(0)
  before(async () => {
    const server = await openLevelServer()
    for (let at = 0; at < 20; at++) await server.data('GET', 'sys/mounts')
    await server.running.stop()
    log = readFileSync(join(server.folder, 'audit.log'))
  })

  const file = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    return path
  }
  const audit = (...args: readonly string[]) =>
    spawnSync(process.execPath, [program, 'audit', ...args], { encoding: 'utf8', timeout: 40_000 })

  const damaged: Readonly<Record<string, () => string>> = {
    'a packed file that was cut': () => file('cut.log.gz', gzipSync(log).subarray(0, -20)),
    'a packed file with something behind it': () => file('behind.log.gz', Buffer.concat([gzipSync(log), Buffer.from('x')])), // prettier-ignore
    'a file that was never packed': () => file('plain.log.gz', log),
    'a small packed file of a hundred million lines': () =>
      file('bomb.log.gz', Buffer.concat([gzipSync(log), ...Array<Buffer>(10).fill(gzipSync(Buffer.alloc(1e7, '\n')))])),
    'a file of a hundred million lines': () => file('lines.log', Buffer.concat([log, Buffer.alloc(1e8, '\n')])),
  }
  for (const [what, make] of Object.entries(damaged))
    it(`${what}: a verdict, a report, and the readable part`, () => {
      const path = make()
      const verified = audit('verify', path)
      expect(verified.status, verified.stderr).to.equal(3)
      expect(verified.stdout).to.match(/^BROKEN/)
      for (const format of ['json', 'html', 'csv']) {
        const reported = audit('report', `-format=${format}`, path)
        expect(reported.status, reported.stderr).to.equal(3)
        expect(reported.stderr).to.include('The log is broken')
        if (!path.includes('plain')) expect(reported.stdout).to.include('sys/mounts')
      }
      const read = audit('read', '-format=json', path)
      expect(read.status).to.equal(1)
      expect(read.stderr).to.include(path).and.include('from line')
      if (!path.includes('plain')) expect(read.stdout).to.include('"path":"sys/mounts"')
    })

  it('a folder is named', () => {
    const read = audit('verify', folder)
    expect(read.status).to.equal(1)
    expect(read.stderr).to.include(folder)
  })
})
