import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { leaveOut } from '../support/leave-out.ts'
import { devServer } from '../support/server.ts'
import { run } from './programs/run.ts'

describe('github.com/hashicorp/vault/api, unmodified', function () {
  // Go compiles everything the first time.
  this.timeout(600_000)
  const program = join(temporaryFolder(), 'client')

  before(async function () {
    const built = await run('go', ['build', '-o', program, '.'], { cwd: 'test/clients/go' })
    if (built.code === 0) return
    leaveOut(this, `no Go on this machine, or no module proxy: ${built.out.trim().slice(-200)}`)
  })

  it('reads, writes, lists, wraps, renews for a whole life, and its helpers for both versions of KV work', async () => {
    const server = await devServer()
    const env = { VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' }
    const { code, out } = await run(program, [], { env })
    await server.running.stop()
    expect(out).to.not.include('FAILED')
    expect(code, out).to.equal(0)
    expect(out.match(/^ok /gm)).to.have.length(6)
  })
})
