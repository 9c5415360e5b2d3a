import { expect } from 'chai'
import { inside, makeNamespace } from '../../../../support/requests/namespaces.ts'
import { devServer } from '../../../../support/server.ts'
import type { Body, TestServer } from '../../../../support/server.ts'

const base = 'identity/oidc'

describe('the settings of OIDC providers', () => {
  let server: TestServer
  before(async () => (server = await devServer()))
  after(async () => server.running.stop())

  const status = async (method: string, path: string, data?: Body): Promise<number> =>
    (await server.call(method, `/v1/${base}/${path}`, data)).status
  const read = async (path: string): Promise<Body> => server.data('GET', `${base}/${path}`)

  it('begin with a key, an assignment and a provider that cannot be removed', async () => {
    const issuer = `${server.running.address}/v1/${base}/provider/default`
    const shown = { issuer, allowed_client_ids: ['*'], scopes_supported: [] }
    expect(await read('provider/default')).to.deep.equal(shown)
    expect(await server.data('LIST', `${base}/provider`)).to.deep.equal({
      keys: ['default'],
      key_info: { default: shown },
    })
    expect(await read('assignment/allow_all')).to.deep.equal({ entity_ids: ['*'], group_ids: ['*'] })
    expect((await server.data('LIST', 'identity/oidc/assignment'))['keys']).to.deep.equal(['allow_all'])
    for (const path of ['provider/default', 'assignment/allow_all', 'key/default'])
      expect(await status('DELETE', path), path).to.equal(400)
    expect(await status('POST', 'assignment/allow_all', { entity_ids: 'x' })).to.equal(400)
    for (const path of ['scope', 'client']) expect(await status('LIST', path), path).to.equal(404)
    for (const path of ['scope/x', 'assignment/x', 'client/x', 'provider/x']) {
      expect(await status('GET', path), path).to.equal(404)
      expect(await status('DELETE', path), path).to.equal(204)
    }
  })

  it('of a scope are a template and a description', async () => {
    expect(await status('POST', 'scope/openid', {})).to.equal(400)
    expect(await status('POST', 'scope/plain', {})).to.equal(204)
    expect(await read('scope/plain')).to.deep.equal({ description: '', template: '' })
    const template = '{"groups":{{identity.entity.groups.names}}}'
    expect(await status('POST', 'scope/groups', { template: Buffer.from(template).toString('base64') })).to.equal(204)
    expect(await status('POST', 'scope/groups', { description: 'Its groups.' })).to.equal(204)
    expect(await read('scope/groups')).to.deep.equal({ description: 'Its groups.', template })
    for (const wrong of ['{"iss":1}', 'x', '{"a":{{x}}}'])
      expect(await status('POST', 'scope/groups', { template: wrong }), wrong).to.equal(400)
    expect((await server.data('LIST', 'identity/oidc/scope'))['keys']).to.deep.equal(['groups', 'plain'])
    expect(await status('POST', 'provider/users', { scopes_supported: 'groups' })).to.equal(204)
    expect(await status('DELETE', 'scope/groups'), 'in use').to.equal(400)
    expect(await status('DELETE', 'scope/plain')).to.equal(204)
  })

  it('of a client are shown with its secret to its reader only', async () => {
    expect(await status('POST', 'client/web', {})).to.equal(204)
    const { client_id: id, client_secret: secret, ...settings } = await read('client/web')
    expect(id).to.match(/^[0-9A-Za-z]{32}$/)
    expect(secret).to.match(/^hvo_secret_[0-9A-Za-z]{64}$/)
    expect(settings).to.deep.equal({
      client_type: 'confidential',
      key: 'default',
      redirect_uris: [],
      assignments: [],
      id_token_ttl: 86_400,
      access_token_ttl: 86_400,
      authorization_code: true,
      client_credentials: false,
    })
    expect(await server.data('LIST', `${base}/client`)).to.deep.equal({
      keys: ['web'],
      key_info: { web: { ...settings, client_id: id } },
    })
    await server.data('POST', 'identity/oidc/client/web', {
      redirect_uris: ['https://b.example/', 'https://a.example/'],
    })
    const changed = await read('client/web')
    expect(changed['redirect_uris']).to.deep.equal(['https://a.example/', 'https://b.example/'])
    expect([changed['client_id'], changed['client_secret']]).to.deep.equal([id, secret])
    await server.data('POST', `${base}/client/app`, { client_type: 'public' })
    expect(await read('client/app')).to.not.have.property('client_secret')
  })

  it('of a client are refused where they could not work, or would open something', async () => {
    const refused: readonly Body[] = [
      { key: 'none' }, { client_type: 'x' }, { client_type: '' }, { assignments: 'none' }, { assignments: ['allow_all', 'none'] }, { id_token_ttl: '25h' }, { id_token_ttl: '' }, { access_token_ttl: '' },
      { client_type: 'public', client_credentials: true },
      ...['nonsense', '/callback', 'https://a.example/#f', 'https://a.example/#', 'http://a b', 'https://a.example\\x', 'javascript:alert(1)', 'JavaScript://x', 'data:text/html,x', 'file:///etc', 'vbscript:x', ' '].map((uri) => ({ redirect_uris: [uri] })),
    ]
    for (const settings of refused) {
      expect(await status('POST', 'client/refused', settings), JSON.stringify(settings)).to.equal(400)
      expect(await status('GET', 'client/refused')).to.equal(404)
    }
    await server.data('POST', `${base}/key/other`, { algorithm: 'ES256' })
    expect(await status('POST', 'client/web', { key: 'other' })).to.equal(400)
    expect(await status('POST', 'client/web', { client_type: 'public' })).to.equal(400)
    await server.data('POST', `${base}/assignment/few`, { entity_ids: ['x'] })
    await server.data('POST', `${base}/client/web`, { assignments: 'few', key: 'default', client_type: 'confidential' })
    expect(await status('DELETE', 'assignment/few'), 'in use').to.equal(400)
    await server.data('POST', `${base}/client/web`, { assignments: [] })
    expect(await status('DELETE', 'assignment/few')).to.equal(204)
  }) // prettier-ignore

  it('of a provider are its issuer, clients and scopes', async () => {
    for (const wrong of [{ issuer: 'x' }, { issuer: 'https://x.example/y' }, { scopes_supported: 'none' }, { scopes_supported: 'openid' }])
      expect(await status('POST', 'provider/own', wrong), JSON.stringify(wrong)).to.equal(400)
    const set = await server.call('POST', '/v1/identity/oidc/provider/own', { issuer: 'https://login.example', allowed_client_ids: ['a'] })
    expect(set.body['warnings']).to.be.an('array').with.length(1)
    expect(await read('provider/own')).to.deep.equal({
      issuer: 'https://login.example/v1/identity/oidc/provider/own',
      allowed_client_ids: ['a'],
      scopes_supported: [],
    })
    const { body, headers } = await server.call('GET', '/v1/identity/oidc/provider/own/.well-known/openid-configuration', undefined, {})
    expect(headers['cache-control']).to.equal('max-age=3600')
    expect(body['token_endpoint']).to.equal('https://login.example/v1/identity/oidc/provider/own/token')
    expect(body['scopes_supported']).to.deep.equal(['openid'])
    const listedFor = async (id: string) => (await server.data('LIST', `${base}/provider?allowed_client_id=${id}`))['keys']
    expect(await listedFor('a')).to.deep.equal(['default', 'own'])
    expect(await listedFor('b')).to.deep.equal(['default'])
    for (const file of ['keys', 'openid-configuration'])
      expect(await status('GET', `provider/none/.well-known/${file}`)).to.equal(404)
  }) // prettier-ignore

  it('publish the keys of the clients of a provider', async () => {
    const { client_id: id } = await read('client/web')
    await server.data('POST', `${base}/provider/narrow`, { allowed_client_ids: [id] })
    await server.data('POST', `${base}/key/ed`, { algorithm: 'EdDSA', allowed_client_ids: '*' })
    await server.data('POST', `${base}/client/ed`, { key: 'ed' })
    const kinds = async (provider: string): Promise<unknown> => {
      const { body } = await server.call('GET', `/v1/identity/oidc/provider/${provider}/.well-known/keys`)
      return (body['keys'] as readonly Body[]).map(({ alg }) => alg)
    }
    expect(await kinds('narrow'), 'default has not signed yet').to.deep.equal([])
    expect(await kinds('default')).to.deep.equal(['EdDSA', 'EdDSA'])
  })

  it('answer strangers in a namespace without clients as in one that does not exist', async () => {
    await makeNamespace(server, 'empty')
    const asked = [
      ['GET', '.well-known/keys'],
      ['GET', '.well-known/openid-configuration'],
      ['POST', 'token', {}],
      ['POST', 'token', { code: {} }],
      ['GET', 'userinfo'],
      ['POST', 'userinfo', {}],
    ] as const
    const replies = async (namespace: string): Promise<readonly string[]> =>
      Promise.all(
        asked.map(async ([method, path, data]) => {
          const url = `/v1/${namespace}/${base}/provider/default/${path}`
          const reply = await server.call(method, url, data, {})
          return `${method} ${path} ${reply.status} ${reply.text}`
        }),
      )
    expect(await replies('empty')).to.deep.equal(await replies('nowhere'))
    await inside(server, 'empty', 'POST', `${base}/client/web`, {})
    for (const reply of await replies('empty')) expect(reply).to.not.match(/ 403 /)
  })
})
