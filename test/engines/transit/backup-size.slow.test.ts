import { expect } from 'chai'
import { storageLimits } from '../../../src/contract/storage.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { backupOf, restoredFrom } from '../../../src/engines/transit/formats/backup.ts'
import { newKey, newVersion } from '../../../src/keys/record.ts'
import type { KeyRecord, KeyVersion } from '../../../src/keys/record.ts'
import { openLevelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { keySpec } from '../../support/requests/key-spec.ts'

const now = Date.UTC(2030, 0, 1)

/** A key with as many versions as a record holds. */
async function largest(type: KeyRecord['type']): Promise<KeyRecord> {
  const kind = { ...keySpec, type, exportable: true, plaintextBackup: true }
  const first = await newVersion({ type, size: null }, randomBytes, now)
  const each = JSON.stringify({ 1000: first }).length
  const latest = Math.floor((storageLimits.valueBytes - 10_000) / each)
  const versions: Record<string, KeyVersion> = {}
  for (let number = 1; number <= latest; number++) versions[number] = first
  return { ...newKey(kind, first), latest, versions }
}

describe('the size of a backup', function () {
  this.timeout(120_000)

  for (const type of ['aes128-gcm96', 'rsa-2048', 'ml-dsa-44'] as const)
    it(`of the largest key of type ${type} is one that can be restored`, async () => {
      const key = await largest(type)
      expect(JSON.stringify(key).length).to.be.greaterThan(0.9 * storageLimits.valueBytes)
      const { record } = await restoredFrom(await backupOf(key), randomBytes, now, 'another')
      expect(record).to.include({ name: 'another', latest: key.latest, type })
      expect(record.versions[key.latest]?.material).to.equal(key.versions[1]?.material)
    })

  describe('over HTTP', () => {
    let server: TestServer
    before(async () => {
      server = await openLevelServer('max_request_size = 12000')
      await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    })
    after(async () => server.running.stop())

    for (const type of ['aes256-gcm96', 'ed25519', 'ecdsa-p256', 'rsa-2048', 'ml-dsa-44'])
      it(`is one that the same listener takes, or the backup is refused: ${type}`, async () => {
        const path = `transit/keys/${type}`
        await server.data('POST', path, { type, exportable: true, allow_plaintext_backup: true })
        let accepted = 0
        for (let versions = 1; ; versions++) {
          const { status, body, text } = await server.call('GET', `/v1/transit/backup/${type}`)
          if (status !== 200) {
            expect(status).to.equal(400)
            expect(text).to.match(/restore could not take the backup .*max_request_size.*trim/)
            break
          }
          accepted++
          const { backup } = body['data'] as { readonly backup: string }
          const restored = await server.call('POST', `/v1/transit/restore/copy-of-${type}`, { backup, force: true })
          expect(restored.status, restored.text).to.equal(204)
          const { latest_version } = await server.data('GET', `transit/keys/copy-of-${type}`)
          expect(latest_version).to.equal(versions)
          await server.data('POST', `${path}/rotate`)
        }
        expect(accepted).to.be.greaterThan(type === 'ml-dsa-44' ? -1 : 0)
        // A refused backup is none: the key was not backed up then.
        const { backup_info } = (await server.data('GET', path)) as {
          readonly backup_info?: { readonly version: number }
        }
        expect(backup_info?.version ?? 0).to.equal(accepted)
      })
  })
})
