import { expect } from 'chai'
import { readJson, writeJson } from '../../../src/util/json.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

interface Backup {
  readonly policy: Readonly<Record<string, unknown>>
  readonly archived_keys: { readonly keys: readonly unknown[] }
}

describe('a backup of many versions', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(() => server.running.stop())

  it('is restored, or refused, while others are answered', async () => {
    const allowed = { exportable: true, allow_plaintext_backup: true }
    await server.data('POST', 'transit/keys/one', { type: 'rsa-2048', ...allowed })
    await server.data('POST', 'transit/keys/one/rotate')
    const { backup } = await server.data('GET', 'transit/backup/one')
    const root = readJson(Buffer.from(String(backup), 'base64').subarray(0, -1)) as Backup
    const [none, first] = root.archived_keys.keys
    const count = 300
    const archive = { keys: [none, ...Array.from({ length: count }, () => first)] }
    const counts = { latest_version: count, archive_version: count, min_decryption_version: count }
    const policy = { ...root.policy, ...counts, min_encryption_version: count, keys: {} }
    const many = Buffer.from(writeJson({ ...root, policy, archived_keys: archive })).toString('base64')
    let isDone = false
    const restored = server.call('POST', '/v1/transit/restore/many', { backup: many }).finally(() => (isDone = true))
    let longest = 0
    while (!isDone) {
      const began = performance.now()
      await new Promise(setImmediate)
      longest = Math.max(longest, performance.now() - began)
    }
    expect((await restored).status).to.be.oneOf([200, 204, 400])
    expect(longest, 'milliseconds of one turn').to.be.lessThan(500)
  })
})
