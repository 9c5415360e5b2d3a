import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import type { Body, TestServer } from '../support/server.ts'

/** The verbs of HTTP by the names that OpenAPI has for them. */
const verbs = { GET: 'get', POST: 'post', DELETE: 'delete', PATCH: 'patch', LIST: 'list', SCAN: 'scan' } as const

describe('paths that want sudo', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv-v2' })
  })
  after(async () => server.running.stop())

  it('reveal their verbs to nobody without sudo, for all routes', async function () {
    this.timeout(60_000)
    const reply = await server.call('GET', '/v1/sys/internal/specs/openapi')
    const paths = ((reply.body['data'] ?? reply.body) as Body)['paths'] as Record<string, Body>
    const token = await server.tokenWith(
      'path "*" { capabilities = ["create", "read", "update", "delete", "list", "scan", "patch"] }',
    )
    const guarded = Object.entries(paths).filter(([, item]) =>
      Object.values(item).some((operation) => (operation as Body | null)?.['x-vault-sudo'] === true),
    )
    expect(guarded.length).to.be.greaterThan(10)
    for (const [path, item] of guarded)
      for (const [verb, name] of Object.entries(verbs)) {
        if (item[name] !== undefined || (name === 'scan' && item['list'] !== undefined)) continue
        const headers = {
          'X-Vault-Token': token,
          ...(verb === 'PATCH' && { 'Content-Type': 'application/merge-patch+json' }),
        }
        const body = verb === 'POST' || verb === 'PATCH' ? {} : undefined
        const where = `/v1${path.replaceAll(/\{\w+\}/g, 'x')}`
        expect((await server.call(verb, where, body, headers)).status, `${verb} ${where}`).to.equal(403)
      }
  })

  it('respond 405 to a wrong verb with sudo, if all their operations are about the state of the server', async () => {
    for (const [verb, path] of [['GET', 'seal'], ['DELETE', 'seal'], ['LIST', 'seal'], ['GET', 'step-down']] as const) {
      const { status, body } = await server.call(verb, `/v1/sys/${path}`)
      expect(status, `${verb} ${path}`).to.equal(405)
      expect(body, `${verb} ${path}`).to.deep.equal({ errors: [] })
    }
  }) // prettier-ignore
})
