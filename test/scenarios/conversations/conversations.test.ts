import { readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { conversationOf } from '../../docs/runner/examples.ts'
import { Reader, programAlone } from '../../docs/runner/reader.ts'
import { devServer, levelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const folder = 'test/scenarios/conversations'

/** Servers that a page can ask for. */
const servers: Readonly<Record<string, () => Promise<TestServer>>> = {
  /** In memory, unsealed, with the root token `root`. */
  development: async () => devServer(),
  /** New, on LevelDB, with the audit file `audit.log`. */
  sealed: async () => levelServer(),
}

/** Each page is one conversation with one server: commands and requests, with what they are answered (see README.md there). */
describe('conversations', function () {
  this.timeout(60_000)

  for (const file of readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md'))
    it(file.replace('.md', ''), async () => {
      const page = join(folder, file)
      const [, kind = ''] = /^<!-- server: (\w+) -->$/m.exec(readFileSync(page, 'utf8')) ?? []
      const server = await (servers[kind] ?? expect.fail(`${page} names no server`))()
      try {
        const address = { VAULT_ADDR: server.running.address }
        const reader = new Reader({ ...address, ...(server.token && { VAULT_TOKEN: server.token }) }, programAlone)
        if (server.folder !== '') symlinkSync(join(server.folder, 'audit.log'), join(reader.folder, 'audit.log'))
        const examples = conversationOf(page)
        expect(examples).to.have.length.greaterThan(0)
        await reader.converses(examples)
      } finally {
        await server.running.stop()
      }
    })
})
