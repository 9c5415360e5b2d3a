import { expect } from 'chai'
import type { Entry } from '../../../src/contract/storage.ts'
import { measure } from '../../../src/snapshot/sums.ts'
import { snapshotFile } from '../../../src/snapshot/write.ts'
import { MeasuredServer } from '../../support/processes/measured.ts'
import { upload } from '../../support/storages/snapshot-files.ts'

const count = 1_000_000
const value = Buffer.from('x')

/** A million records of one byte each, as a hostile client makes them: in order, but of no server. */
async function* tiny(): AsyncGenerator<readonly Entry[]> {
  for (let from = 0; from < count; from += 10_000)
    yield Array.from({ length: 10_000 }, (_, at) => ({
      key: `e/${String(from + at).padStart(8, '0')}`,
      rev: 1n,
      value,
    }))
}

async function hostileFile(): Promise<Buffer> {
  const { records, bytes, sha256 } = await measure(tiny())
  const seal = { type: 'shamir', shares: 1, threshold: 1 }
  const meta = { format: 1, created: '2026-01-01T00:00:00Z', release: '1', cluster_name: 'a', cluster_id: 'b', seal, revision: '1', records, bytes, audit_heads: {} } as const // prettier-ignore
  const parts: Buffer[] = []
  for await (const part of snapshotFile({ meta, sha256, entries: tiny, mac: () => Buffer.alloc(32) }, () => {}))
    parts.push(part as Buffer)
  return Buffer.concat(parts)
}

describe('a snapshot of a million tiny records', function () {
  this.timeout(300_000)

  it('is refused, without holding up others, in memory and time that are bounded', async () => {
    const [server, file] = await Promise.all([MeasuredServer.start(), hostileFile()])
    try {
      const { peak } = await server.memory()
      let seconds = 0
      for (const more of ['-force'])
        await server.turnsQuickly(`snapshot${more}`, async () => {
          const begun = performance.now()
          const reply = await upload(server.http, file, more)
          expect([reply.status, reply.text]).to.satisfy(([status, text]: [number, string]) => status === 400 && text.includes('lacks the record of a seal')) // prettier-ignore
          seconds = Math.max(seconds, (performance.now() - begun) / 1000)
        })
      const grown = ((await server.memory()).peak - peak) / 2 ** 20
      expect(grown, 'MiB').to.be.lessThan(200)
      expect(seconds).to.be.lessThan(60)
      expect((await server.http.call('GET', '/v1/sys/health')).status).to.equal(200)
    } finally {
      await server.stop()
    }
  })
})
