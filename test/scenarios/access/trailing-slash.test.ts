import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('a path that ends with a slash', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
  })
  after(async () => server.running.stop())

  it('cannot be written to, whatever is there and whoever asks', async () => {
    for (const path of ['kv/a/', 'kv/', 'sys/mounts/new/', 'sys/leases/lookup/', 'auth/token/create/', 'nowhere/'])
      for (const token of ['root', 'nonsense', '']) {
        const reply = await server.call('PUT', `/v1/${path}`, { a: 1 }, { 'X-Vault-Token': token })
        expect(reply.status, `${path} ${token}`).to.equal(400)
        expect(reply.body['errors']).to.deep.equal(["cannot write to a path ending in '/'"])
      }
    const patch = { 'X-Vault-Token': 'root', 'Content-Type': 'application/merge-patch+json' }
    expect((await server.call('PATCH', '/v1/secret/data/a/', {}, patch)).status).to.equal(400)
    expect(await server.data('GET', 'sys/mounts')).not.to.have.property('new/')
  })

  it('is the same as without it where there is something to list, so that a wrong verb gets its own error', async () => {
    for (const [verb, path] of [
      ['GET', 'sys/quotas/rate-limit/'],
      ['DELETE', 'sys/quotas/rate-limit/'],
      ['GET', 'sys/config/ui/headers/'],
      ['GET', 'auth/token/accessors/'],
    ] as const) {
      expect((await server.call(verb, `/v1/${path}`)).status, path).to.equal(405)
      expect((await server.call(verb, `/v1/${path}`, undefined, {})).status, path).to.equal(403)
    }
    for (const path of ['sys/mounts/', 'sys/loggers/', 'sys/leases/count/', 'auth/token/lookup-self/'])
      expect((await server.call('GET', `/v1/${path}`)).status, path).to.equal(404)
  })
})
