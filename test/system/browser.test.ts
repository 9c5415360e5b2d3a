import { expect } from 'chai'
import { openLevelServer, restarted, unseal } from '../support/server.ts'
import type { Reply, TestServer } from '../support/server.ts'

const app = 'https://app.example'
const evil = 'https://evil.example'

describe('pages of other origins', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await openLevelServer()
  })
  afterEach(async () => server.running.stop())

  const from = async (origin: string, path = '/v1/sys/mounts'): Promise<Reply> =>
    server.call('GET', path, undefined, { Origin: origin, 'X-Vault-Token': server.token })
  const preflight = async (origin: string, method = 'GET'): Promise<Reply> =>
    server.call('OPTIONS', '/v1/sys/mounts', undefined, { Origin: origin, 'Access-Control-Request-Method': method })
  const allow = async (rules: object): Promise<Reply> => server.call('POST', '/v1/sys/config/cors', rules)
  const granted = ({ headers }: Reply): unknown => headers['access-control-allow-origin']

  it('may do nothing unless allowed: no response carries a header that lets a page read it', async () => {
    expect(granted(await from(app))).to.equal(undefined)
    const asked = await preflight(app)
    expect(asked.status).to.equal(400)
    expect(granted(asked)).to.equal(undefined)
  })

  it('an allowed one gets CORS headers on every response, errors too; any other is refused before its token is checked', async () => {
    await allow({ allowed_origins: [app], allowed_headers: 'X-One', allow_credentials: true })
    const good = await from(app)
    expect(good.status).to.equal(200)
    expect(good.headers).to.include({
      'access-control-allow-origin': app,
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
    expect(granted(await from(app, '/v1/nowhere'))).to.equal(app)
    const asked = await preflight(app, 'LIST')
    expect(asked.status).to.equal(200)
    expect(asked.headers['access-control-allow-headers']).to.match(/X-Vault-Token,.*X-One$/)
    for (const origin of [evil, `${app}.evil.example`, 'null', app.toUpperCase()]) {
      for (const refused of [await from(origin), await preflight(origin), await from(origin, '/v1/sys/health')]) {
        expect(refused.status, origin).to.equal(403)
        expect(granted(refused), origin).to.equal(undefined)
      }
    }
  })

  it('with "*" any may, but no browser sends credentials of its own along', async () => {
    await allow({ allowed_origins: '*', allow_credentials: true })
    const any = await from(evil)
    expect(any.status).to.equal(200)
    expect(any.headers['access-control-allow-credentials']).to.equal(undefined)
  })

  it('a refused or incomplete rule changes nothing', async () => {
    await allow({ allowed_origins: app })
    for (const bad of [
      {},
      { allowed_origins: [] },
      { allowed_origins: null },
      { allowed_origins: ['*', app] },
      { allowed_origins: { a: 1 } },
      { allowed_origins: app, allowed_headers: ['X-A\r\nX-B: 1'] },
    ])
      expect((await allow(bad)).status, JSON.stringify(bad)).to.equal(400)
    expect(await server.data('GET', 'sys/config/cors')).to.deep.include({ enabled: true, allowed_origins: [app] })
  })

  it('the rules are there after a restart, from unsealing on, and while sealed again', async () => {
    await allow({ allowed_origins: app })
    server = await restarted(server)
    await unseal(server)
    expect((await from(evil)).status).to.equal(403)
    await server.call('PUT', '/v1/sys/seal')
    expect((await from(evil, '/v1/sys/health')).status).to.equal(403)
    expect((await from(app, '/v1/sys/health')).status).to.equal(503)
  })

  it('a denied one changes nothing: the rules need sudo', async () => {
    const token = await server.tokenWith('path "sys/config/*" { capabilities = ["read", "update"] }')
    const headers = { 'X-Vault-Token': token }
    expect((await server.call('POST', '/v1/sys/config/cors', { allowed_origins: '*' }, headers)).status).to.equal(403)
    const set = await server.call('POST', '/v1/sys/config/ui/headers/X-A', { values: ['a'] }, headers)
    expect(set.status).to.equal(403)
  })
})

describe('headers of the user interface', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await openLevelServer()
  })
  afterEach(async () => server.running.stop())
  const set = async (name: string, values: unknown): Promise<number> =>
    (await server.call('POST', `/v1/sys/config/ui/headers/${name}`, { values })).status

  it('stand on the responses below /ui/ and on no other, also after a restart', async () => {
    expect(await set('x-frame-options', ['DENY'])).to.equal(200)
    expect(await set('Link', ['<a>', '<b>'])).to.equal(200)
    for (let time = 0; time < 2; time++) {
      const page = await server.call('GET', '/ui/vault')
      expect(page.headers['x-frame-options']).to.equal('DENY')
      expect(page.headers['link']).to.equal('<a>, <b>')
      for (const path of ['/v1/sys/health', '/uix', '/'])
        expect((await server.call('GET', path)).headers['x-frame-options'], path).to.equal(undefined)
      server = await restarted(server)
      await unseal(server)
    }
  })

  it('cannot break a response: neither its framing nor a second header in a value', async () => {
    for (const name of ['Content-Length', 'transfer-encoding', 'Connection', 'X-Vault-Token', 'a%20b', 'a%3Ab'])
      expect(await set(name, ['1']), name).to.equal(400)
    for (const value of ['a\r\nX-Evil: 1', 'a\nb', 'a\u0000', 'a\u2028'])
      expect(await set('X-A', [value]), JSON.stringify(value)).to.equal(400)
    expect((await server.call('GET', '/ui/')).status).to.equal(404)
    expect((await server.call('LIST', '/v1/sys/config/ui/headers')).status).to.equal(404)
  })
})
