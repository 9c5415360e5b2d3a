import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { SampleLog } from '../audit/sample-log.ts'
import { openLevelServer } from '../support/server.ts'
import { examplesOf } from './examples.ts'
import { Reader } from './reader.ts'

describe('the examples of docs/auditors.md', function () {
  this.timeout(60_000)

  it('do what it says', async () => {
    const server = await openLevelServer()
    try {
      const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: server.token })
      const log = new SampleLog(join(reader.folder, 'audit.log')).requests(20).checkpoint()
      log.rotate()
      log.requests(5).rotateKey().requests(5).checkpoint()
      const printed: string[] = []
      for (const example of examplesOf('docs/auditors.md', 'auditor')) printed.push(await reader.follows(example))
      expect(printed).to.have.length(7)
      const [, verified, , , , proved, compared] = printed
      expect(verified).to.match(/^intact: \d+ lines, .*\n(.*\n)* {2}numbers 1 to \d+: whole, signed$/m)
      expect(proved).to.match(/^proved: the line is number 3 of /)
      expect(compared).to.match(/^proved: the first \d+ of \d+ lines are the same\n(.*\n)*intact: /)
      expect(readFileSync(join(reader.folder, 'report.html'), 'utf8')).to.include('The log is intact')
      expect(readFileSync(join(reader.folder, 'refused.csv'), 'utf8')).to.match(/^time,seq,/)
    } finally {
      await server.running.stop()
    }
  })
})
