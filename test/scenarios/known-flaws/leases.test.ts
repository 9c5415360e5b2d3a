import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { startServer } from '../../../src/server/start.ts'
import { TestServer, openLevelServer, unseal } from '../../support/server.ts'

const made = async (server: TestServer, path: string, body: object): Promise<string> => {
  const reply = await server.call('POST', `/v1/auth/token/${path}`, body)
  return (reply.body['auth'] as { readonly client_token: string }).client_token
}
const status = async (server: TestServer, token: string): Promise<number> =>
  (await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })).status

describe('leases and lifetimes of tokens, over HTTP', function () {
  this.timeout(60_000)

  it('0.6.0, 0.11.3: a prefix ends at a slash, and names may have any of their letters', async () => {
    const server = await openLevelServer()
    for (const role of ['a', 'ab', 'r.o-l_e', 'r.o-l_e.2']) {
      await server.data('POST', `auth/token/roles/${role}`, { allowed_policies: 'default' })
    }
    const [a, ab, odd, other] = await Promise.all(['a', 'ab', 'r.o-l_e', 'r.o-l_e.2'].map(async (role) => made(server, `create/${role}`, {}))) // prettier-ignore
    for (const role of ['a', 'r.o-l_e'])
      expect((await server.call('PUT', `/v1/sys/leases/revoke-prefix/auth/token/create/${role}`)).status).to.equal(204)
    expect(await Promise.all([a, ab, odd, other].map(async (token) => status(server, token ?? '')))).to.deep.equal([403, 200, 403, 200]) // prettier-ignore
    await server.running.stop()
  })

  it('CVE-2020-25816: a batch token cannot be renewed, revoked or made a parent', async () => {
    const server = await openLevelServer()
    const token = await made(server, 'create', { type: 'batch', policies: ['default'], ttl: '1h' })
    for (const path of ['renew', 'revoke'])
      expect((await server.call('POST', `/v1/auth/token/${path}`, { token })).status, path).to.equal(400)
    const rights = 'path "auth/token/create" { capabilities = ["create", "update"] }'
    const parent = await server.tokenWith(rights, { type: 'batch', ttl: '1h' })
    const child = await server.call('POST', '/v1/auth/token/create', {}, { 'X-Vault-Token': parent })
    expect([child.status, child.text.includes('batch tokens cannot create more tokens')]).to.deep.equal([400, true])
    expect(await status(server, token)).to.equal(200)
    await server.running.stop()
  })

  it('0.10.2: a token that expired while the server was down is refused at once', async () => {
    const server = await openLevelServer()
    const tokens = [await made(server, 'create', { ttl: '1h' }), await made(server, 'create', { ttl: '9h' })]
    await server.running.stop()
    const clock = new HandClock(Date.now() + 2 * 3_600_000)
    const running = await startServer({ config: [server.config], log: () => {}, clock })
    const later = new TestServer(running, server.folder, server.config)
    later.shares = server.shares
    later.token = server.token
    await unseal(later)
    expect(await Promise.all(tokens.map(async (token) => status(later, token)))).to.deep.equal([403, 200])
    await later.running.stop()
  })
})
