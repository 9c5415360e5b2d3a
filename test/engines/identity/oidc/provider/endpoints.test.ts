import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { HandClock } from '../../../../support/clock.ts'
import { devServer } from '../../../../support/server.ts'
import type { Body, Reply, TestServer } from '../../../../support/server.ts'
import { base, partsOf, person } from '../support.ts'
import type { Person } from '../support.ts'
import { Endpoints, app, callback, challenge, verifier } from './support.ts'
import type { App } from './support.ts'

describe('the endpoints of an OIDC provider', () => {
  const clock = new HandClock()
  let server: TestServer
  let anna: Person
  let web: App
  let native: App
  let at: Endpoints
  before(async () => {
    server = await devServer(clock)
    anna = await person(server, 'anna')
    web = await app(server, 'web', { redirect_uris: [callback, 'http://127.0.0.1/cb', 'http://[::1]:7/x?y', 'com.example.app:/cb'] })
    native = await app(server, 'native', { client_type: 'public' })
    at = new Endpoints(server)
  }) // prettier-ignore
  after(async () => server.running.stop())

  const errorOf = ({ status, body }: Reply): unknown => [status, body['error'] ?? body['errors']]
  const bad = (error: string) => [400, error]

  it('take a code for tokens, once', async () => {
    for (const method of ['GET', 'POST']) {
      const reply = await at.authorize(anna.token, web, {}, method)
      expect(reply.status, reply.text).to.equal(200)
      expect(reply.body['state']).to.equal('a state')
      expect(reply.headers['cache-control']).to.equal('no-store')
      const { body, headers, status } = await at.token(web, { code: reply.body['code'] })
      expect(status).to.equal(200)
      expect([headers['cache-control'], headers['pragma']]).to.deep.equal(['no-store', 'no-cache'])
      expect(Object.keys(body).sort()).to.deep.equal(['access_token', 'expires_in', 'id_token', 'token_type'])
      expect([body['token_type'], body['expires_in']]).to.deep.equal(['Bearer', 86_400])
      expect(errorOf(await at.token(web, { code: reply.body['code'] }))).to.deep.equal(bad('invalid_grant'))
    }
  })

  it('have ID tokens as in OpenID Connect', async () => {
    const code = await at.code(anna.token, web, { nonce: 'a nonce', max_age: 3600 })
    const { id, access } = await at.tokens(web, code)
    const half = (text: string): string => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url')
    const now = clock.now() / 1000
    expect(partsOf(id)[1]).to.deep.equal({
      iss: `${server.running.address}/v1/${base}/provider/default`,
      sub: anna.entity,
      aud: web.id,
      namespace: 'root',
      iat: now,
      exp: now + 86_400,
      nonce: 'a nonce',
      auth_time: partsOf(id)[1]['auth_time'],
      at_hash: half(access),
      c_hash: half(code),
    })
    expect(Number(partsOf(id)[1]['auth_time'])).to.be.within(now - 60, now)
    const { id: plain } = await at.tokens(web, await at.code(anna.token, web))
    expect(partsOf(plain)[1]).to.not.have.any.keys('nonce', 'auth_time')
  }) // prettier-ignore

  it('give no code for a request that is not in order', async () => {
    const none = await app(server, 'none', { assignments: [] })
    const machine = await app(server, 'machine', { authorization_code: false, client_credentials: true })
    const rows: readonly (readonly [Body, string])[] = [
      [{ client_id: undefined }, 'invalid_client_id'],
      [{ client_id: 'nope' }, 'invalid_client_id'],
      [{ client_id: '../client/web' }, 'invalid_client_id'],
      [{ redirect_uri: undefined }, 'invalid_request'],
      [{ redirect_uri: 'https://evil.example/' }, 'invalid_redirect_uri'],
      [{ response_type: undefined }, 'invalid_request'],
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ response_type: 'code token' }, 'unsupported_response_type'],
      [{ scope: undefined }, 'invalid_request'],
      [{ scope: 'profile' }, 'invalid_request'],
      [{ scope: 'openid,profile' }, 'invalid_request'],
      [{ max_age: 0 }, 'invalid_request'],
      [{ max_age: -1 }, 'invalid_request'],
      [{ nonce: 'n'.repeat(1025) }, 'invalid_request'],
      [{ request: 'x' }, 'request_not_supported'],
      [{ request_uri: 'https://a.example' }, 'request_uri_not_supported'],
      [{ code_challenge: 'short' }, 'invalid_request'],
      [{ code_challenge: '' }, 'invalid_request'],
      [{ code_challenge: `${'a'.repeat(43)}+` }, 'invalid_request'],
      [{ code_challenge_method: 'S256' }, 'invalid_request'],
      [{ code_challenge: challenge, code_challenge_method: 'S512' }, 'invalid_request'],
      [{ client_id: native.id }, 'invalid_request'],
      [{ client_id: none.id }, 'access_denied'],
      [{ client_id: machine.id }, 'invalid_grant'],
    ]
    for (const [more, error] of rows)
      for (const method of ['GET', 'POST']) {
        const reply = await at.authorize(anna.token, web, more, method)
        expect(errorOf(reply), `${method} ${JSON.stringify(more)}`).to.deep.equal(bad(error))
        expect(reply.body['state']).to.equal('a state')
        expect(reply.headers).to.not.have.property('location')
      }
    expect(errorOf(await at.authorize('root', web)), 'no entity').to.deep.equal(bad('access_denied'))
    expect((await at.authorize('', web)).status, 'no token').to.equal(403)
    const nowhere = new Endpoints(server, 'nope')
    expect(errorOf(await nowhere.authorize(anna.token, web))).to.deep.equal(bad('invalid_request'))
    await server.data('POST', `${base}/provider/small`, { allowed_client_ids: native.id })
    const small = new Endpoints(server, 'small')
    expect(errorOf(await small.authorize(anna.token, web))).to.deep.equal(bad('unauthorized_client'))
  })

  it('send nobody to an address that is not registered, but for the port of a loopback one', async () => {
    const allowed = [callback, 'http://127.0.0.1/cb', 'http://127.0.0.1:1/cb', 'http://127.0.0.1:65535/cb', 'http://[::1]:7/x?y', 'http://[::1]/x?y', 'com.example.app:/cb']
    const refused = [
      'https://app.example/callback/', 'https://app.example/callback?x=1', 'https://app.example:443/callback', 'https://APP.example/callback', 'https://app.example/callback#', 'https://app.example/callback/../callback',
      'http://app.example/callback', 'https://app.example/Callback', 'https://app.example', 'https://app.example/callback ', 'https://app.example@evil.example/callback', 'https://evil.example/?https://app.example/callback',
      'https://127.0.0.1/cb', 'http://127.0.0.1:65536/cb', 'http://127.0.0.1:/cb', 'http://127.0.0.1:80@evil.example/cb', 'http://127.0.0.1:1/cb/', 'http://127.0.0.1:1/cb?x', 'http://127.0.0.1:1/cb#x', 'http://u@127.0.0.1:1/cb', 'http://127.0.0.2:1/cb', 'http://127.0.0.1.evil.example/cb', 'http://localhost:1/cb', 'http://127.0.0.1:1\\@evil.example/cb', 'http://[::1]:7/x', 'http://[0:0:0:0:0:0:0:1]:7/x?y', 'com.example.app:/cb?x', 'com.example.app://cb', 'javascript:alert(1)',
    ]
    for (const redirect of allowed) {
      const code = await at.code(anna.token, web, { redirect_uri: redirect })
      await at.tokens(web, code, { redirect_uri: redirect })
    }
    for (const redirect of refused)
      expect(errorOf(await at.authorize(anna.token, web, { redirect_uri: redirect })), redirect).to.deep.equal(bad('invalid_redirect_uri'))
    const query = new URLSearchParams([['response_type', 'code'], ['client_id', web.id], ['scope', 'openid'], ['redirect_uri', callback], ['redirect_uri', 'https://evil.example/']])
    const twice = await server.call('GET', `/v1/identity/oidc/provider/default/authorize?${query.toString()}`, undefined, { 'X-Vault-Token': anna.token })
    expect(errorOf(twice), 'given twice').to.deep.equal(bad('invalid_redirect_uri'))
  }) // prettier-ignore

  it('refuse an exchange that is not the one of the code, which is used up then', async () => {
    const other = await app(server, 'other')
    await server.data('POST', `${base}/provider/second`, { allowed_client_ids: '*' })
    const second = new Endpoints(server, 'second')
    const rows: readonly (readonly [string, (code: string) => Promise<Reply>, string])[] = [
      ['another client', async (code) => at.token(other, { code }), 'invalid_grant'],
      ['another provider', async (code) => second.token(web, { code }), 'invalid_grant'],
      ['another address', async (code) => at.token(web, { code, redirect_uri: 'http://127.0.0.1/cb' }), 'invalid_grant'],
      ['no address', async (code) => at.token(web, { code, redirect_uri: undefined }), 'invalid_grant'],
      ['a verifier without a challenge', async (code) => at.token(web, { code, code_verifier: verifier }), 'invalid_request'],
    ]
    for (const [what, exchange, error] of rows) {
      const code = await at.code(anna.token, web)
      expect(errorOf(await exchange(code)), what).to.deep.equal(bad(error))
      expect(errorOf(await at.token(web, { code })), `${what}, again`).to.deep.equal(bad('invalid_grant'))
    }
    for (const code of [undefined, ''])
      expect(errorOf(await at.token(web, { code }))).to.deep.equal(bad('invalid_request'))
    for (const code of ['nope', 'x'.repeat(38), `${'x'.repeat(32)}000000`, '../'.repeat(12), 'x'.repeat(10_000)])
      expect(errorOf(await at.token(web, { code })), code.slice(0, 40)).to.deep.equal(bad('invalid_grant'))
    for (const grant of [undefined, '', 'password', 'refresh_token', 'implicit'])
      expect(errorOf(await at.token(web, { code: 'x', grant_type: grant }))).to.deep.equal(bad('unsupported_grant_type'))
  }) // prettier-ignore

  it('hold clients with a challenge to its verifier (PKCE)', async () => {
    const s256 = { code_challenge: challenge, code_challenge_method: 'S256' }
    for (const client of [web, native]) {
      await at.tokens(client, await at.code(anna.token, client, s256), { code_verifier: verifier })
      await at.tokens(client, await at.code(anna.token, client, { code_challenge: verifier }), {
        code_verifier: verifier,
      })
      const wrong = [
        [s256, 'w'.repeat(43), 'invalid_grant'],
        [s256, challenge, 'invalid_grant'],
        [s256, undefined, 'invalid_request'],
        [s256, '', 'invalid_request'],
        [{ code_challenge: challenge }, verifier, 'invalid_grant'],
      ] as const
      for (const [asked, shown, error] of wrong) {
        const code = await at.code(anna.token, client, asked)
        expect(errorOf(await at.token(client, { code, code_verifier: shown })), String(shown)).to.deep.equal(bad(error))
      }
    }
  })

  it('authenticate a client by HTTP Basic or in the form', async () => {
    const code = async () => at.code(anna.token, web)
    const challenged = async (reply: Promise<Reply>, what: string) => {
      const { headers, status, body } = await reply
      expect([status, body['error'], headers['www-authenticate']], what).to.deep.equal([401, 'invalid_client', 'Basic'])
    }
    expect((await at.token(web, { code: await code() }, `${web.id}:${web.secret}`)).status).to.equal(200)
    expect((await at.token(web, { code: await code() }, `${web.id}:${String(web.secret).replaceAll('_', '%5F')}`)).status).to.equal(200)
    expect((await at.token(web, { code: await code(), client_id: web.id }, `${web.id}:${web.secret}`)).status).to.equal(200)
    await challenged(at.token(web, { code: 'x' }, `${web.id}:nope`), 'a wrong secret')
    await challenged(at.token(web, { code: 'x' }, `${web.id}:`), 'no secret')
    await challenged(at.token(web, { code: 'x' }, `nope:${web.secret}`), 'another client')
    await challenged(at.token(web, { code: 'x', client_secret: undefined }), 'no secret in the form')
    await challenged(at.token(web, { code: 'x', client_secret: `${web.secret}x` }), 'a wrong secret in the form')
    for (const basic of ['', 'nothing', ':', `:${web.secret}`, '%zz:x'])
      expect(errorOf(await at.token(web, { code: 'x' }, basic)), basic).to.deep.equal(bad('invalid_request'))
    const mixed = await at.token(web, { code: 'x', client_id: native.id }, `${web.id}:${web.secret}`)
    expect(errorOf(mixed), 'two clients').to.deep.equal(bad('invalid_request'))
    await server.data('POST', `${base}/provider/narrow`, { allowed_client_ids: native.id })
    await challenged(new Endpoints(server, 'narrow').token(web, { code: 'x' }), 'not of the provider')
  }) // prettier-ignore

  it('know a code for five minutes, and one grant for each', async () => {
    const code = await at.code(anna.token, web)
    clock.advance(5 * 60_000 - 1)
    await at.tokens(web, code)
    const late = await at.code(anna.token, web)
    clock.advance(5 * 60_000)
    expect(errorOf(await at.token(web, { code: late }))).to.deep.equal(bad('invalid_grant'))
  })

  it('ask for a login that is not older than max_age, whatever token was made since', async () => {
    const bob = await person(server, 'bob', 'path "auth/token/create" { capabilities = ["update"] }')
    clock.advance(60_000)
    expect((await at.authorize(bob.token, web, { max_age: 60 })).status).to.equal(200)
    clock.advance(1000)
    expect(errorOf(await at.authorize(bob.token, web, { max_age: 60 }))).to.deep.equal(bad('max_age_violation'))
    const child = await server.call('POST', '/v1/auth/token/create', {}, { 'X-Vault-Token': bob.token })
    const { client_token: fresh, entity_id: entity } = child.body['auth'] as Body
    expect(entity).to.equal(bob.entity)
    expect((await at.authorize(String(fresh), web)).status).to.equal(200)
    expect(errorOf(await at.authorize(String(fresh), web, { max_age: 60 }))).to.deep.equal(bad('max_age_violation'))
  })

  it('return the current claims of the scopes of an access token', async () => {
    await server.data('POST', `${base}/scope/who`, { template: '{"who":{{identity.entity.name}}}' })
    await server.data('POST', `${base}/scope/more`, { template: '{"more":1}' })
    await server.data('POST', `${base}/provider/default`, { scopes_supported: 'who' })
    const { access, id } = await at.tokens(web, await at.code(anna.token, web, { scope: 'openid who more nope' }))
    expect(partsOf(id)[1]).to.include.keys('who').and.not.include.keys('more')
    await server.data('POST', `identity/entity/id/${anna.entity}`, { name: 'anna the first' })
    for (const method of ['GET', 'POST'])
      expect((await at.userinfo(access, method)).body).to.deep.equal({ sub: anna.entity, who: 'anna the first' })
    await server.data('POST', `${base}/scope/same`, { template: '{"who":2}' })
    const set = await server.call('POST', `/v1/${base}/provider/default`, { scopes_supported: 'who,same' })
    expect(String((set.body['warnings'] as string[])[0])).to.include('"who"')
    const code = await at.code(anna.token, web, { scope: 'openid who same' })
    expect(errorOf(await at.token(web, { code }))).to.deep.equal(bad('invalid_request'))
    await at.tokens(web, await at.code(anna.token, web, { scope: 'openid who' }))
  })

  it('grant the scopes that the provider has, neither others nor those that it gets later', async () => {
    const others = Array.from({ length: 1300 }, (_, n) => n.toString(36))
    const { access } = await at.tokens(
      web,
      await at.code(anna.token, web, { scope: ['openid late', ...others].join(' ') }),
    )
    expect((await at.userinfo(access)).body).to.deep.equal({ sub: anna.entity })
    await server.data('POST', `${base}/scope/late`, { template: '{"late":true}' })
    await server.data('POST', `${base}/provider/default`, { scopes_supported: 'late' })
    expect((await at.userinfo(access)).body).to.deep.equal({ sub: anna.entity })
  })

  it('reveal nothing to anybody else', async () => {
    const { access } = await at.tokens(web, await at.code(anna.token, web))
    const [content = '', mac = ''] = access.split('.')
    const parts = JSON.parse(Buffer.from(content, 'base64url').toString()) as unknown[]
    const forged = Buffer.from(JSON.stringify([...parts.slice(0, 4), 9e15])).toString('base64url')
    for (const token of ['nope', anna.token, 'root', `${forged}.${mac}`, `${content}.`, content, '.', `${content}.${mac}.x`, 'x'.repeat(8000)]) {
      const { status, body, headers } = await at.userinfo(token)
      expect([status, body['error']], token.slice(0, 40)).to.deep.equal([401, 'invalid_token'])
      expect(headers['www-authenticate']).to.match(/^Bearer error="invalid_token"/)
    }
    const userinfo = `/v1/${base}/provider/default/userinfo`
    for (const headers of [{}, { 'X-Vault-Token': access }] as Readonly<Record<string, string>>[])
      expect((await server.call('GET', userinfo, undefined, headers)).status).to.equal(401)
    expect((await new Endpoints(server, 'second').userinfo(access)).status, 'of another provider').to.equal(401)
    for (const path of ['auth/token/lookup-self', 'cubbyhole/x', 'sys/internal/ui/resultant-acl'])
      expect((await server.call('GET', `/v1/${path}`, undefined, { 'X-Vault-Token': access })).status, path).to.equal(403)
    clock.advance(86_398_000)
    expect((await at.userinfo(access)).status).to.equal(200)
    clock.advance(2000)
    expect((await at.userinfo(access)).status, 'expired').to.equal(401)
  }) // prettier-ignore
})
