import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { tidy } from '../../../src/auth/jwt/oidc/used.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { IdentityProvider, keySet, sends, takesBrowsers } from '../../support/services/identity-provider.ts'
import type { Callback } from '../../support/services/identity-provider.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const redirectUri = 'http://localhost:8250/oidc/callback'
const client = { id: 'strongroom', secret: 'a secret: with / signs' }

describe('oidc', () => {
  const clock = new HandClock()
  const key = jwtKey()
  let provider: IdentityProvider
  let server: TestServer
  let agrees: (authUrl: string) => Callback
  let more: Body = {}
  const now = (): number => Math.floor(clock.now() / 1000)
  before(async () => {
    server = await devServer(clock)
    provider = await IdentityProvider.start()
    await server.data('POST', 'sys/auth/oidc', { type: 'oidc' })
  })
  after(async () => {
    await server.running.stop()
    await provider.stop()
  })
  beforeEach(async () => {
    more = {}
    provider.answers.clear()
    provider.publish({ one: key })
    agrees = takesBrowsers(provider, encodedClient, {
      key,
      claims: () => ({ sub: 'anna', iat: now(), exp: now() + 300, ...more }),
    })
    await configure({})
    await role('web', {})
    clock.advance(10_000)
    provider.asked.length = 0
  })
  /** As RFC 6749 wants it in the header. */
  const encodedClient = { id: client.id, secret: 'a+secret%3A+with+%2F+signs' }

  const write = async (path: string, data: Body) => server.call('POST', `/v1/auth/oidc/${path}`, data)
  const configure = async (data: Body) => {
    const reply = await write('config', {
      oidc_discovery_url: provider.url,
      oidc_client_id: client.id,
      oidc_client_secret: client.secret,
      default_role: 'web',
      ...data,
    })
    expect(reply.status, reply.text).to.equal(204)
  }
  const role = async (name: string, data: Body) => {
    const base = { user_claim: 'sub', allowed_redirect_uris: redirectUri, token_policies: 'reader', bound_claims: {} }
    const reply = await write(`role/${name}`, { ...base, ...data })
    expect(reply.status, reply.text).to.equal(204)
  }
  const begin = async (data: Body = {}): Promise<Reply> =>
    server.call('POST', '/v1/auth/oidc/oidc/auth_url', { role: 'web', redirect_uri: redirectUri, client_nonce: 'mine', ...data }, {}) // prettier-ignore
  const urlOf = ({ status, text, body }: Reply): string => {
    if (status !== 200) throw new Error(`${status} ${text}`)
    return (body['data'] as { readonly auth_url: string }).auth_url
  }
  const callback = async ({ state, code }: Pick<Callback, 'state' | 'code'>, nonce = 'mine'): Promise<Reply> => {
    const query = new URLSearchParams({ state, code, ...(nonce !== '' && { client_nonce: nonce }) })
    return server.call('GET', `/v1/auth/oidc/oidc/callback?${query.toString()}`, undefined, {})
  }
  const loggedIn = ({ status, text, body }: Reply): Body => {
    if (status !== 200) throw new Error(`${status} ${text}`)
    return body['auth'] as Body
  }

  it('logs in with a code of the provider, with PKCE, state and nonce', async () => {
    const begun = await begin()
    expect(begun.body['data'], 'bao login refuses a response with more').to.have.all.keys('auth_url')
    const url = new URL(urlOf(begun))
    expect(`${url.origin}${url.pathname}`).to.equal(`${provider.url}/authorize`)
    const parameters = Object.fromEntries(url.searchParams)
    expect(parameters).to.include({ client_id: client.id, response_type: 'code', redirect_uri: redirectUri, scope: 'openid', code_challenge_method: 'S256' }) // prettier-ignore
    expect(parameters).to.have.all.keys('client_id', 'response_type', 'redirect_uri', 'scope', 'state', 'nonce', 'code_challenge', 'code_challenge_method') // prettier-ignore
    expect(url.href).to.not.include('secret')
    const auth = loggedIn(await callback(agrees(url.href)))
    expect(auth).to.deep.include({ policies: ['default', 'reader'], metadata: { role: 'web' }, renewable: true })
    const self = await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': String(auth['client_token']) }) // prettier-ignore
    expect(self.body['data']).to.deep.include({ display_name: 'oidc-anna' })
    const { state, code } = agrees(urlOf(await begin({ role: '' })))
    loggedIn(await server.call('POST', '/v1/auth/oidc/oidc/callback', { state, code, client_nonce: 'mine' }, {}))
  })

  it('asks for scopes, the age of the login and the form that are configured', async () => {
    await configure({ oidc_response_mode: 'form_post', oidc_response_types: 'code' })
    await role('more', { oidc_scopes: 'profile,openid,email', max_age: '1h' })
    const { searchParams } = new URL(urlOf(await begin({ role: 'more' })))
    expect(Object.fromEntries(searchParams)).to.include({ scope: 'openid profile email', max_age: '3600', response_mode: 'form_post' }) // prettier-ignore
    const read = await server.data('GET', 'auth/oidc/config')
    expect(read).to.deep.include({ oidc_client_id: client.id, oidc_response_mode: 'form_post', oidc_response_types: ['code'] }) // prettier-ignore
    expect(read).to.not.have.property('oidc_client_secret')
  })

  it('CVE-2026-33757: a login is completed once, soon, and by the client that began it', async () => {
    const agreed = agrees(urlOf(await begin()))
    for (const nonce of ['', 'other', 'mine ']) expect((await callback(agreed, nonce)).text).to.match(/client_nonce/)
    const replies = await Promise.all(Array.from({ length: 20 }, async () => callback(agreed)))
    expect(replies.filter(({ status }) => status === 200)).to.have.length(1)
    expect((await callback({ ...agreed, code: agrees(urlOf(await begin())).code })).text).to.match(/completed before/)
    const late = agrees(urlOf(await begin()))
    clock.advance(5 * 60_000)
    expect((await callback(late)).text).to.match(/expired/)
    const free = agrees(urlOf(await begin({ client_nonce: '' })))
    expect((await callback(free, 'mine')).text).to.match(/client_nonce/)
    loggedIn(await callback(free, ''))
  })

  it('a provider that gives tokens again and again for a code logs in once nevertheless', async () => {
    const url = urlOf(await begin())
    const agreed = agrees(url)
    const nonce = new URL(url).searchParams.get('nonce')
    const claims = { iss: provider.url, aud: client.id, sub: 'anna', iat: now(), nonce }
    provider.answers.set('/token', sends({ id_token: jwt(claims, key, { kid: 'one' }) }))
    const replies = await Promise.all(Array.from({ length: 20 }, async () => callback(agreed)))
    expect(replies.map(({ status }) => status).filter((status) => status === 200)).to.have.length(1)
    const asked = provider.asked.length
    expect((await callback(agreed)).text).to.match(/completed before/)
    expect(provider.asked).to.have.length(asked)
  })

  it('accepts only its own state, unchanged', async () => {
    const { state, code } = agrees(urlOf(await begin()))
    const [content = '', mac = ''] = state.split('.')
    const other = JSON.parse(Buffer.from(content, 'base64url').toString()) as unknown[]
    other[1] = 'admin'
    const forged = Buffer.from(JSON.stringify(other)).toString('base64url')
    await server.data('POST', 'sys/auth/second', { type: 'oidc' })
    for (const bad of [
      '',
      'x',
      '.',
      content,
      `${content}.`,
      `.${mac}`,
      `${forged}.${mac}`,
      `${state}.x`,
      `${content}.${mac.slice(1)}`,
      `${state}A`,
      'x'.repeat(5000),
    ]) {
      // prettier-ignore
      const { status, text } = await callback({ state: bad, code })
      expect([status, /missing state|expired/.test(text)], bad.slice(0, 50)).to.deep.equal([400, true])
    }
    expect(provider.asked).to.deep.equal([])
    loggedIn(await callback({ state, code }))
  })

  it('sends browsers to the addresses of the role alone, letter by letter', async () => {
    await role('two', { allowed_redirect_uris: ['https://app.example/cb', redirectUri] })
    for (const good of ['https://app.example/cb', redirectUri]) urlOf(await begin({ role: 'two', redirect_uri: good }))
    for (const bad of [
      '',
      'https://app.example/cb/',
      'https://app.example/cb?x=1',
      'https://APP.example/cb',
      'https://app.example/',
      'https://app.example.evil.example/cb',
      'http://app.example/cb',
      'http://localhost:8251/oidc/callback',
      'http://127.0.0.1:8250/oidc/callback',
      'javascript:alert(1)',
      `${redirectUri}#x`,
    ])
      // prettier-ignore
      expect((await begin({ role: 'two', redirect_uri: bad })).status, bad).to.equal(400)
    const agreed = agrees(urlOf(await begin({ role: 'two' })))
    await role('two', { allowed_redirect_uris: ['https://app.example/cb'] })
    expect((await callback(agreed)).text).to.match(/none of the allowed_redirect_uris/)
  })

  it('refuses tokens of another login, client or issuer, and expired ones', async () => {
    for (const [why, claims] of [
      [/nonce/, { nonce: 'other' }],
      [/nonce/, { nonce: undefined }],
      [/nonce/, { nonce: 5 }],
      [/audience/, { aud: 'other' }],
      [/audience/, { aud: undefined }],
      [/azp/, { aud: [client.id, 'other'], azp: 'other' }],
      [/issuer/, { iss: 'https://evil.example' }],
      [/expired/, { iat: now() - 4000, exp: now() - 3600 }],
      [/sub/, { sub: undefined }],
    ] as const) {
      more = claims
      const { status, text } = await callback(agrees(urlOf(await begin())))
      expect([status, why.test(text)], `${JSON.stringify(claims)} ${text}`).to.deep.equal([400, true])
    }
    more = {}
    takesBrowsers(provider, encodedClient, { key: jwtKey(), claims: () => ({ sub: 'anna', iat: now() }) })
    expect((await callback(agrees(urlOf(await begin())))).status).to.equal(400)
  })

  it('demands claims, audiences and the age that the role is bound to', async () => {
    await role('bound', { bound_claims: { dept: 'eng' }, bound_audiences: 'extra', max_age: '10m' })
    const outcome = async (claims: Body) => {
      more = claims
      return (await callback(agrees(urlOf(await begin({ role: 'bound' }))))).status
    }
    const good = { dept: 'eng', aud: [client.id, 'extra'], auth_time: now() - 60 }
    expect(await outcome(good)).to.equal(200)
    for (const bad of [
      { dept: 'ops' },
      { aud: client.id },
      { aud: 'extra' },
      { auth_time: now() - 3600 },
      { auth_time: undefined },
      { auth_time: 'now' },
    ])
      // prettier-ignore
      expect(await outcome({ ...good, ...bad }), JSON.stringify(bad)).to.equal(400)
  })

  it('adds the claims of the userinfo endpoint for this user, but not those that only tokens may have', async () => {
    await role('info', { bound_claims: { dept: 'eng' }, groups_claim: 'groups', claim_mappings: { name: 'name' } })
    const endpoints = { authorization_endpoint: `${provider.url}/authorize`, token_endpoint: `${provider.url}/token`, userinfo_endpoint: `${provider.url}/me` } // prettier-ignore
    const document = { issuer: provider.url, jwks_uri: `${provider.url}/keys`, ...endpoints }
    provider.answers.set('/.well-known/openid-configuration', sends(document))
    clock.advance(6 * 60_000)
    const info = { sub: 'anna', dept: 'eng', groups: ['red'], name: 'Anna' }
    const outcome = async (answer: unknown, claims: Body = {}, name = 'info') => {
      more = claims
      provider.answers.set('/me', (request, response) => {
        expect(request.headers.authorization).to.equal('Bearer opaque')
        sends(answer)(request, response)
      })
      return callback(agrees(urlOf(await begin({ role: name }))))
    }
    expect(loggedIn(await outcome(info))['metadata']).to.deep.equal({ role: 'info', name: 'Anna' })
    expect(loggedIn(await outcome(info, { name: 'Signed' }))['metadata']).to.deep.include({ name: 'Signed' })
    expect((await outcome(info, { dept: 'ops' })).status).to.equal(400)
    for (const other of [{ ...info, sub: 'berta' }, { ...info, sub: undefined }, []])
      expect((await outcome(other)).status, JSON.stringify(other)).to.equal(400)
    expect((await outcome('x')).status, 'no object').to.equal(503)
    await role('aged', { max_age: '10m' })
    expect((await outcome({ ...info, auth_time: now(), aud: 'x' }, {}, 'aged')).text).to.match(/auth_time/)
    // The next test finds a provider without user info.
    clock.advance(6 * 60_000)
  })

  it('CVE-2020-16250: neither code nor secret goes to an address on another host, or that a response redirects to', async () => {
    const other = await IdentityProvider.start()
    const well = '/.well-known/openid-configuration'
    const endpoints = { authorization_endpoint: `${provider.url}/authorize`, token_endpoint: `${provider.url}/token`, userinfo_endpoint: `${provider.url}/me` } // prettier-ignore
    const document = { issuer: provider.url, jwks_uri: `${provider.url}/keys`, ...endpoints }
    try {
      for (const name of Object.keys(endpoints))
        for (const url of [`${other.url}/x`, 'http://169.254.169.254/', 'file:///etc/passwd', '//evil.example', '/token', `${provider.url}@evil.example/`, provider.url.replace('//', '//a:b@'), '', 5, null, [provider.url]]) {
          provider.answers.set(well, sends({ ...document, [name]: url }))
          clock.advance(6 * 60_000)
          const told = await begin()
          const what = `${name} ${JSON.stringify(url)} ${told.text}`
          if (told.status === 200) expect((await callback(agrees(urlOf(told)))).status, what).to.be.within(400, 503)
          else expect(told.status, what).to.be.within(400, 503)
        }
      provider.answers.set(well, sends(document))
      clock.advance(6 * 60_000)
      for (const [path, status] of [['/token', 307], ['/token', 308], ['/token', 302], ['/me', 307], ['/me', 302]] as const) {
        const agreed = agrees(urlOf(await begin()))
        const before = provider.answers.get(path)
        provider.answers.set(path, sends({}, status, { Location: `${other.url}${path}` }))
        expect((await callback(agreed)).status, `${path} ${status}`).to.equal(503)
        if (before) provider.answers.set(path, before)
      }
      expect(other.asked).to.deep.equal([])
    } finally {
      clock.advance(6 * 60_000)
      await other.stop()
    }
  }) // prettier-ignore

  it('CVE-2026-33757: nobody completes the login of another: another mount or role, a state alone, a used nonce', async () => {
    await server.data('POST', 'sys/auth/third', { type: 'oidc' })
    await server.call('POST', '/v1/auth/third/config', { oidc_discovery_url: provider.url, oidc_client_id: client.id, oidc_client_secret: client.secret, default_role: 'web' }) // prettier-ignore
    await server.call('POST', '/v1/auth/third/role/web', { user_claim: 'sub', allowed_redirect_uris: redirectUri })
    const url = urlOf(await begin())
    // The victim's browser has the link; the one who sent it has the state, and the nonce of the provider, not that of the client.
    expect(url).to.not.include('mine')
    const agreed = agrees(url)
    const elsewhere = new URLSearchParams({ state: agreed.state, code: agreed.code, client_nonce: 'mine' })
    const asked = [
      await server.call('GET', `/v1/auth/third/oidc/callback?${elsewhere.toString()}`, undefined, {}),
      await callback({ ...agreed, code: '' }),
      await callback({ ...agreed, state: '' }),
      await callback(agreed, new URL(url).searchParams.get('nonce') ?? 'x'),
      await callback(agreed, agreed.state),
      await callback(agreed, ''),
      await server.call('POST', '/v1/auth/oidc/oidc/callback', { ...agreed, client_nonce: ['mine'] }, {}),
      await server.call('POST', '/v1/auth/oidc/oidc/callback', { ...agreed, client_nonce: null }, {}),
    ]
    for (const [at, { status, body }] of asked.entries()) {
      // A list of one text is read as the text.
      if (at === 6 && status === 200) continue
      expect([at, status], `${at}`).to.deep.equal([at, 400])
      expect(body).to.not.have.property('auth')
    }
    await server.data('DELETE', 'sys/auth/third')
  })

  it('1.1.1: browser logins are bound to the addresses of the role, too', async () => {
    await role('far', { token_bound_cidrs: '10.0.0.0/8' })
    expect((await callback(agrees(urlOf(await begin({ role: 'far' }))))).status).to.equal(403)
  })

  it('roles for browsers take no JWT, and roles for JWTs no browser', async () => {
    expect((await server.call('POST', '/v1/auth/oidc/login', { role: 'web', jwt: 'a.b.c' }, {})).text).to.match(/oidc role_type/) // prettier-ignore
    await role('plain', { role_type: 'jwt', bound_subject: 'anna' })
    expect((await begin({ role: 'plain' })).text).to.match(/not for browsers/)
    expect((await begin({ role: 'nobody' })).text).to.match(/could not be found/)
    await server.data('POST', 'auth/oidc/config', { jwt_validation_pubkeys: key.pem })
    expect((await begin()).text).to.match(/not configured/)
  })

  it('a mount of type jwt has the same routes', async () => {
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    for (const [method, path] of [
      ['POST', 'auth/jwt/oidc/auth_url'],
      ['POST', 'auth/jwt/oidc/callback'],
      ['GET', 'auth/jwt/oidc/callback'],
    ] as const) {
      // prettier-ignore
      const { status, text } = await server.call(method, `/v1/${path}`, method === 'GET' ? undefined : {}, {})
      expect([status, /could not load configuration|missing state/.test(text)], text).to.deep.equal([400, true])
    }
  })

  it('CVE-2026-33758: messages of the provider are returned as escaped text, never as a page', async () => {
    const query = new URLSearchParams({
      error: 'access_denied',
      error_description: '<script>alert(1)</script>\u001b[2J',
    })
    const { status, text, headers } = await server.call(
      'GET',
      `/v1/auth/oidc/oidc/callback?${query.toString()}`,
      undefined,
      {},
    )
    expect(status).to.equal(400)
    expect(text)
      .to.include('access_denied')
      .and.not.match(/<|script>|\\u001b/)
    expect(headers['content-type']).to.match(/json/)
    expect(headers['content-security-policy']).to.match(/default-src 'none'/)
  })

  it('says whether the code or the provider was wrong, and nothing of its response', async () => {
    const outcome = async () => {
      const { status, text } = await callback(agrees(urlOf(await begin())))
      expect(text).to.not.include('127.0.0.1').and.not.include('hidden')
      return status
    }
    expect((await callback({ ...agrees(urlOf(await begin())), code: 'made-up' })).text).to.match(
      /did not accept the code/,
    )
    for (const [status, answer] of [
      [400, sends({ error: 'hidden' }, 400)],
      [400, sends({ error: 'hidden' }, 401)],
      [503, sends('hidden', 500)],
      [503, sends('', 302, { Location: `${provider.url}/keys` })],
      [503, sends('<html>hidden')],
      [503, sends({ access_token: 'hidden' })],
      [503, sends({ id_token: 5 })],
      [400, sends({ id_token: 'hidden' })],
    ] as const) {
      provider.answers.set('/token', answer)
      expect(await outcome()).to.equal(status)
    }
    provider.answers.set('/token', () => {})
    const arrived = provider.arrival()
    const waiting = outcome()
    await arrived
    clock.advance(5000)
    expect(await waiting).to.equal(503)
  })

  it('callers with invalid codes cause a bounded number of requests', async () => {
    const { state } = agrees(urlOf(await begin()))
    const held: (() => void)[] = []
    provider.answers.set('/token', (request, response) => void held.push(() => sends({}, 400)(request, response)))
    const statuses: number[] = []
    const waiting = Array.from({ length: 100 }, async (_, n) => {
      statuses.push((await callback({ state, code: `made-up-${n}` })).status)
    })
    while (statuses.length < 68 || held.length < 32) await new Promise(setImmediate)
    expect([held.length, new Set(statuses)]).to.deep.equal([32, new Set([503])])
    for (const answer of held) answer()
    await Promise.all(waiting)
    expect(statuses.filter((status) => status === 400)).to.have.length(32)
  })

  it('forgets completed logins when their states have expired', async () => {
    const { state, code } = agrees(urlOf(await begin()))
    loggedIn(await callback({ state, code }))
    const view = new Map<string, unknown>([['used/1/a', {}], [`used/${Math.floor(clock.now() / 60_000)}/b`, {}]]) // prettier-ignore
    const folders = new Set([...view.keys()].map((name) => `${name.split('/')[1]}/`))
    const cleared: string[] = []
    await tidy({ clock, view: { list: async () => [...folders], clear: async (folder: string) => void cleared.push(folder) } }) // prettier-ignore
    expect(cleared).to.deep.equal(['used/1/'])
  })

  it('refuses incomplete client settings, or those for another kind of issuer', async () => {
    const good = { oidc_discovery_url: provider.url, oidc_client_id: 'a', oidc_client_secret: 'b' }
    provider.answers.set('/keys', sends(keySet({ one: key })))
    for (const bad of [
      { ...good, oidc_client_secret: '' },
      { ...good, oidc_client_id: '' },
      { ...good, oidc_response_mode: 'fragment' },
      { ...good, oidc_response_types: ['id_token'] },
      { ...good, oidc_discovery_url: '', jwks_url: `${provider.url}/keys` },
      { oidc_discovery_url: provider.url, oidc_response_mode: 'query' },
    ])
      expect((await write('config', bad)).status, JSON.stringify(bad)).to.equal(400)
  })

  it('no audit line has a secret, a code or a state in clear', async () => {
    const file = join(temporaryFolder(), 'audit.log')
    await server.data('POST', 'sys/audit/file', { type: 'file', options: { file_path: file } })
    await configure({})
    const agreed = agrees(urlOf(await begin()))
    loggedIn(await callback(agreed))
    const lines = readFileSync(file, 'utf8')
    expect(lines).to.include('auth/oidc/oidc/callback')
    for (const secret of [client.secret, agreed.code, agreed.state]) expect(lines).to.not.include(secret)
  })
})
