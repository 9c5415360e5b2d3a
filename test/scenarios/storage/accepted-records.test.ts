import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { ProcessServer } from '../../support/processes/process-server.ts'
import { program } from '../../support/program.ts'
import { changeRaw, rawRecords } from '../../support/storages/raw-records.ts'

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

const runFile = promisify(execFile)
const complaint = 'stored records were removed or put back outside strongroom'

describe('records removed from the disk, on the command line and in the log of the server', function () {
  this.timeout(120_000)
  let server: ProcessServer

  beforeEach(async () => {
    server = new ProcessServer()
    await server.start()
    await server.init()
    await server.unseal()
    await server.done('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  afterEach(async () => server.kill())

  /** Removes from the disk of the stopped server the records that `act` makes, and starts it again. */
  async function withoutWhat(act: () => Promise<unknown>, records = 1): Promise<void> {
    await server.kill('SIGTERM')
    const before = await rawRecords(server.data)
    await server.start()
    await server.unseal()
    await act()
    await server.kill('SIGTERM')
    const after = await rawRecords(server.data)
    const made = [...after.keys()].filter((key) => key.startsWith('e/') && !before.has(key))
    expect(made).to.have.length(records)
    await changeRaw(server.data, new Map(made.map((key) => [key, undefined])))
    await server.start()
  }

  /** The second share on the real command line. */
  async function unsealWith(...flags: readonly string[]): Promise<Outcome> {
    await server.call('PUT', 'sys/unseal', { key: server.keys[0] })
    const env = { PATH: process.env['PATH'] ?? '', HOME: server.folder, VAULT_ADDR: server.address }
    const words = ['operator', 'unseal', ...flags, server.keys[1] as string]
    return runFile(process.execPath, [program, ...words], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }: { readonly code: number; readonly stdout: string; readonly stderr: string }) => ({ code, out: stdout, err: stderr }), // prettier-ignore
    )
  }

  const codeIn = ({ code, err }: Outcome): string => {
    expect(code, err).to.equal(2)
    const found = /-accept-storage=([0-9a-f]{16})/.exec(err)?.[1]
    expect(found, err).to.be.a('string')
    return found as string
  }

  it('a policy: refused, with the same code on each request, and accepted for good by that code only', async () => {
    await withoutWhat(async () => server.done('PUT', 'sys/policies/acl/lost', { policy: 'path "a" {}' }))
    const refused = await unsealWith()
    expect(refused.code).to.equal(2)
    expect(refused.err).to.include('core/policy').and.include('-accept-storage=check')
    const code = codeIn(await unsealWith('-accept-storage=check'))
    expect(codeIn(await unsealWith('-accept-storage=0123456789abcdef')), 'another code opens nothing').to.equal(code)
    await server.kill()
    await server.start()
    expect(codeIn(await unsealWith('-accept-storage=check')), 'after a crash').to.equal(code)
    const opened = await unsealWith(`-accept-storage=${code}`)
    expect(opened, opened.err).to.include({ code: 0 })
    expect(opened.out).to.match(/Sealed\s+false/)
    expect(server.serverLog).to.include('unsealed although records were changed').and.include(code)
    expect(server.lines().filter((line) => line.includes('"path":"sys/audit/accepted"') && line.includes(code))).to.have.length(1) // prettier-ignore
    await server.kill()
    await server.start()
    expect((await unsealWith()).out).to.match(/Sealed\s+false/)
  })

  it('a key: the server unseals, the damage is an error in response and log, and everything else works', async () => {
    // The key, and where its uuid leads.
    await withoutWhat(async () => server.done('POST', 'transit/keys/lost'), 2)
    expect(await unsealWith()).to.include({ code: 0 })
    const { status, error } = await server.call('GET', 'transit/keys/lost')
    expect(status).to.equal(500)
    expect(error).to.include('restore them from a backup').and.not.include(server.folder)
    const line = server.serverLog.split('\n').find((each) => each.includes(complaint))
    expect(line, server.serverLog).to.match(/ERROR|"level":"error"/i)
    expect(line).to.include('mount/').and.include('restore a backup')
    await server.done('POST', 'sys/mounts/other', { type: 'transit' })
    await server.done('POST', 'other/keys/fine')
  })
})
