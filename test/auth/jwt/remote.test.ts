import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import { HandClock } from '../../support/clock.ts'
import { IdentityProvider, keySet, sends } from '../../support/services/identity-provider.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const minute = 60_000

describe('jwt with keys from elsewhere', () => {
  const clock = new HandClock()
  const [first, second] = [jwtKey(), jwtKey()]
  let provider: IdentityProvider
  let server: TestServer
  let mounts = 0
  let mount = ''
  before(async () => {
    server = await devServer(clock)
    provider = await IdentityProvider.start()
  })
  after(async () => {
    await server.running.stop()
    await provider.stop()
  })
  beforeEach(async () => {
    mount = `jwt${mounts++}`
    await server.data('POST', `sys/auth/${mount}`, { type: 'jwt' })
    await server.data('POST', `auth/${mount}/role/web`, { role_type: 'jwt', user_claim: 'sub', bound_subject: 'anna' })
    provider.answers.clear()
    provider.asked.length = 0
    provider.publish({ one: first })
  })

  const configure = async (data: Body): Promise<Reply> => server.call('POST', `/v1/auth/${mount}/config`, data)
  const configured = async (data: Body = { jwks_url: `${provider.url}/keys` }): Promise<void> => {
    const reply = await configure(data)
    expect(reply.status, reply.text).to.equal(204)
    provider.asked.length = 0
  }
  const now = (): number => Math.floor(clock.now() / 1000)
  const token = (key = first, kid: string | undefined = 'one', more: Body = {}): string =>
    jwt({ sub: 'anna', iat: now(), exp: now() + 300, ...more }, key, { kid })
  const login = async (input = token()): Promise<Reply> =>
    server.call('POST', `/v1/auth/${mount}/login`, { role: 'web', jwt: input }, {})
  const status = async (input = token()): Promise<number> => (await login(input)).status

  it('fetches a key set once, for many logins at once', async () => {
    await configured()
    const statuses = await Promise.all(Array.from({ length: 40 }, async () => status()))
    expect(new Set(statuses)).to.deep.equal(new Set([200]))
    expect(provider.asked).to.deep.equal(['/keys'])
    expect(await status(token(second))).to.equal(400)
    expect(await status(token(first, undefined))).to.equal(200)
    expect(provider.asked).to.have.length(1)
  })

  it('finds the key set by the discovery document of the issuer, and accepts only its tokens', async () => {
    await configured({ oidc_discovery_url: provider.url })
    expect(await status(token(first, 'one', { iss: provider.url }))).to.equal(200)
    for (const iss of [undefined, `${provider.url}/`, 'https://evil.example'])
      expect(await status(token(first, 'one', { iss }))).to.equal(400)
    expect(provider.asked).to.deep.equal(['/.well-known/openid-configuration', '/keys'])
    expect(await server.data('GET', `auth/${mount}/config`)).to.deep.include({ oidc_discovery_url: provider.url, jwks_url: '', status: 'valid' }) // prettier-ignore
  })

  it('fetches new keys by their IDs, but for unknown IDs at most once in ten seconds', async () => {
    await configured()
    expect(await status()).to.equal(200)
    provider.publish({ one: first, two: second })
    await Promise.all(Array.from({ length: 30 }, async (_, n) => status(token(second, `made-up-${n}`))))
    expect(provider.asked).to.have.length(1)
    clock.advance(10_000)
    expect(await status(token(second, 'two'))).to.equal(200)
    expect(provider.asked).to.have.length(2)
    for (let n = 0; n < 20; n++) expect(await status(token(second, `made-up-${n}`))).to.equal(400)
    expect(provider.asked).to.have.length(2)
  })

  it('refuses a withdrawn key after five minutes', async () => {
    await configured()
    expect(await status()).to.equal(200)
    provider.publish({ two: second })
    clock.advance(5 * minute + 1)
    expect(await status()).to.equal(400)
    expect(await status(token(second, 'two'))).to.equal(200)
  })

  it('uses the keys it has for an hour while the provider is down, and recovers', async () => {
    await configured()
    expect(await status()).to.equal(200)
    provider.answers.set('/keys', sends('gone', 500))
    clock.advance(59 * minute)
    expect(await status()).to.equal(200)
    clock.advance(2 * minute)
    const { status: late, text } = await login()
    expect([late, /cannot be fetched now/.test(text)]).to.deep.equal([503, true])
    expect(text).to.not.include('127.0.0.1')
    provider.publish({ one: first })
    clock.advance(10_000)
    expect(await status()).to.equal(200)
  })

  it('waits five seconds at most for a slow provider, while others log in', async () => {
    await configured({ oidc_discovery_url: provider.url })
    const slow: (() => void)[] = []
    provider.answers.set('/keys', (_, response) => void slow.push(() => response.end('{}')))
    const arrived = provider.arrival()
    const waiting = login(token(first, 'one', { iss: provider.url }))
    await arrived
    await provider.arrival()
    clock.advance(4999)
    await server.data('POST', `sys/auth/${mount}-password`, { type: 'userpass' })
    await server.data('POST', `auth/${mount}-password/users/ann`, { password: 'pw' })
    expect((await server.call('POST', `/v1/auth/${mount}-password/login/ann`, { password: 'pw' }, {})).status).to.equal(200) // prettier-ignore
    clock.advance(1)
    expect((await waiting).status).to.equal(503)
    // The failure was not kept: the next login, after a pause, finds the keys.
    provider.publish({ one: first })
    clock.advance(1000)
    expect(await status(token(first, 'one', { iss: provider.url }))).to.equal(200)
    for (const finish of slow) finish()
  })

  it('accepts a key set only: no redirect, no malformed, large or incomplete response', async () => {
    const target = await IdentityProvider.start()
    target.publish({ one: first })
    try {
      for (const [why, answer] of [
        [/redirects \(status 302\)/, sends('', 302, { Location: `${target.url}/keys` })],
        [/redirects \(status 307\)/, sends('', 307, { Location: `${provider.url}/others` })],
        [/status 404/, sends('', 404)],
        [/status 500/, sends(keySet({ one: first }), 500)],
        [/status 204/, sends('', 204)],
        [/no JSON/, sends('<html>')],
        [/no JSON/, sends('')],
        [/no JSON/, sends('{"keys":[],"keys":[]}')],
        [/no key set/, sends([])],
        [/no key set/, sends({ keys: {} })],
        [/no key to verify/, sends({ keys: [] })],
        [/no key to verify/, sends({ keys: [null, 5, {}, { kty: 'oct', k: 'c2VjcmV0' }, { kty: 'RSA', n: 'AAAA', e: 'AQAB' }] })], // prettier-ignore
        [/no key to verify/, sends({ keys: [first.privateKey.export({ format: 'jwk' })] })],
        [/no key to verify/, sends({ keys: [{ ...first.publicKey.export({ format: 'jwk' }), use: 'enc' }] })],
        [/more than 100 keys/, sends({ keys: Array.from({ length: 101 }, () => ({})) })],
        [/larger than 1048576 bytes/, sends(' '.repeat(2 * 1024 * 1024))],
        [/compressed/, sends('', 200, { 'Content-Encoding': 'gzip' })],
        [/broke off|ECONNRESET/, (_: unknown, response: { destroy: () => void }) => response.destroy()],
      ] as const) {
        provider.answers.set('/keys', answer)
        const reply = await configure({ jwks_url: `${provider.url}/keys` })
        expect([reply.status, why.test(reply.text)], `${why} ${reply.text}`).to.deep.equal([400, true])
      }
      expect(target.asked).to.deep.equal([])
      expect((await server.call('GET', `/v1/auth/${mount}/config`)).status).to.equal(404)
    } finally {
      await target.stop()
    }
  })

  it('stops reading a response at one mebibyte', async () => {
    let sent = 0
    provider.answers.set('/keys', (_, response) => {
      const piece = Buffer.alloc(64 * 1024, 0x20)
      const more = (): void => {
        while (!response.destroyed && response.write(piece)) sent += piece.length
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    const { status: code, text } = await configure({ jwks_url: `${provider.url}/keys` })
    expect([code, /larger than/.test(text)], text).to.deep.equal([400, true])
    expect(sent).to.be.lessThan(20 * 1024 * 1024)
  })

  it('CVE-2020-16250: asks no address that the operator did not configure', async () => {
    const other = await IdentityProvider.start()
    other.publish({ one: first })
    const well = '/.well-known/openid-configuration'
    try {
      for (const jwks_uri of [
        `${other.url}/keys`,
        'http://169.254.169.254/latest',
        'https://127.0.0.1/keys',
        'file:///etc/passwd',
        'gopher://127.0.0.1/',
        '//evil.example/keys',
        '/keys',
        `${provider.url.replace('//', '//a:b@')}/keys`,
        `${provider.url}@evil.example/keys`,
        '',
        5,
        null,
      ]) {
        // prettier-ignore
        provider.answers.set(well, sends({ issuer: provider.url, jwks_uri }))
        const { status: code, text } = await configure({ oidc_discovery_url: provider.url })
        expect(code, `${jwks_uri} ${text}`).to.equal(400)
      }
      provider.answers.set(well, sends({ issuer: other.url, jwks_uri: `${provider.url}/keys` }))
      expect((await configure({ oidc_discovery_url: provider.url })).text).to.match(/another issuer/)
      expect(other.asked).to.deep.equal([])
      expect(new Set(provider.asked)).to.deep.equal(new Set([well]))
    } finally {
      await other.stop()
    }
  })

  it('refuses addresses with credentials, and plain HTTP', async () => {
    for (const url of [
      'http://keys.example/',
      'http://10.0.0.1/',
      'http://127.0.0.1.evil.example/',
      'http://localhost.evil.example/',
      'ftp://keys.example',
      'file:///etc/passwd',
      'keys.example',
      '//keys.example',
      'https://a:b@keys.example',
      'https://keys.example/#x',
      'https://',
      'javascript:alert(1)',
      'http://[::ffff:10.0.0.1]/',
      ' ',
    ])
      // prettier-ignore
      for (const name of ['jwks_url', 'oidc_discovery_url']) {
        const { status: code, text } = await configure({ [name]: url, skip_jwks_validation: true })
        expect([code, /cannot be used|must be set/.test(text)], `${name} ${url} ${text}`).to.deep.equal([400, true])
      }
    for (const bad of [
      { jwks_url: `${provider.url}/keys`, oidc_discovery_url: provider.url },
      { jwks_url: `${provider.url}/keys`, jwt_validation_pubkeys: first.pem },
      { jwt_validation_pubkeys: first.pem, jwks_ca_pem: certificate().cert },
      { jwks_url: `${provider.url}/keys`, jwks_ca_pem: 'nonsense' },
      { jwks_url: `${provider.url}/keys`, jwks_ca_pem: '' },
      { jwks_url: `${provider.url}/keys`, oidc_allowed_hosts: 'keys.example' },
      { oidc_discovery_url: provider.url, oidc_allowed_hosts: 'https://keys.example' },
      { oidc_discovery_url: `${provider.url}?a=b` },
      { jwks_url: `${provider.url}/keys`, provider_config: { provider: 'azure' } },
    ])
      expect((await configure(bad)).status, JSON.stringify(bad).slice(0, 120)).to.equal(400)
    expect(provider.asked).to.deep.equal([])
  })

  it('trusts the CA of the configuration, and no other', async () => {
    const tls = await IdentityProvider.start({ tls: true })
    tls.publish({ one: first })
    try {
      for (const ca of [{}, { jwks_ca_pem: certificate().cert }]) {
        const { status: code, text } = await configure({ jwks_url: `${tls.url}/keys`, ...ca })
        expect([code, /CERT/.test(text)], text).to.deep.equal([400, true])
      }
      expect(tls.asked).to.deep.equal([])
      await configured({ jwks_url: `${tls.url}/keys`, jwks_ca_pem: tls.ca })
      expect(await status()).to.equal(200)
      await configured({ oidc_discovery_url: tls.url, oidc_discovery_ca_pem: tls.ca })
      expect(await status(token(first, 'one', { iss: tls.url }))).to.equal(200)
    } finally {
      await tls.stop()
    }
  })

  it('forgets fetched keys when the configuration is replaced', async () => {
    await configured()
    expect(await status()).to.equal(200)
    await configured({ jwt_validation_pubkeys: second.pem })
    expect([await status(), await status(token(second))]).to.deep.equal([400, 200])
  })

  it('a login that waits for keys while the configuration is replaced is refused', async () => {
    await configured()
    let finish = (): void => {}
    provider.answers.set('/keys', (request, response) => {
      finish = () => sends(keySet({ one: first }))(request, response)
    })
    const arrived = provider.arrival()
    const waiting = login()
    await arrived
    await configured({ jwt_validation_pubkeys: second.pem })
    finish()
    expect((await waiting).text).to.match(/configuration was changed/)
  })

  it('a login that waits for keys while its role becomes one for browsers is refused', async () => {
    await configured()
    let finish = (): void => {}
    provider.answers.set('/keys', (request, response) => {
      finish = () => sends(keySet({ one: first }))(request, response)
    })
    const arrived = provider.arrival()
    const waiting = login()
    await arrived
    const before = await server.data('GET', `auth/${mount}/role/web`)
    const change = { role_type: 'oidc', allowed_redirect_uris: 'https://a.example/', bound_audiences: [] }
    await server.data('POST', `auth/${mount}/role/web`, { ...before, ...change })
    finish()
    expect((await waiting).text).to.match(/log in to it with a browser/)
    await server.data('POST', `auth/${mount}/role/web`, before)
  })

  it('a configuration can be stored before its provider is up', async () => {
    provider.answers.clear()
    expect((await configure({ jwks_url: `${provider.url}/keys` })).status).to.equal(400)
    await configured({ jwks_url: `${provider.url}/keys`, skip_jwks_validation: true })
    expect(await status()).to.equal(503)
    provider.publish({ one: first })
    clock.advance(1000)
    expect(await status()).to.equal(200)
  })
})
