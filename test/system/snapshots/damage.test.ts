import { join } from 'node:path'
import { expect } from 'chai'
import { openLevelServer, restarted, unseal } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { changeRaw, rawRecords } from '../../support/storages/raw-records.ts'
import type { Raw } from '../../support/storages/raw-records.ts'
import { download, saved, upload } from '../../support/storages/snapshot-files.ts'

/** Changes the storage of a server while it is stopped. */
async function changed(
  server: TestServer,
  change: (raw: Raw) => ReadonlyMap<string, Uint8Array | undefined>,
): Promise<TestServer> {
  await server.running.stop()
  const path = join(server.folder, 'data')
  await changeRaw(path, change(await rawRecords(path)))
  const again = await restarted(server)
  await unseal(again)
  return again
}

/** The keys of values that are large: of secrets that the tests write. */
const large = (raw: Raw): readonly string[] => [...raw].filter(([, { length }]) => length > 5000).map(([key]) => key)
const data = { filler: 'x'.repeat(6000) }

describe('a snapshot of a storage that somebody changed', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await openLevelServer()
    for (const version of ['1', '2'])
      await server.data('POST', `sys/mounts/kv${version}`, { type: 'kv', options: { version } })
  })
  afterEach(async () => server.running.stop())

  it('gives no secret whose record is damaged, and changes nothing', async () => {
    await server.data('POST', 'kv1/a', data)
    server = await changed(server, (raw) => {
      const [key = ''] = large(raw)
      const value = Buffer.from(raw.get(key) ?? [])
      value.writeUInt8(value.readUInt8(100) ^ 1, 100)
      return new Map([[key, value]])
    })
    const file = await saved(server)
    await server.data('DELETE', 'kv1/a')
    const reply = await upload(server, file, '-recover?path=kv1/a')
    expect([reply.status, reply.text]).to.satisfy(([status, text]: [number, string]) => status === 400 && text.includes('does not decrypt')) // prettier-ignore
    expect((await server.call('GET', '/v1/kv1/a')).status).to.equal(404)
  })

  it('gives no secret that lacks the values of a version, but its other versions', async () => {
    await server.data('POST', 'kv2/data/a', { data: { at: 1 } })
    await server.data('POST', 'kv2/data/a', { data })
    server = await changed(server, (raw) => new Map(large(raw).map((key) => [key, undefined])))
    const file = await saved(server)
    await server.data('DELETE', 'kv2/metadata/a')
    const reply = await upload(server, file, '-recover?path=kv2/data/a')
    expect([reply.status, reply.text]).to.satisfy(([status, text]: [number, string]) => status === 400 && text.includes('lacks the values of version 2')) // prettier-ignore
    expect((await server.call('GET', '/v1/kv2/metadata/a')).status).to.equal(404)
    expect((await upload(server, file, '-recover?path=kv2/data/a&version=1')).status).to.equal(200)
    expect((await server.data('GET', 'kv2/data/a'))['data']).to.deep.equal({ at: 1 })
  })

  it('is not made when a record is of a kind that it would lack', async () => {
    server = await changed(server, () => new Map([['future/record', Buffer.alloc(20)]]))
    const { status, bytes } = await download(server)
    expect([status, bytes.toString()]).to.satisfy(([code, text]: [number, string]) => code === 400 && text.includes('would lack it')) // prettier-ignore
    server = await changed(server, () => new Map([['future/record', undefined]]))
    expect((await download(server)).status).to.equal(200)
  })
})
