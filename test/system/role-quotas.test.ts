import { connect } from 'node:net'
import { expect } from 'chai'
import { jwtKey } from '../support/jwt.ts'
import { HandClock } from '../support/clock.ts'
import { devServer, openLevelServer, restarted, unseal } from '../support/server.ts'
import type { Reply, TestServer } from '../support/server.ts'

const open = { bind_secret_id: false, secret_id_bound_cidrs: '127.0.0.1/32' }
const count = (statuses: readonly number[], status: number): number => statuses.filter((one) => one === status).length

describe('rate-limit quotas by role', () => {
  let server: TestServer
  const ids: Record<string, string> = {}
  beforeEach(async () => {
    server = await devServer(new HandClock())
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    for (const role of ['ci', 'web', 'other']) {
      await server.data('POST', `auth/approle/role/${role}`, open)
      ids[role] = String((await server.data('GET', `auth/approle/role/${role}/role-id`))['role_id'])
    }
    await server.data('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true })
  })
  afterEach(async () => server.running.stop())

  const limit = async (name: string, rule: object): Promise<Reply> =>
    server.call('POST', `/v1/sys/quotas/rate-limit/${name}`, { interval: '1h', path: 'auth/approle', ...rule })
  const made = async (name: string, rule: object): Promise<void> =>
    expect((await limit(name, rule)).status, name).to.equal(204) as unknown as void
  const logIn = async (body: unknown): Promise<Reply> => server.call('POST', '/v1/auth/approle/login', body, {})
  const statuses = async (times: number, body: unknown): Promise<number[]> =>
    Promise.all(Array.from({ length: times }, async () => (await logIn(body)).status))

  it('count exactly the logins of their role, however many come at once', async () => {
    await made('mount', { rate: 3 })
    await made('ci', { rate: 7, role: 'ci' })
    await made('path', { rate: 5, path: 'auth/approle/login' })
    const [ci, other] = await Promise.all([
      statuses(40, { role_id: ids['ci'] }),
      statuses(40, { role_id: ids['other'] }),
    ])
    expect([count(ci, 200), count(ci, 429)]).to.deep.equal([7, 33])
    expect([count(other, 200), count(other, 429)]).to.deep.equal([5, 35])
    // Other requests to the mount are not logins.
    const read = async () => (await server.call('GET', '/v1/auth/approle/role/ci')).status
    expect([await read(), await read(), await read(), await read()]).to.deep.equal([200, 200, 200, 429])
  })

  it('a role id is the same however it is written, and inline logins count as well', async () => {
    await made('ci', { rate: 4, role: 'ci' })
    await server.data('PUT', 'sys/policies/acl/look', { policy: 'path "secret/config" { capabilities = ["read"] }' })
    await server.data('POST', 'auth/approle/role/ci', { token_policies: 'look' })
    await server.data('POST', 'auth/approle/role/number', { ...open, role_id: '12345' })
    await made('number', { rate: 1, role: 'number' })
    expect(await statuses(1, { role_id: ` ${ids['ci']} ` })).to.deep.equal([200])
    expect(await statuses(1, { role_id: 12345 })).to.deep.equal([200])
    expect(await statuses(1, { role_id: '12345' })).to.deep.equal([429])
    const form = await server.call('POST', '/v1/auth/approle/login', `role_id=${ids['ci']}`, {
      'Content-Type': 'application/x-www-form-urlencoded',
    })
    expect(form.headers['x-ratelimit-remaining']).to.equal('2')
    const parameter = Buffer.from(JSON.stringify({ key: 'role_id', value: ids['ci'] })).toString('base64url')
    const inline = async () =>
      server.call('GET', '/v1/secret/config', undefined, {
        'X-Vault-Inline-Auth-Path': 'auth/approle/login',
        'X-Vault-Inline-Auth-Parameter-r': parameter,
      })
    expect([(await inline()).status, (await inline()).status, (await inline()).status]).to.deep.equal([200, 200, 429])
    expect(await statuses(1, { role_id: ids['ci'] })).to.deep.equal([429])
  })

  it('do not reveal which role IDs exist: an unknown one is counted like an existing one', async () => {
    await made('mount', { rate: 1000 })
    await made('ci', { rate: 2000, role: 'ci' })
    await made('web', { rate: 3000, role: 'web' })
    const limitOf = async (roleId: string): Promise<string> => {
      const { status, headers } = await logIn({ role_id: roleId, secret_id: 'x' })
      expect(status).to.equal(400)
      return String(headers['x-ratelimit-limit'])
    }
    const limits = new Set<string>()
    for (let number = 0; number < 40; number++) limits.add(await limitOf(`guess-${number}`))
    expect([...limits].sort()).to.deep.equal(['1000', '2000', '3000'])
    expect(await limitOf('guess-1')).to.equal(await limitOf('guess-1'))
  })

  it('a body that cannot be read counts without a role; none is read when all quotas are used up', async () => {
    await made('mount', { rate: 2 })
    await made('ci', { rate: 1, role: 'ci' })
    const broken = async () => (await logIn('{ this is no JSON')).status
    expect([await broken(), (await logIn({ role_id: { a: 1 } })).status, await broken()]).to.deep.equal([400, 400, 429])
    expect(await statuses(1, { role_id: ids['ci'] })).to.deep.equal([200])
    const { hostname, port } = new URL(server.running.address)
    const response = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write('POST /v1/auth/approle/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{'),
      )
      socket.on('data', (data) => {
        resolve(data.toString())
        socket.destroy()
      })
      socket.on('error', reject)
    })
    expect(response).to.match(/^HTTP\/1\.1 429 /)
  })

  it('are for mounts whose logins name a role, and are shown with it', async () => {
    await server.data('POST', 'sys/auth/people', { type: 'userpass' })
    for (const [wrong, message] of [
      [{ role: 'ci', path: 'secret/' }, /no mount of an auth method/],
      [{ role: 'ci', path: '' }, /no mount of an auth method/],
      [{ role: 'ci', path: 'auth/people' }, /name no role/],
      [{ role: 'ci', path: 'auth/token' }, /name no role/],
      [{ role: 'ci', path: 'auth/approle/login' }, /whole mount/],
      [{ role: 'ci', path: 'auth/approle/lo*' }, /whole mount/],
      [{ role: 'CI' }, /lower case: write "ci"/],
      [{ role: 'a/b' }, /name of a role/],
    ] as const) {
      const { status, body } = await limit('x', { rate: 1, ...wrong })
      expect([status, String(body.errors)]).to.satisfy(
        ([code, text]: [number, string]) => code === 400 && message.test(text),
        JSON.stringify([wrong, status, body.errors]),
      )
    }
    await made('ci', { rate: 1, role: 'ci' })
    expect(await server.data('GET', 'sys/quotas/rate-limit/ci')).to.include({ role: 'ci', path: 'auth/approle/' })
    expect((await limit('again', { rate: 1, role: 'ci' })).status).to.equal(400)
    await made('other', { rate: 1, role: 'other' })
    await made('mount', { rate: 1 })
    // A role whose quota was removed counts with the mount again.
    const limitOf = async () => (await logIn({ role_id: ids['other'] })).headers['x-ratelimit-limit']
    await made('mount', { rate: 9 })
    expect(await limitOf()).to.equal('1')
    await server.data('DELETE', 'sys/quotas/rate-limit/other')
    expect(await limitOf()).to.equal('9')
  })
})

describe('rate-limit quotas by role at other methods', () => {
  it('take the role that a login names, or the default one, whether or not there is such a role', async () => {
    const server = await devServer(new HandClock())
    const limits: unknown[] = []
    await server.data('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true })
    for (const [type, config] of [
      ['jwt', { jwt_validation_pubkeys: jwtKey().pem, default_role: 'Usual' }],
      ['kubernetes', undefined],
    ] as const) {
      await server.data('POST', `sys/auth/${type}`, { type })
      if (config) await server.data('POST', `auth/${type}/config`, config)
      for (const [name, rate] of [
        ['usual', 20],
        ['missing', 30],
      ] as const)
        // prettier-ignore
        await server.data('POST', `sys/quotas/rate-limit/${type}-${name}`, { path: `auth/${type}`, role: name, rate })
      for (const body of [{ role: 'MISSING', jwt: 'x' }, { jwt: 'x' }])
        limits.push((await server.call('POST', `/v1/auth/${type}/login`, body, {})).headers['x-ratelimit-limit'])
    }
    expect(limits).to.deep.equal(['30', '20', '30', undefined])
    await server.running.stop()
  })

  it('are there after a restart', async () => {
    let server = await openLevelServer()
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'auth/approle/role/ci', { ...open, role_id: 'the-ci' })
    await server.data('POST', 'sys/quotas/rate-limit/q', { rate: 1, interval: '1h', path: 'auth/approle', role: 'ci' })
    server = await restarted(server)
    await unseal(server)
    const statuses: number[] = []
    for (const role_id of ['the-ci', 'the-ci'])
      statuses.push((await server.call('POST', '/v1/auth/approle/login', { role_id }, {})).status)
    expect(statuses).to.deep.equal([200, 429])
    await server.running.stop()
  })
})
