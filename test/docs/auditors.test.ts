import { readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openLevelServer } from '../support/server.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

describe('the examples of docs/auditors.md', function () {
  this.timeout(300_000)

  it('have the documented output, with the files of a running server', async () => {
    const server = await openLevelServer()
    try {
      await server.call('PUT', '/v1/cubbyhole/a', { password: 'first' })
      await server.call('GET', '/v1/secret/a', undefined, { 'X-Vault-Token': 'nobody' })
      await server.call('POST', '/v1/sys/audit/rotate-keys', {})
      const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: server.token })
      for (const name of readdirSync(server.folder).filter((one) => one.startsWith('audit.log')))
        symlinkSync(join(server.folder, name), join(reader.folder, name))
      const printed: string[] = []
      for (const example of examplesOf('docs/auditors.md', 'auditor')) printed.push(await reader.follows(example))
      expect(printed).to.have.length(7)
      const [, verified, read, , found, proved, compared] = printed
      expect(verified).to.match(/^intact: \d+ lines, .*\n(.*\n)* {2}numbers 1 to \d+: whole, signed/m)
      expect(read).to.match(/ denied +read .*secret\/a/)
      expect(found?.match(/cubbyhole\/a {2}\/request\/data\/password$/gm)).to.have.length.greaterThan(1)
      expect(proved).to.match(/^proved: the line is number 3 of /)
      expect(compared).to.match(/^proved: the first \d+ of \d+ lines are the same\n(.*\n)*intact: /)
      expect(readFileSync(join(reader.folder, 'report.html'), 'utf8')).to.include('The log is intact')
      expect(readFileSync(join(reader.folder, 'refused.csv'), 'utf8')).to.match(/^time,seq,/)
    } finally {
      await server.running.stop()
    }
  })
})
