import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

describe('small routes of sys', () => {
  let server: TestServer
  before(async () => (server = await devServer()))
  after(async () => server.running.stop())

  it('sys/tools/random/{source}/{urlbytes}: so many bytes, from a source that is known', async () => {
    const sizes = { platform: 24, seal: 24, all: 1 }
    for (const [source, size] of Object.entries(sizes)) {
      const { random_bytes: hex } = await server.data('POST', `sys/tools/random/${source}/${size}`, { format: 'hex' })
      expect(hex, source).to.match(new RegExp(`^[0-9a-f]{${size * 2}}$`))
    }
    for (const path of ['nowhere/24', 'all/0', 'all/131073', 'all/many'])
      expect((await server.call('POST', `/v1/sys/tools/random/${path}`, {})).status, path).to.equal(400)
  })

  it('sys/internal/counters/entities: there are none', async () => {
    expect(await server.data('GET', 'sys/internal/counters/entities')).to.deep.equal({
      counters: { entities: { total: 0 } },
    })
  })

  for (const path of ['sys/rekey/backup', 'sys/rekey/recovery-key-backup', 'sys/rotate/recovery/backup'])
    it(`${path}: nothing to read where no shares were backed up, and removing it again is fine`, async () => {
      const read = await server.call('GET', `/v1/${path}`)
      expect([read.status, read.body['errors']]).to.deep.equal([400, ['no backed-up keys found']])
      expect((await server.call('DELETE', `/v1/${path}`)).status).to.equal(204)
      expect((await server.call('GET', `/v1/${path}`, undefined, {})).status).to.equal(403)
    })
})
