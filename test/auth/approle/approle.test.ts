import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface Auth {
  readonly client_token: string
  readonly policies: readonly string[]
  readonly lease_duration: number
  readonly metadata: Readonly<Record<string, string>>
}
const authOf = ({ status, text, body }: Reply): Auth => {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return body['auth'] as Auth
}
interface NewId {
  readonly secret_id: string
  readonly secret_id_accessor: string
}
const wrong = { errors: ['invalid role or secret ID'] }

describe('approle', () => {
  const clock = new HandClock()
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
  })
  after(async () => server.running.stop())

  const write = async (path: string, data: unknown = {}, headers: Readonly<Record<string, string>> = {}) =>
    server.call('POST', `/v1/auth/approle/${path}`, data, { 'X-Vault-Token': 'root', ...headers })
  const status = async (method: string, path: string, data?: Body) =>
    (await server.call(method, `/v1/auth/approle/${path}`, data)).status
  /** A role whose role id is its name. */
  const role = async (name: string, data: Body = {}) => {
    const reply = await write(`role/${name}`, { role_id: name, ...data })
    expect(reply.status, reply.text).to.be.oneOf([200, 204])
  }
  const secretId = async (name: string, data: Body = {}) =>
    (await server.data('POST', `auth/approle/role/${name}/secret-id`, data)) as unknown as NewId
  const login = async (role_id: unknown, secret_id?: unknown) =>
    server.call('POST', '/v1/auth/approle/login', { role_id, secret_id }, {})
  const lookup = async (name: string, secret_id: string) => write(`role/${name}/secret-id/lookup`, { secret_id })
  const renew = async (token: string) =>
    server.call('POST', '/v1/auth/token/renew-self', {}, { 'X-Vault-Token': token })

  it('accepts a role ID with its secret ID, and refuses everything else with the same message', async () => {
    await role('web', { token_policies: 'app', token_ttl: '10m' })
    const { secret_id: id, secret_id_accessor: accessor } = await secretId('web', { metadata: '{"env":"prod"}' })
    expect(authOf(await login('web', id))).to.deep.include({
      policies: ['app', 'default'],
      lease_duration: 600,
      metadata: { env: 'prod', role_name: 'web' },
    })
    await role('other')
    const other = await secretId('other')
    for (const [roleId, secret] of [
      ['web', 'wrong'], ['web', accessor], ['web', other.secret_id], ['other', id], ['nobody', id], ['nobody', 'wrong'],
      ['WEB', id], ['web', id.toUpperCase()], ['web', 'x'.repeat(10_000)], ['x'.repeat(10_000), id],
    ] as const) {
      const reply = await login(roleId, secret)
      expect([reply.status, reply.body], `${roleId} ${secret}`).to.deep.equal([400, wrong])
    } // prettier-ignore
    for (const roleId of ['web', 'nobody'])
      expect((await login(roleId)).body, roleId).to.deep.equal({ errors: ['missing secret_id'] })
    expect((await login('', id)).body).to.deep.equal({ errors: ['missing role_id'] })
  })

  it('metadata of a secret ID cannot replace the name of its role', async () => {
    await role('named')
    const { secret_id: id } = await secretId('named', { metadata: '{"role_name":"admin"}' })
    expect(authOf(await login('named', id)).metadata).to.deep.equal({ role_name: 'named' })
  })

  it('200 logins at once with a secret id of one use make one token; with 50 uses, 50', async function () {
    this.timeout(60_000)
    for (const uses of [1, 50]) {
      const name = `counted-${uses}`
      await role(name)
      const { secret_id: id } = await secretId(name, { num_uses: uses })
      const replies = await Promise.all(Array.from({ length: 200 }, async () => login(name, id)))
      const statuses = replies.map((reply) => reply.status)
      expect(statuses.filter((one) => one === 200)).to.have.length(uses)
      expect(statuses.filter((one) => one === 400)).to.have.length(200 - uses)
      expect((await lookup(name, id)).status).to.equal(204)
      expect(await status('GET', `role/${name}/secret-id?list=true`)).to.equal(404)
    }
  })

  it('a refused login does not count as a use', async () => {
    await role('spared')
    const { secret_id: id } = await secretId('spared', { num_uses: 1, cidr_list: '192.0.2.0/24' })
    expect((await login('spared', id)).body).to.deep.equal(wrong)
    expect((await lookup('spared', id)).status).to.equal(200)
    await role('far', { token_bound_cidrs: '192.0.2.0/24' })
    const far = await secretId('far', { num_uses: 1 })
    expect((await login('far', far.secret_id)).body).to.deep.equal(wrong)
    expect((await lookup('far', far.secret_id)).status).to.equal(200)
  })

  it('refuses an expired secret ID at once; tidy and the schedule remove it', async () => {
    await role('short')
    const listed = async () => status('GET', 'role/short/secret-id?list=true')
    const lasting = await secretId('short')
    const first = await secretId('short', { ttl: '90s' })
    expect((await login('short', first.secret_id)).status).to.equal(200)
    clock.advance(90_000)
    expect((await login('short', first.secret_id)).body).to.deep.equal(wrong)
    expect(await status('POST', 'tidy/secret-id', {})).to.equal(202)
    expect((await lookup('short', first.secret_id)).status).to.equal(204)
    expect((await login('short', lasting.secret_id)).status).to.equal(200)
    await write('role/short/secret-id/destroy', { secret_id: lasting.secret_id })
    expect(await listed()).to.equal(404)
    const same = { secret_id: 'by-hand', ttl: '30s' }
    expect((await write('role/short/custom-secret-id', same)).status).to.equal(200)
    expect((await write('role/short/custom-secret-id', same)).status).to.equal(400)
    clock.advance(31_000)
    expect((await write('role/short/custom-secret-id', same)).status).to.equal(200)
    expect((await login('short', 'by-hand')).status).to.equal(200)
    expect(await listed()).to.equal(200)
    clock.advance(61_000)
    for (let turn = 0; turn < 500 && (await listed()) === 200; turn++) await new Promise(setImmediate)
    expect(await listed()).to.equal(404)
  })

  it('limits of the role bound those of its secret IDs, also with zero', async () => {
    await role('limits', { secret_id_num_uses: 5, secret_id_ttl: '1h', secret_id_bound_cidrs: '127.0.0.0/8', token_bound_cidrs: '127.0.0.0/8' }) // prettier-ignore
    for (const data of [
      { num_uses: 6 }, { num_uses: 0 }, { num_uses: -1 }, { ttl: '61m' }, { ttl: 0 }, { cidr_list: '10.0.0.0/8' }, { cidr_list: '0.0.0.0/0' },
      { cidr_list: ['127.0.0.1', '::1'] }, { token_bound_cidrs: '126.0.0.0/7' }, { token_bound_cidrs: '::/0' }, { cidr_list: 'nowhere' },
      { metadata: '["a"]' }, { metadata: '{"a":1}' }, { metadata: 'text' }, { metadata: `{"a":"${'x'.repeat(513)}"}` },
    ])
      expect((await write('role/limits/secret-id', data)).status, JSON.stringify(data)).to.equal(400) // prettier-ignore
    const made = await secretId('limits', { num_uses: 5, ttl: '1h', cidr_list: '127.0.0.1', token_bound_cidrs: '127.0.0.1/32' }) // prettier-ignore
    const { client_token: token } = authOf(await login('limits', made.secret_id))
    const self = await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })
    expect((self.body['data'] as Body)['bound_cidrs']).to.deep.equal(['127.0.0.1'])
    // The role has other addresses now, and its older secret ids do not reach beyond them.
    await role('limits', { token_bound_cidrs: '127.0.0.2/32' })
    expect((await login('limits', made.secret_id)).body).to.deep.equal(wrong)
  })

  it('a role without secret IDs needs bound CIDR blocks, and keeps them', async () => {
    expect(await status('POST', 'role/open', { bind_secret_id: false })).to.equal(400)
    await role('open', { bind_secret_id: false, secret_id_bound_cidrs: '127.0.0.1/32' })
    expect((await login('open')).status).to.equal(200)
    expect((await login('open', 'anything')).status).to.equal(200)
    expect(await status('DELETE', 'role/open/secret-id-bound-cidrs')).to.equal(400)
    expect(await status('DELETE', 'role/open/bound-cidr-list')).to.equal(400)
    expect(await status('POST', 'role/open', { secret_id_bound_cidrs: [] })).to.equal(400)
    expect(await status('POST', 'role/open/secret-id', {})).to.equal(400)
    await role('open', { secret_id_bound_cidrs: '192.0.2.0/24' })
    expect((await login('open')).status).to.equal(400)
  })

  it('a role id belongs to one role', async () => {
    await role('one')
    await role('two')
    expect(await status('POST', 'role/two/role-id', { role_id: 'one' })).to.equal(400)
    expect(await status('POST', 'role/three', { role_id: 'one' })).to.equal(400)
    expect(await status('GET', 'role/three')).to.equal(404)
    for (const role_id of ['', ' x', 'x ', 'x'.repeat(4097)]) expect(await status('POST', 'role/two', { role_id })).to.equal(400)
    const { secret_id: id } = await secretId('two')
    expect(await status('POST', 'role/two/role-id', { role_id: 'second' })).to.equal(204)
    expect((await login('two', id)).body).to.deep.equal(wrong)
    expect((await login('second', id)).status).to.equal(200)
    await role('one', { role_id: 'first' })
    expect(await status('POST', 'role/two/role-id', { role_id: 'one' })).to.equal(204)
    const rivals = await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => status('POST', `role/r-${name}`, { role_id: 'wanted' }))) // prettier-ignore
    expect(rivals).to.have.members([204, 400, 400, 400])
  }) // prettier-ignore

  it('removing a role invalidates its secret IDs, also for a later role of the same name', async () => {
    await role('gone', { token_ttl: '1h' })
    const made = await secretId('gone')
    const { client_token: token } = authOf(await login('gone', made.secret_id))
    expect(await status('DELETE', 'role/GONE')).to.equal(204)
    expect((await login('gone', made.secret_id)).body).to.deep.equal(wrong)
    expect((await renew(token)).text).to.include('the role of this token no longer exists')
    await role('gone')
    expect((await login('gone', made.secret_id)).body).to.deep.equal(wrong)
    expect((await renew(token)).status).to.equal(400)
    expect((await lookup('gone', made.secret_id)).status).to.equal(204)
    const accessor = { secret_id_accessor: made.secret_id_accessor }
    expect(await status('POST', 'role/gone/secret-id-accessor/lookup', accessor)).to.equal(404)
    expect(await status('POST', 'tidy/secret-id', {})).to.equal(202)
    expect((await login('gone', made.secret_id)).body).to.deep.equal(wrong)
  })

  it('CVE-2023-24999: an accessor works under its own role only', async () => {
    await role('mine')
    await role('yours')
    const yours = await secretId('yours')
    const accessor = { secret_id_accessor: yours.secret_id_accessor }
    for (const path of ['role/mine/secret-id-accessor/lookup', 'role/mine/secret-id-accessor/destroy'])
      expect(await status('POST', path, accessor), path).to.equal(404)
    const found = await server.data('POST', 'auth/approle/role/yours/secret-id-accessor/lookup', accessor)
    expect(found).to.deep.include(accessor)
    expect(await status('DELETE', `role/mine/secret-id-accessor/destroy?secret_id_accessor=${yours.secret_id_accessor}`)).to.equal(404) // prettier-ignore
    for (const odd of ['../yours', `../yours/${yours.secret_id_accessor}`, '%2e%2e', 'x'])
      expect(await status('POST', 'role/mine/secret-id-accessor/lookup', { secret_id_accessor: odd })).to.equal(404)
    expect((await login('yours', yours.secret_id)).status).to.equal(200)
    expect(await status('POST', 'role/yours/secret-id-accessor/destroy', accessor)).to.equal(204)
    expect((await login('yours', yours.secret_id)).body).to.deep.equal(wrong)
  })

  it('0.10.2: the letter case of a role name does not count, whatever is done with its secret ids', async () => {
    await role('Mixed', { role_id: 'mixed-id' })
    for (const [made, removed] of [['mixed', 'MIXED'], ['MIXED', 'mixed'], ['MiXeD', 'mixed']] as const) {
      const { secret_id: id } = await secretId(made)
      expect(await status('POST', `role/${removed}/secret-id/destroy`, { secret_id: id })).to.equal(204)
      expect((await login('mixed-id', id)).body).to.deep.equal(wrong)
    } // prettier-ignore
    const { secret_id: id } = await secretId('mixed')
    expect(await status('DELETE', 'role/mIXED')).to.equal(204)
    expect((await login('mixed-id', id)).body).to.deep.equal(wrong)
  })

  it('CVE-2024-9180: no role gives the policy root', async () => {
    expect(await status('POST', 'role/rooted', { token_policies: 'a, Root' })).to.equal(400)
    await role('tame')
    for (const data of [{ token_policies: ['ROOT'] }, { policies: 'root' }])
      expect(await status('POST', 'role/tame/policies', data)).to.equal(400)
  })

  it('renews by the current limits', async () => {
    await role('renewed', { token_ttl: '10m' })
    const { secret_id: id } = await secretId('renewed')
    const { client_token: token } = authOf(await login('renewed', id))
    expect(await status('POST', 'role/renewed/token-ttl', { token_ttl: '20m' })).to.equal(204)
    expect(authOf(await renew(token)).lease_duration).to.equal(1200)
  })

  it('a wrapped secret ID shows its accessor only', async () => {
    await role('wrapped')
    const { body } = await write('role/wrapped/secret-id', {}, { 'X-Vault-Wrap-TTL': '60s' })
    const { token, wrapped_accessor: accessor } = body['wrap_info'] as Readonly<Record<string, string>>
    expect(body['data']).to.equal(null)
    const unwrapped = await server.call('POST', '/v1/sys/wrapping/unwrap', {}, { 'X-Vault-Token': String(token) })
    const made = unwrapped.body['data'] as NewId
    expect(made.secret_id_accessor).to.equal(accessor)
    expect((await login('wrapped', made.secret_id)).status).to.equal(200)
  })

  it('has a path for every parameter; removing one sets the default', async () => {
    await role('parts')
    for (const [path, data] of Object.entries<Body>({
      'auth/approle/role/parts/policies': { token_policies: ['a'] },
      'auth/approle/role/parts/bind-secret-id': { bind_secret_id: true },
      'auth/approle/role/parts/secret-id-num-uses': { secret_id_num_uses: 3 },
      'auth/approle/role/parts/secret-id-ttl': { secret_id_ttl: 60 },
      'auth/approle/role/parts/secret-id-bound-cidrs': { secret_id_bound_cidrs: ['127.0.0.1/32'] },
      'auth/approle/role/parts/bound-cidr-list': { bound_cidr_list: ['127.0.0.0/8'] },
      'auth/approle/role/parts/token-bound-cidrs': { token_bound_cidrs: ['127.0.0.0/8'] },
      'auth/approle/role/parts/token-ttl': { token_ttl: 60 },
      'auth/approle/role/parts/token-max-ttl': { token_max_ttl: 120 },
      'auth/approle/role/parts/token-num-uses': { token_num_uses: 2 },
      'auth/approle/role/parts/period': { token_period: 60 },
    })) {
      const before = await server.data('GET', path)
      await server.data('POST', path, data)
      expect(await server.data('GET', path), path).to.deep.equal(data)
      await server.data('DELETE', path)
      expect(await server.data('GET', path), path).to.deep.equal(before)
    }
    const local = await server.data('GET', 'auth/approle/role/parts/local-secret-ids')
    expect(local).to.deep.equal({ local_secret_ids: false })
    expect(await status('POST', 'role/parts', { local_secret_ids: true })).to.equal(400)
    expect(await status('POST', 'role/parts/period', { token_period: '9999h' })).to.equal(400)
  })

  it('a rule that denies a parameter at its own path denies it at the role and under its older name, too', async () => {
    await role('ruled')
    const token = await server.tokenWith(`
      path "auth/approle/role/ruled" { capabilities = ["update"] }
      path "auth/approle/role/ruled/*" { capabilities = ["update"] }
      path "auth/approle/role/ruled/policies" { capabilities = ["deny"] }
      path "auth/approle/role/ruled/role-id" { capabilities = ["deny"] }
      path "auth/approle/role/ruled/secret-id-bound-cidrs" { capabilities = ["deny"] }`)
    const as = async (path: string, data: Body) => (await write(path, data, { 'X-Vault-Token': token })).status
    expect(await as('role/ruled', { token_ttl: '1h' })).to.equal(204)
    for (const data of [
      { token_policies: 'x' },
      { policies: 'x' },
      { role_id: 'x' },
      { secret_id_bound_cidrs: '127.0.0.1' },
      { bound_cidr_list: '127.0.0.1' },
    ])
      // prettier-ignore
      expect(await as('role/ruled', data), JSON.stringify(data)).to.equal(403)
    expect(await as('role/ruled/bound-cidr-list', { bound_cidr_list: '127.0.0.1' })).to.equal(403)
  })

  it('lists roles and accessors by page, and refuses invalid names', async () => {
    await server.data('POST', 'sys/auth/listed', { type: 'approle' })
    for (const name of ['c', 'a', 'B']) await server.data('POST', `auth/listed/role/${name}`, {})
    const names = await server.data('GET', 'auth/listed/role?list=true&after=a&limit=1')
    expect(names['keys']).to.deep.equal(['b'])
    for (let count = 0; count < 3; count++) await server.data('POST', 'auth/listed/role/a/secret-id', {})
    const page = await server.data('GET', 'auth/listed/role/a/secret-id?list=true&limit=2')
    expect(page['keys']).to.have.length(2)
    for (const name of ['at@host', '.dot', 'end.', 'a%20b', '%C3%A9'])
      for (const end of ['', '/token-ttl', '/secret-id', '/role-id'])
        expect((await server.call('POST', `/v1/auth/listed/role/${name}${end}`, { token_ttl: 1, role_id: 'x' })).status, name + end).to.equal(404)
  }) // prettier-ignore

  it('no audit line has an ID in clear', async () => {
    const file = join(temporaryFolder(), 'audit.log')
    await server.data('POST', 'sys/audit/file', { type: 'file', options: { file_path: file } })
    await role('audited', { role_id: 'role-id-in-clear' })
    await server.data('POST', 'auth/approle/role/audited/custom-secret-id', { secret_id: 'secret-id-in-clear' })
    const made = await secretId('audited')
    for (const id of ['secret-id-in-clear', made.secret_id]) {
      authOf(await login('role-id-in-clear', id))
      await lookup('audited', id)
      await write('role/audited/secret-id/destroy', { secret_id: id })
    }
    const lines = readFileSync(file, 'utf8')
    expect(lines).to.include('auth/approle/login')
    expect(lines).to.include('hmac-sha256:')
    for (const secret of ['role-id-in-clear', 'secret-id-in-clear', made.secret_id])
      expect(lines).to.not.include(secret)
  })
})
