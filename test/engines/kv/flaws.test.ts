import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

/** Flaws that the key-value stores of others have: callers' mistakes that are taken, or answered with a failure. */
describe('known flaws of key-value stores', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
  })
  after(async () => server.running.stop())

  const call = async (method: string, path: string, body?: Body) => {
    const type = method === 'PATCH' ? { 'Content-Type': 'application/merge-patch+json' } : {}
    return server.call(method, `/v1/${path}`, body, { 'X-Vault-Token': server.token, ...type })
  }
  const refused = async (method: string, path: string, body: Body) => {
    const { status, text } = await call(method, path, body)
    expect(status, `${JSON.stringify(body)}: ${text}`).to.equal(400)
  }

  it('a write of no data, or of null, is refused and makes no version', async () => {
    for (const body of [{}, { data: null }, { data: 'x' }, { data: [null] }])
      await refused('POST', 'secret/data/null', body)
    expect((await call('GET', 'secret/metadata/null')).status).to.equal(404)
    await server.data('POST', 'secret/data/null', { data: {} })
    for (const body of [{}, { data: null }]) await refused('PATCH', 'secret/data/null', body)
    expect((await server.data('GET', 'secret/metadata/null'))['current_version']).to.equal(1)
  })

  it('whole numbers are decimal: octal, hexadecimal and fractions are refused', async () => {
    await server.data('POST', 'secret/data/numbers', { data: { a: 1 } })
    for (const odd of ['010', '0x10', '0b1', '1e1', '1_0', '1.0', '+1', '٣', '--1', 1.5, 2 ** 53]) {
      await refused('POST', 'secret/metadata/numbers', { max_versions: odd })
      await refused('POST', 'secret/data/numbers', { data: {}, options: { cas: odd } })
      await refused('POST', 'secret/destroy/numbers', { versions: [odd] })
      if (typeof odd === 'string')
        expect((await call('GET', `secret/data/numbers?version=${encodeURIComponent(odd)}`)).status, odd).to.equal(400)
    }
    for (const good of ['3', ' 3 ', 3]) await server.data('POST', 'secret/metadata/numbers', { max_versions: good })
    expect(await server.data('GET', 'secret/metadata/numbers')).to.include({ max_versions: 3, current_version: 1 })
  })

  it('max_versions is neither negative nor without bounds, for a secret as for a mount', async () => {
    for (const path of ['secret/metadata/bounds', 'secret/config'])
      for (const most of [-1, '-1', 5001, 4_294_967_295]) await refused('POST', path, { max_versions: most })
    await refused('PATCH', 'secret/metadata/numbers', { max_versions: -1 })
  })

  it('delete_version_after can be set back to never, by a write and by a patch', async () => {
    for (const [method, never] of [
      ['POST', 0],
      ['PATCH', 0],
      ['PATCH', '0s'],
      ['PATCH', null],
    ] as const) {
      await server.data('POST', 'secret/metadata/never', { delete_version_after: '1h' })
      expect((await call(method, 'secret/metadata/never', { delete_version_after: never })).status).to.equal(204)
      const { delete_version_after: read } = await server.data('GET', 'secret/metadata/never')
      expect(read, `${method} ${never}`).to.equal('0s')
    }
    // A variable that was not set is no wish to keep things for ever.
    for (const blank of ['', ' ', '500ms'])
      expect((await call('PATCH', 'secret/metadata/never', { delete_version_after: blank })).status).to.equal(400)
  })

  it('a secret never shows a lease duration below zero', async () => {
    for (const body of [{ ttl: -5 }, { ttl: '-5s' }, { lease: -1 }, { lease: '-1h' }, { ttl: -1.5 }, { ttl: 'soon' }]) {
      await server.data('POST', 'kv/lease', body)
      const { body: told } = await call('GET', 'kv/lease')
      expect(told['lease_duration'], JSON.stringify(body)).to.equal(2_764_800)
      expect([told['lease_id'], told['renewable']]).to.deep.equal(['', false])
    }
    await server.data('POST', 'kv/lease', { ttl: '90s' })
    expect((await call('GET', 'kv/lease')).body['lease_duration']).to.equal(90)
  })

  it('a trailing slash names a folder: it is no way to read, write or delete the secret of the same name', async () => {
    for (const [store, body] of [
      ['kv/both', { a: 1 }],
      ['secret/data/both', { data: { a: 1 } }],
    ] as const) {
      await server.data('POST', store, body)
      expect((await call('GET', `${store}/`)).status, store).to.equal(404)
      await refused('POST', `${store}/`, body)
      expect((await call('DELETE', `${store}/`)).status, store).to.equal(204)
      expect((await call('GET', store)).status, store).to.equal(200)
    }
    for (const path of ['secret/metadata/both/', 'secret/subkeys/both/'])
      expect((await call('GET', path)).status, path).to.equal(404)
  })

  it('detailed metadata keeps a secret and the folder of the same name apart', async () => {
    for (const name of ['app', 'app/inner']) await server.data('POST', `secret/data/detail/${name}`, { data: {} })
    await server.data('POST', 'secret/metadata/detail/app', { custom_metadata: { of: 'the secret' } })
    const { keys, key_info: info } = await server.data('LIST', 'secret/detailed-metadata/detail')
    expect(keys).to.deep.equal(['app', 'app/'])
    expect((info as Record<string, Body>)['app']).to.deep.include({ custom_metadata: { of: 'the secret' } })
    expect((info as Record<string, Body>)['app/']).to.deep.equal({})
  })

  it('metadata that is no text, and a list of nothing that is to be wrapped, are answered plainly', async () => {
    for (const custom of [{ a: { b: 1 } }, { a: ['x'] }, ['a'], 7])
      await refused('PATCH', 'secret/metadata/numbers', { custom_metadata: custom })
    const headers = { 'X-Vault-Token': server.token, 'X-Vault-Wrap-TTL': '60' }
    const { status, text } = await server.call('LIST', '/v1/secret/metadata/none', undefined, headers)
    expect([status, text]).to.deep.equal([404, '{"errors":[]}\n'])
  })
})
