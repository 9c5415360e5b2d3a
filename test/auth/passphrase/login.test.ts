import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Engine } from '../../../src/contract/engine.ts'
import { HandClock } from '../../support/clock.ts'
import { devServer, openLevelServer, restarted, unseal } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'
import { passphraseEngine } from './engine.ts'

interface Auth {
  readonly client_token: string
  readonly accessor: string
  readonly policies: readonly string[]
  readonly lease_duration: number
  readonly renewable: boolean
  readonly token_type: string
  readonly num_uses: number
  readonly entity_id: string
  readonly metadata: Body
}

const passphrase = 'correct horse'
const parts = Object.entries(passphraseEngine).filter(([name]) => name !== 'renew')
const unrenewing = { ...(Object.fromEntries(parts) as unknown as Engine), type: 'unrenewing' }
const engines = { engines: () => [passphraseEngine, unrenewing] }
const authOf = ({ status, text, body }: Reply): Auth => {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return body['auth'] as Auth
}

describe('a login, through a method of two routes', () => {
  const clock = new HandClock()
  let server: TestServer
  before(async () => {
    server = await devServer(clock, engines)
    await server.data('POST', 'sys/auth/people', { type: 'passphrase' })
  })
  after(async () => server.running.stop())

  const user = async (name: string, params: Body = {}, mount = 'people') =>
    server.data('POST', `auth/${mount}/users/${name}`, { passphrase, ...params })
  const tryLogin = async (name: string, headers = {}, mount = 'people') =>
    server.call('POST', `/v1/auth/${mount}/login/${name}`, { passphrase }, headers)
  const login = async (...how: Parameters<typeof tryLogin>) => authOf(await tryLogin(...how))
  const as = async (token: string, method: string, path: string, data?: unknown) =>
    server.call(method, `/v1/${path}`, data, { 'X-Vault-Token': token })
  const self = async (token: string) => as(token, 'GET', 'auth/token/lookup-self')
  const renew = async (token: string, data: Body = {}) => as(token, 'POST', 'auth/token/renew-self', data)

  it('creates a token with the policies, the names and the path of the login', async () => {
    await user('anna', { token_policies: ['Reader', 'b'], token_ttl: '1h' })
    const auth = await login('ANNA')
    expect(auth).to.deep.include({
      policies: ['b', 'default', 'reader'],
      token_policies: ['b', 'default', 'reader'],
      metadata: { user: 'anna' },
      lease_duration: 3600,
      renewable: true,
      token_type: 'service',
      orphan: true,
      num_uses: 0,
    })
    expect(auth.entity_id).to.match(/^[0-9a-f-]{36}$/)
    const { data } = (await self(auth.client_token)).body as { readonly data: Body }
    expect(data).to.deep.include({
      path: 'auth/people/login/anna',
      display_name: 'people-anna',
      policies: ['b', 'default', 'reader'],
      meta: { user: 'anna' },
      creation_ttl: 3600,
      orphan: true,
      entity_id: auth.entity_id,
    })
    expect(JSON.stringify(data)).not.to.match(/mount|login_?data/i)
    const leases = await server.data('LIST', 'sys/leases/lookup/auth/people/login/anna')
    expect(leases['keys']).to.have.length(1)
  })

  it('refuses a wrong passphrase, a removed or unknown user, and a mount that does not exist', async () => {
    const before = ((await server.data('LIST', 'auth/token/accessors'))['keys'] as readonly string[]).length
    const wrong = async (path: string) => server.call('POST', `/v1/auth/${path}`, { passphrase: 'x' }, {})
    for (const path of ['people/login/anna', 'people/login/nobody']) {
      const reply = await wrong(path)
      expect([reply.status, reply.body], path).to.deep.equal([400, { errors: ['invalid name or passphrase'] }])
    }
    for (const path of ['nothing/login/anna', 'people/users/anna'])
      expect((await wrong(path)).status, path).to.equal(403)
    expect((await server.call('GET', '/v1/auth/people/login/anna', undefined, {})).body).to.deep.equal({
      errors: ['unsupported operation'],
    })
    expect((await server.data('LIST', 'auth/token/accessors'))['keys']).to.have.length(before)
  })

  it('a token that is sent along changes nothing, and none of its uses is taken', async () => {
    const counted = await server.tokenWith('path "auth/token/lookup-self" { capabilities = ["read"] }', { num_uses: 1 })
    expect((await login('anna', { 'X-Vault-Token': counted })).policies).to.deep.equal(['b', 'default', 'reader'])
    expect((await login('anna', { 'X-Vault-Token': 'root' })).policies).to.deep.equal(['b', 'default', 'reader'])
    expect((await login('anna', { 'X-Vault-Token': 'garbage' })).policies).to.deep.equal(['b', 'default', 'reader'])
    expect((await self(counted)).status).to.equal(200)
  })

  it('keeps to the limits of the user and of the mount', async () => {
    const ttls = async (name: string, params: Body) => {
      await user(name, params)
      return (await login(name)).lease_duration
    }
    expect(await ttls('plain', {})).to.equal(2764800)
    expect(await ttls('long', { token_ttl: '2000h' })).to.equal(2764800)
    expect(await ttls('explicit', { token_ttl: '1h', token_explicit_max_ttl: '30m' })).to.equal(1800)
    expect(await ttls('period', { token_period: '20m', token_ttl: '5m' })).to.equal(1200)
    await server.data('POST', 'sys/auth/short', {
      type: 'passphrase',
      config: { default_lease_ttl: '7m', max_lease_ttl: '9m' },
    })
    await user('plain', {}, 'short')
    await user('period', { token_period: '20m' }, 'short')
    expect((await login('plain', {}, 'short')).lease_duration).to.equal(420)
    const capped = await tryLogin('period', {}, 'short')
    expect(authOf(capped).lease_duration).to.equal(540)
    expect(capped.body['warnings']).to.have.length(1)
    const token = (await login('plain', {}, 'short')).client_token
    expect(authOf(await renew(token, { increment: '1h' })).lease_duration).to.equal(540)
  })

  it('counts uses', async () => {
    await user('uses', { token_num_uses: 2 })
    const { client_token: token, num_uses: uses } = await login('uses')
    expect(uses).to.equal(2)
    expect((await self(token)).status).to.equal(200)
    expect((await self(token)).status).to.equal(200)
    expect((await self(token)).status).to.equal(403)
  })

  it('makes batch tokens by user or mount, which carry all themselves', async () => {
    await user('batch', { token_type: 'batch', token_ttl: '10m' })
    const auth = await login('batch')
    expect(auth).to.include({ token_type: 'batch', renewable: false, accessor: '', lease_duration: 600 })
    expect((await self(auth.client_token)).status).to.equal(200)
    await server.data('POST', 'sys/auth/batches', { type: 'passphrase', config: { token_type: 'batch' } })
    await user('plain', { token_type: 'service', token_period: '10m' }, 'batches')
    expect(await login('plain', {}, 'batches')).to.include({ token_type: 'batch', lease_duration: 600 })
    await user('uses', { token_num_uses: 2 }, 'batches')
    expect((await tryLogin('uses', {}, 'batches')).status).to.equal(400)
    await server.data('POST', 'sys/auth/batches/tune', { token_type: 'default-batch' })
    expect(await login('plain', {}, 'batches')).to.include({ token_type: 'service' })
    await user('free', {}, 'batches')
    const { client_token: token } = await login('free', {}, 'batches')
    expect((await self(token)).body['data']).to.include({ type: 'batch' })
    await server.data('DELETE', 'sys/auth/batches')
    expect((await self(token)).status).to.equal(403)
  })

  it('CIDR blocks bind the login and the token', async () => {
    await user('far', { token_bound_cidrs: '10.0.0.0/8' })
    const refused = await tryLogin('far')
    expect([refused.status, refused.body]).to.deep.equal([403, { errors: ['permission denied'] }])
    await user('near', { token_bound_cidrs: ['127.0.0.0/8'] })
    const near = await self((await login('near')).client_token)
    expect((near.body['data'] as Body)['bound_cidrs']).to.deep.equal(['127.0.0.0/8'])
    await user('strict', { token_strictly_bind_ip: true })
    const strict = await self((await login('strict')).client_token)
    expect((strict.body['data'] as Body)['bound_cidrs']).to.deep.equal(['127.0.0.1'])
  })

  it('no login gives root, and without the default policy there is none', async () => {
    for (const policies of ['root', ' ROOT', ['a', 'Root'], 'response-wrapping'])
      expect(
        (await server.call('POST', '/v1/auth/people/users/anna', { token_policies: policies })).status,
        String(policies),
      ).to.equal(400)
    await user('bare', { token_no_default_policy: true, token_policies: 'a' })
    expect((await login('bare')).policies).to.deep.equal(['a'])
  })

  it('refuses parameters that contradict each other or are empty', async () => {
    const refused: Body[] = [
      { token_num_uses: -1 },
      { token_ttl: '2h', token_max_ttl: '1h' },
      { token_type: 'batch', token_period: '1h' },
      { token_type: 'batch', token_num_uses: 1 },
      { token_type: 'default-service' },
      { token_strictly_bind_ip: true, token_bound_cidrs: '127.0.0.1' },
      { token_bound_cidrs: 'nowhere' },
      { token_bound_cidrs: '' },
      { token_bound_cidrs: [' '] },
      { token_explicit_max_ttl: '' },
      { token_num_uses: '' },
      { token_policies: ' , ' },
    ]
    for (const params of refused)
      expect(
        (await server.call('POST', '/v1/auth/people/users/odd', { passphrase, ...params })).status,
        JSON.stringify(params),
      ).to.equal(400)
    expect((await tryLogin('odd')).status).to.equal(400)
  })

  it('renewals ask the method: its limits of today count, and it may refuse', async () => {
    await user('renewed', { token_ttl: '10m', token_max_ttl: '15m' })
    const { client_token: token } = await login('renewed')
    clock.advance(60_000)
    expect(authOf(await renew(token)).lease_duration).to.equal(600)
    const capped = await renew(token, { increment: '1h' })
    expect(authOf(capped).lease_duration).to.equal(840)
    expect(capped.body['warnings']).to.have.length(1)
    await user('renewed', { token_ttl: '5m', token_max_ttl: '1h' })
    expect(authOf(await renew(token)).lease_duration).to.equal(300)
    await user('renewed', { token_period: '2h', token_max_ttl: 0 })
    expect(authOf(await renew(token)).lease_duration).to.equal(7200)
    const byAccessor = await server.call('POST', '/v1/auth/token/renew-accessor', {
      accessor: ((await self(token)).body['data'] as Body)['accessor'],
    })
    expect(authOf(byAccessor).lease_duration).to.equal(7200)
    await user('renewed', { gone: true })
    const refused = await renew(token)
    expect([refused.status, refused.text]).to.deep.equal([400, refused.text])
    expect(refused.text).to.include('the user of this token is gone')
    expect((await self(token)).status).to.equal(200)
  })

  it('a method without renewals creates no renewable tokens', async () => {
    await server.data('POST', 'sys/auth/unrenewing', { type: 'unrenewing' })
    await user('anna', {}, 'unrenewing')
    const auth = await login('anna', {}, 'unrenewing')
    expect(auth.renewable).to.equal(false)
    expect((await renew(auth.client_token)).status).to.equal(400)
  })

  it('can be wrapped', async () => {
    const reply = await tryLogin('anna', { 'X-Vault-Wrap-TTL': '60' })
    expect(reply.body['auth']).to.equal(null)
    const info = reply.body['wrap_info'] as { readonly token: string; readonly wrapped_accessor: string }
    const opened = authOf(await as(info.token, 'POST', 'sys/wrapping/unwrap'))
    expect(opened).to.include({ accessor: info.wrapped_accessor, lease_duration: 3600 })
    expect((await self(opened.client_token)).status).to.equal(200)
  })

  it('works in a namespace, whose lock holds for it; its tokens live there', async () => {
    await server.data('POST', 'sys/namespaces/team')
    const inside = async (method: string, path: string, data?: unknown, token = 'root') =>
      server.call(method, `/v1/team/${path}`, data, { 'X-Vault-Token': token })
    await inside('POST', 'sys/auth/people', { type: 'passphrase' })
    await inside('POST', 'auth/people/users/anna', { passphrase })
    const { client_token: token } = authOf(
      await server.call('POST', '/v1/team/auth/people/login/anna', { passphrase }, {}),
    )
    expect(((await self(token)).body['data'] as Body)['namespace_path']).to.equal('team/')
    const { unlock_key: key } = (await server.data('POST', 'sys/namespaces/api-lock/lock/team')) as {
      unlock_key: string
    }
    const locked = await server.call('POST', '/v1/team/auth/people/login/anna', { passphrase }, {})
    const missing = await server.call('POST', '/v1/none/auth/people/login/anna', { passphrase }, {})
    expect([locked.status, locked.text]).to.deep.equal([403, missing.text])
    await server.data('POST', 'sys/namespaces/api-lock/unlock/team', { unlock_key: key })
    expect(authOf(await inside('POST', 'auth/token/renew-self', {}, token)).lease_duration).to.equal(2764800)
  })

  it('revoking a token revokes its children and removes its cubbyhole', async () => {
    await user('drawer', { token_policies: 'maker' })
    await server.data('PUT', 'sys/policies/acl/maker', {
      policy: 'path "auth/token/create" { capabilities = ["update"] }',
    })
    const { client_token: token, accessor } = await login('drawer')
    await as(token, 'POST', 'cubbyhole/a', { b: 'c' })
    expect((await as(token, 'GET', 'cubbyhole/a')).status).to.equal(200)
    const child = authOf(await as(token, 'POST', 'auth/token/create', {})).client_token
    await server.data('POST', 'auth/token/revoke-accessor', { accessor })
    expect((await self(token)).status).to.equal(403)
    expect((await self(child)).status).to.equal(403)
  })

  it('a quota on the login path applies', async () => {
    await server.data('POST', 'sys/auth/few', { type: 'passphrase' })
    await user('anna', {}, 'few')
    await server.data('POST', 'sys/quotas/rate-limit/few', { path: 'auth/few', rate: 1, interval: '1h' })
    expect((await tryLogin('anna', {}, 'few')).status).to.equal(200)
    expect((await tryLogin('anna', {}, 'few')).status).to.equal(429)
    await server.data('DELETE', 'sys/quotas/rate-limit/few')
  })

  it('the tokens of a removed mount are refused at once, wherever it was moved, with all below them', async () => {
    await server.data('POST', 'sys/auth/going', { type: 'passphrase' })
    await user('anna', { token_policies: 'maker' }, 'going')
    const { client_token: token } = await login('anna', {}, 'going')
    const child = authOf(await as(token, 'POST', 'auth/token/create', {})).client_token
    const elsewhere = await login('anna')
    await server.data('POST', 'sys/remount', { from: 'auth/going', to: 'auth/gone' })
    expect((await self(token)).status).to.equal(200)
    expect(authOf(await renew(token)).lease_duration).to.equal(2764800)
    await server.data('DELETE', 'sys/auth/gone')
    expect((await self(token)).status).to.equal(403)
    expect((await self(child)).status).to.equal(403)
    expect((await self(elsewhere.client_token)).status).to.equal(200)
    await server.data('POST', 'sys/auth/going', { type: 'passphrase' })
    expect((await self(token)).status).to.equal(403)
    expect((await server.call('LIST', '/v1/sys/leases/lookup/auth/going')).status).to.equal(404)
  })

  it('is public for help, OpenAPI and explanations', async () => {
    const open = await server.call('GET', '/v1/sys/internal/specs/openapi', undefined, {})
    const paths = open.body['paths'] as Readonly<Record<string, { readonly post: Body }>>
    expect(paths['/auth/people/login/{name}']?.post).not.to.have.property('security')
    expect(paths).not.to.have.property('/auth/people/users/{name}')
    const help = await server.call('GET', '/v1/auth/people/login/anna?help=1')
    expect([help.status, help.text.includes('Log in with a passphrase')]).to.deep.equal([200, true])
    expect((await server.call('GET', '/v1/auth/people/login/anna?help=1', undefined, {})).status).to.equal(403)
    const explain = async (path: string) =>
      server.data('POST', 'sys/policies/explain', { path, operation: 'update', policies: ['default'] })
    expect(await explain('auth/people/login/anna')).to.include({ allowed: true, ground: 'public' })
    expect(await explain('auth/people/users/anna')).to.include({ allowed: false })
  })
})

describe('a login on a server that keeps its records', () => {
  let server: TestServer
  afterEach(async () => server.running.stop())

  it('is in the audit log without its secrets; token and revocation survive a restart', async () => {
    server = await openLevelServer('', engines)
    await server.data('POST', 'sys/auth/people', { type: 'passphrase' })
    await server.data('POST', 'auth/people/users/anna', { passphrase, token_policies: 'a', token_ttl: '1h' })
    const call = async () => server.call('POST', '/v1/auth/people/login/anna', { passphrase }, {})
    const { client_token: token, accessor } = authOf(await call())
    const lines = readFileSync(`${server.folder}/audit.log`, 'utf8')
    expect(lines).not.to.include(passphrase)
    expect(lines).not.to.include(token)
    expect(lines).not.to.include(accessor)
    const entries = lines
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as Readonly<Record<'type', string>> &
            Readonly<Record<'auth' | 'request' | 'response', Body>>,
      )
      .filter(({ request }) => request?.['path'] === 'auth/people/login/anna')
    expect(entries.map(({ type }) => type)).to.deep.equal(['request', 'response'])
    const [asked, answered] = entries
    expect(asked?.auth).to.deep.equal({ policy_results: { allowed: true } })
    expect(answered?.request).to.deep.equal(asked?.request)
    expect(answered?.auth).to.deep.include({
      display_name: 'people-anna',
      policies: ['a', 'default'],
      token_policies: ['a', 'default'],
      metadata: { user: 'anna' },
      token_type: 'service',
      token_ttl: 3600,
    })
    const issued = answered?.response['auth'] as Body
    expect(answered?.auth).to.include({ client_token: issued['client_token'], accessor: issued['accessor'] })
    expect(issued['client_token']).to.match(/^hmac-sha256:/)

    server = await restarted(server, engines)
    await unseal(server)
    const self = async () => server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })
    expect((await self()).status).to.equal(200)
    expect(
      authOf(await server.call('POST', '/v1/auth/token/renew-self', {}, { 'X-Vault-Token': token })).lease_duration,
    ).to.equal(3600)
    await server.data('DELETE', 'sys/auth/people')
    server = await restarted(server, engines)
    await unseal(server)
    expect((await self()).status).to.equal(403)
  })
})
