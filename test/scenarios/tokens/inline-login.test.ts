import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { passphraseEngine } from '../../auth/passphrase/engine.ts'
import { openLevelServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const prefix = 'X-Vault-Inline-Auth-'
const encoded = (text: string): string => Buffer.from(text).toString('base64url')
const parameter = (key: string, value: unknown): string => encoded(JSON.stringify({ key, value }))
type Headers = Readonly<Record<string, string>>

describe('inline authentication', function () {
  this.timeout(60_000)
  let server: TestServer

  before(async () => {
    server = await openLevelServer('', { engines: () => [passphraseEngine] })
    await server.data('POST', 'sys/auth/people', { type: 'passphrase' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('PUT', 'kv/a', { v: '1' })
    const policy =
      'path "kv/*" { capabilities = ["read", "create", "update"] }\npath "auth/token/create" { capabilities = ["update"] }\npath "sys/internal/ui/mounts/*" { capabilities = ["read"] }'
    await server.data('PUT', 'sys/policies/acl/app', { policy })
    await server.data('POST', 'auth/people/users/anna', { passphrase: 'p', token_policies: 'app' })
  })
  after(async () => server.running.stop())

  const anna: Headers = {
    [`${prefix}Path`]: 'auth/people/login/anna',
    [`${prefix}Parameter-p`]: parameter('passphrase', 'p'),
  }
  const call = async (method: string, path: string, headers: Headers = anna, data?: unknown) =>
    server.call(method, `/v1/${path}`, data, headers)
  const status = async (headers: Headers) => (await call('GET', 'kv/a', headers)).status
  const tokens = async () => ((await server.data('LIST', 'auth/token/accessors'))['keys'] as readonly string[]).length
  const audited = (): Body[] =>
    readFileSync(join(server.folder, 'audit.log'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Body) // prettier-ignore

  it('logs in for one request, and stores no token', async () => {
    const before = await tokens()
    expect(await call('GET', 'kv/a')).to.deep.include({ status: 200 })
    expect((await call('PUT', 'kv/b', anna, { v: '2' })).status).to.equal(204)
    expect((await call('GET', 'sys/mounts')).status).to.equal(403)
    expect(await tokens()).to.equal(before)
  })

  it('the header has either of the operations of a login, and no other', async () => {
    for (const operation of ['update', 'create']) expect(await status({ ...anna, [`${prefix}Operation`]: operation })).to.equal(200)
  }) // prettier-ignore

  it('GHSA-rh46-vc3j-w2w3: no other operation can be named', async () => {
    for (const operation of ['', 'read', 'list', 'delete', 'patch', 'help', 'renew', 'revoke', 'rollback', 'alias-lookahead', 'resolve-role', 'UPDATE', 'update,create'])
      expect(await status({ ...anna, [`${prefix}Operation`]: operation }), operation).to.equal(405)
  }) // prettier-ignore

  it('a login that is refused is refused as by its own route, and nothing is done', async () => {
    const wrong = { ...anna, [`${prefix}Parameter-p`]: parameter('passphrase', 'wrong') }
    const own = await server.call('POST', '/v1/auth/people/login/anna', { passphrase: 'wrong' }, {})
    const inline = await call('PUT', 'kv/never', wrong, { v: '1' })
    expect([inline.status, inline.text]).to.deep.equal([own.status, own.text])
    expect((await server.call('GET', '/v1/kv/never')).status).to.equal(404)
  })

  it('nothing but a login can be called', async () => {
    for (const path of ['auth/people/users/anna', 'auth/token/create', 'auth/token/lookup-self', 'sys/health', 'sys/seal-status', 'sys/wrapping/unwrap', 'kv/a', 'auth/nosuch/login', 'auth/people/login', 'people/login/anna', 'sys/policies/acl/app', 'auth/approle/role/x'])
      expect(await status({ ...anna, [`${prefix}Path`]: path }), path).to.be.oneOf([400, 403, 405])
    for (const path of ['', '/auth/people/login/anna', 'auth/people/login/../login/anna', 'auth//people/login/anna'])
      expect(await status({ ...anna, [`${prefix}Path`]: path }), path).to.equal(400)
    expect((await server.data('GET', 'sys/policies/acl/app'))['policy']).to.include('kv/*')
  }) // prettier-ignore

  it('parameters that cannot be read are refused, and not quoted', async () => {
    const secret = 'canary-77'
    for (const value of ['!!!', `${parameter('passphrase', 'p')}=`, encoded(secret), encoded('[]'), encoded('null'), encoded(`{"value":"${secret}"}`), encoded('{"key":"","value":"p"}'), encoded('{"key":5,"value":"p"}'), encoded('{"key":"passphrase"}'), encoded(`{"key":"passphrase","value":"p","more":"${secret}"}`), encoded('{"key":"a","key":"passphrase","value":"p"}'), `${parameter('passphrase', 'p')}, ${parameter('passphrase', 'p')}`]) {
      const reply = await call('GET', 'kv/a', { ...anna, [`${prefix}Parameter-p`]: value })
      expect(reply.status, value).to.equal(400)
      expect(reply.text).to.not.include('canary')
    }
    expect(await status({ ...anna, [`${prefix}Parameter-q`]: parameter('passphrase', 'q') })).to.equal(400)
    expect(await status({ [`${prefix}Parameter-p`]: parameter('passphrase', 'p') })).to.equal(403)
  }) // prettier-ignore

  it('a request has a token or a login, not both', async () => {
    for (const token of [server.token, 'wrong']) {
      expect(await status({ ...anna, 'X-Vault-Token': token })).to.equal(400)
      expect(await status({ ...anna, Authorization: `Bearer ${token}` })).to.equal(400)
    }
  })

  it('its token passes nothing on: no children, no renewal, no cubbyhole, no lookup', async () => {
    for (const [path, data] of [['auth/token/create', {}], ['auth/token/renew-self', {}], ['auth/token/revoke-self', {}], ['cubbyhole/x', { a: '1' }]] as const)
      expect((await call('POST', path, anna, data)).status, path).to.be.oneOf([400, 403, 405])
    expect((await call('GET', 'auth/token/lookup-self')).status).to.equal(403)
  }) // prettier-ignore

  it('the entity is that of other logins, its policies and its end included', async () => {
    const { body } = await server.call('POST', '/v1/auth/people/login/anna', { passphrase: 'p' }, {})
    const entity = String((body['auth'] as Body)['entity_id'])
    await server.data('PUT', 'sys/policies/acl/more', { policy: 'path "sys/mounts" { capabilities = ["read"] }' })
    await server.data('POST', `identity/entity/id/${entity}`, { policies: ['more'] })
    expect((await call('GET', 'sys/mounts')).status).to.equal(200)
    await server.data('POST', `identity/entity/id/${entity}`, { policies: [], disabled: true })
    expect(await call('GET', 'kv/a')).to.deep.include({ status: 403 })
    await server.data('POST', `identity/entity/id/${entity}`, { disabled: false })
    expect((await call('GET', 'sys/mounts')).status).to.equal(403)
  })

  it('a secret id with one use serves one request, large or small, of 40 at once', async () => {
    for (const [role, value] of [['small', 'x'], ['large', 'x'.repeat(400_000)]] as const) {
      await server.data('POST', `auth/approle/role/${role}`, { role_id: role, token_policies: 'app', secret_id_num_uses: 1 })
      const { secret_id: id } = await server.data('POST', `auth/approle/role/${role}/secret-id`, {})
      const headers = {
        [`${prefix}Path`]: 'auth/approle/login',
        [`${prefix}Parameter-1`]: parameter('role_id', role),
        [`${prefix}Parameter-2`]: parameter('secret_id', id),
      }
      const statuses = await Promise.all(Array.from({ length: 40 }, async () => (await call('PUT', 'kv/c', headers, { value })).status))
      expect(statuses.filter((one) => one === 204).length).to.equal(1)
      expect(statuses.filter((one) => one >= 500)).to.deep.equal([])
    }
  }) // prettier-ignore

  it('wraps the response where that is wanted, and not the login', async () => {
    const { body } = await call('GET', 'kv/a', { ...anna, 'X-Vault-Wrap-TTL': '60' })
    const { token, creation_path: path } = body['wrap_info'] as Body
    expect(path).to.equal('kv/a')
    const unwrapped = await server.call('POST', '/v1/sys/wrapping/unwrap', {}, { 'X-Vault-Token': String(token) })
    expect(unwrapped.body['data']).to.deep.equal({ v: '1' })
  })

  it('paths that need no token look at the login where they would look at a token, others perform none', async () => {
    const wrong = { ...anna, [`${prefix}Parameter-p`]: parameter('passphrase', 'wrong') }
    expect((await call('GET', 'sys/health', wrong)).status).to.equal(200)
    expect((await call('GET', 'sys/internal/ui/mounts/kv/a', anna)).status).to.equal(200)
    expect((await call('GET', 'sys/internal/ui/mounts/kv/a', wrong)).status).to.equal(400)
    expect((await call('POST', 'auth/people/login/anna', wrong, { passphrase: 'p' })).status).to.equal(200)
  })

  it('is counted by the quota of the login', async () => {
    await server.data('POST', 'sys/quotas/rate-limit/logins', { path: 'auth/people', rate: 2, interval: '1h' })
    const statuses = [await status(anna), await status(anna), await status(anna)]
    await server.data('DELETE', 'sys/quotas/rate-limit/logins')
    expect(statuses).to.deep.equal([200, 200, 429])
  })

  it('logs in in the namespace of the request, or in the one that it names', async () => {
    await server.data('PUT', 'sys/namespaces/team', {})
    await server.data('PUT', 'sys/policies/acl/team', { policy: 'path "team/sys/mounts" { capabilities = ["read"] }' })
    await server.data('POST', 'auth/people/users/ben', { passphrase: 'p', token_policies: 'team' })
    const ben = { ...anna, [`${prefix}Path`]: 'auth/people/login/ben', 'X-Vault-Namespace': 'team' }
    const mounts = async (more: Headers) => (await call('GET', 'sys/mounts', { ...ben, ...more })).status
    expect(await mounts({})).to.equal(403)
    for (const namespace of ['', 'root', '/']) expect(await mounts({ [`${prefix}Namespace`]: namespace }), namespace).to.equal(200)
    for (const namespace of ['team', 'nosuch']) expect(await mounts({ [`${prefix}Namespace`]: namespace }), namespace).to.equal(403)
    const within = { [`${prefix}Path`]: 'auth/people/login/ben', [`${prefix}Parameter-p`]: parameter('passphrase', 'p') }
    expect((await call('GET', 'team/sys/mounts', within)).status).to.equal(200)
    await server.data('DELETE', 'sys/namespaces/team')
  }) // prettier-ignore

  it('CVE-2026-46358: the login has two audit lines of its own, with the recorded headers, and no password in any', async () => {
    await server.data('POST', 'sys/config/auditing/request-headers/x-vault-inline-auth-path', {})
    await server.data('POST', 'sys/config/auditing/request-headers/x-app', {})
    const hidden = 'sys/config/auditing/request-headers/x-vault-inline-auth-parameter-p'
    expect((await server.call('POST', `/v1/${hidden}`, {})).status).to.equal(400)
    await server.data('POST', hidden, { hmac: true })
    const from = audited().length
    expect(await status({ ...anna, 'X-App': 'shop' })).to.equal(200)
    const lines = audited().slice(from).filter(({ request }) => ['kv/a', 'auth/people/login/anna'].includes(String((request as Body)['path'])))
    expect(lines.map(({ type, request }) => [type, (request as Body)['path']])).to.deep.equal([
      ['request', 'auth/people/login/anna'],
      ['response', 'auth/people/login/anna'],
      ['request', 'kv/a'],
      ['response', 'kv/a'],
    ])
    for (const { request } of lines) {
      const { headers } = request as { readonly headers: Readonly<Record<string, readonly string[]>> }
      expect(headers['x-app']).to.deep.equal(['shop'])
      expect(headers['x-vault-inline-auth-path']).to.deep.equal(['auth/people/login/anna'])
      expect(headers['x-vault-inline-auth-parameter-p']?.[0]).to.match(/^hmac-sha256:/)
    }
    expect(JSON.stringify(lines)).to.not.include(anna[`${prefix}Parameter-p`])
    const [, login, use] = lines
    const { auth } = (login?.['response'] ?? {}) as Body
    expect(auth).to.deep.include({ policies: ['app', 'default'], token_type: 'batch' })
    expect(auth).to.not.have.property('client_token')
    expect(use?.['auth']).to.deep.include({ display_name: 'people-anna', policies: ['app', 'default'] })
    expect(use?.['auth']).to.not.have.property('client_token')
  }) // prettier-ignore
})
