import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { devServer } from '../../support/server.ts'

describe('a seal while a request is worked on', function () {
  this.timeout(120_000)

  it('lets no response out that no audit device can record', async () => {
    const server = await devServer()
    const file = join(temporaryFolder(), 'audit.log')
    await server.data('PUT', 'sys/audit/file', { type: 'file', options: { file_path: file } })
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/slow', { type: 'slh-dsa-sha2-256f' })
    const lines = (): string[] => readFileSync(file, 'utf8').split('\n')
    const recorded = (): number => lines().filter((line) => line.includes('"transit/sign/slow"')).length
    // A signature of this type takes a worker a while.
    const signing = server.call('POST', '/v1/transit/sign/slow', { input: 'c29tZSB0ZXh0' })
    while (recorded() === 0) await server.call('GET', '/v1/sys/health')
    expect((await server.call('PUT', '/v1/sys/seal')).status).to.equal(204)
    const { status, text } = await signing
    expect(recorded(), 'the request line alone').to.equal(1)
    expect([status, text]).to.deep.equal([503, '{"errors":["Vault is sealed"]}\n'])
    await server.running.stop()
  })
})
