import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import { Shell } from '../../cli/support.ts'
import { HandClock } from '../../support/clock.ts'
import { devServer, levelServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'
import { operationsOf } from '../../support/requests/operations.ts'
import type { Operation } from '../../support/requests/operations.ts'

/** What a variable that was not set makes of a value. */
const blanks = ['', ' ', ' , ', ',', '\t', ['', ''], [''], [' ']] as const

/** Fields without which more is allowed: nothing that holds nothing may stand for "no limit". `[]` clears a list, 0 is a documented value. */
const limiting: readonly (readonly [method: string, path: string, rest: Body, fields: readonly string[]])[] = [
  ['POST', 'auth/token/roles/new', {}, roleFields()],
  ['POST', 'auth/token/roles/old', {}, roleFields()],
  ['POST', 'auth/token/create', { policies: ['a'] }, ['ttl', 'lease', 'explicit_max_ttl', 'num_uses']],
  ['POST', 'auth/token/create-orphan', { policies: ['a'] }, ['ttl', 'lease', 'explicit_max_ttl', 'num_uses']],
  ['POST', 'auth/token/create/old', { policies: ['a'] }, ['ttl', 'lease', 'explicit_max_ttl', 'num_uses']],
  ['POST', 'auth/userpass/users/m', {}, ['token_bound_cidrs', 'bound_cidrs', 'token_ttl', 'ttl', 'token_max_ttl', 'max_ttl', 'token_explicit_max_ttl', 'token_num_uses', 'token_no_default_policy', 'token_strictly_bind_ip']],
  ['POST', 'auth/approle/role/m', {}, ['bind_secret_id', 'secret_id_bound_cidrs', 'bound_cidr_list', 'secret_id_num_uses', 'secret_id_ttl', 'token_bound_cidrs', 'token_ttl', 'token_max_ttl', 'token_num_uses']],
  ['POST', 'auth/approle/role/m/secret-id', {}, ['cidr_list', 'token_bound_cidrs', 'num_uses', 'ttl']],
  ['POST', 'auth/approle/role/m/secret-id-num-uses', {}, ['secret_id_num_uses']],
  ['POST', 'auth/approle/role/m/bind-secret-id', {}, ['bind_secret_id']],
  ['POST', 'auth/jwt/role/m', { role_type: 'jwt' }, ['bound_audiences', 'ceiling', 'bound_claims', 'max_age', 'token_bound_cidrs', 'bound_cidrs', 'token_ttl', 'ttl', 'token_max_ttl', 'max_ttl', 'token_num_uses', 'num_uses']],
  ['POST', 'auth/kubernetes/role/m', {}, ['bound_service_account_names', 'bound_service_account_namespaces', 'bound_service_account_namespace_selector', 'token_bound_cidrs', 'bound_cidrs', 'token_ttl', 'ttl', 'token_max_ttl', 'max_ttl', 'token_num_uses', 'num_uses']],
  ['POST', 'auth/kubernetes/config', { kubernetes_host: 'https://127.0.0.1:1' }, ['kubernetes_ca_cert', 'pem_keys']],
  ['POST', 'auth/cert/certs/m', { certificate: certificate().cert }, ['allowed_names', 'allowed_common_names', 'allowed_dns_sans', 'allowed_email_sans', 'allowed_uri_sans', 'allowed_organizational_units', 'required_extensions', 'token_bound_cidrs', 'bound_cidrs', 'token_ttl', 'ttl', 'lease', 'token_max_ttl', 'max_ttl', 'token_num_uses']],
  ['POST', 'auth/ldap/config', { url: 'ldaps://ldap.example.com', userdn: 'dc=org' }, ['certificate', 'tls_min_version', 'tls_max_version', 'userdn', 'userattr', 'userfilter', 'groupdn', 'groupattr', 'connection_timeout', 'request_timeout', 'token_bound_cidrs', 'token_ttl', 'token_max_ttl', 'token_num_uses']],
  ['POST', 'sys/policies/acl/p', { policy: 'path "a" {}' }, ['cas', 'ttl', 'expiration', 'cas_required']],
  ['POST', 'sys/policy/p', { policy: 'path "a" {}' }, ['cas', 'ttl', 'expiration', 'cas_required']],
  ['POST', 'sys/rotate/root/init', { secret_shares: 1, secret_threshold: 1 }, ['pgp_keys', 'require_verification', 'backup']],
  ['POST', 'sys/rotate/config', {}, ['interval', 'enabled']],
  ['POST', 'sys/rotate/keyring/config', {}, ['interval', 'enabled']],
  ['POST', 'sys/quotas/rate-limit/q', { path: 'secret' }, ['rate']],
  ['POST', 'sys/storage/raft/snapshot-auto/config/s', { storage_type: 'aws-s3', interval: '1h', aws_s3_bucket: 'abc', aws_s3_region: 'a', aws_access_key_id: 'a', aws_secret_access_key: 'a' }, ['interval', 'retain', 'age_recipients', 'local_max_space', 'aws_s3_ca_cert']],
  ['POST', 'sys/quotas/config', {}, ['enable_rate_limit_audit_logging']],
  ['POST', 'sys/config/cors', {}, ['allowed_origins', 'allow_credentials']],
  ['POST', 'sys/config/auditing/request-headers/x-a', {}, ['hmac']],
  ['POST', 'sys/policies/explain', { path: 'a' }, ['accessor', 'policies']],
  ['POST', 'transit/keys/k', {}, ['auto_rotate_period', 'derived', 'convergent_encryption']],
  ['POST', 'transit/keys/k/config', {}, ['auto_rotate_period']],
  ['POST', 'transit/config/deletion', {}, ['guard']],
  ['POST', 'transit/config/keys', {}, ['disable_upsert']],
  ['POST', 'transit/cache-config', {}, ['size']],
  ['POST', 'secret/metadata/m', {}, ['delete_version_after', 'cas_required', 'metadata_cas_required']],
  ['POST', 'secret/config', {}, ['delete_version_after', 'cas_required', 'metadata_cas_required']],
  ['POST', 'secret/destroy/m', {}, ['versions']],
  ['POST', 'secret/delete/m', {}, ['versions']],
] // prettier-ignore

function roleFields(): readonly string[] {
  return [
    'allowed_policies', 'allowed_policies_glob', 'disallowed_policies', 'disallowed_policies_glob', 'allowed_entity_aliases',
    'bound_cidrs', 'token_bound_cidrs', 'explicit_max_ttl', 'token_explicit_max_ttl', 'token_num_uses', 'token_no_default_policy',
  ] // prettier-ignore
}

/** Lists of which a blank member is a value like any other: none of them limits anything. */
const takesAnyText = new Set(['rate_limit_exempt_paths', 'values', 'policies'])

const what = (...parts: readonly unknown[]): string => parts.map((part) => JSON.stringify(part)).join(' ')

describe('values that hold nothing', () => {
  let server: TestServer
  let operations: readonly Operation[]
  const call = async (method: string, path: string, body: unknown) => server.call(method, `/v1/${path}`, body)

  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/k', {})
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'auth/userpass/users/m', { password: 'pw' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'auth/approle/role/m', {})
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await server.data('POST', 'auth/jwt/role/m', { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app' })
    await server.data('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
    await server.data('POST', 'auth/kubernetes/role/m', {
      bound_service_account_names: 'web',
      bound_service_account_namespaces: 'shop',
    })
    await server.data('POST', 'sys/auth/cert', { type: 'cert' })
    await server.data('POST', 'auth/cert/certs/m', { certificate: certificate().cert })
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
    await server.data('POST', 'secret/data/m', { data: { a: 1 } })
    await server.data('POST', 'auth/token/roles/old', { allowed_policies: 'a' })
    const document = await server.call('GET', '/v1/sys/internal/specs/openapi')
    operations = operationsOf((document.body['data'] ?? document.body) as Body)
  })
  after(async () => server.running.stop())

  it('never mean "no limit"', async function () {
    this.timeout(120_000)
    for (const [method, path, rest, fields] of limiting)
      for (const field of fields)
        for (const blank of blanks) {
          const { status, text } = await call(method, path, { ...rest, [field]: blank })
          expect(status, what(path, field, blank, text)).to.equal(400)
        }
  })

  it('a duration that is more than nothing but less than a second does not either', async () => {
    for (const [path, fields] of [
      ['auth/token/create', ['ttl', 'lease', 'explicit_max_ttl', 'period']],
      ['auth/token/roles/old', ['token_explicit_max_ttl', 'explicit_max_ttl', 'token_period', 'period']],
      ['sys/mounts/secret/tune', ['max_lease_ttl', 'default_lease_ttl']],
      ['sys/auth/token/tune', ['max_lease_ttl', 'default_lease_ttl']],
      ['secret/config', ['delete_version_after']],
      ['transit/config/deletion', ['guard']],
      ['sys/policies/acl/p', ['ttl']],
    ] as const)
      for (const field of fields)
        for (const ttl of ['500ms', '0.5s', '1ns', '999ms', 0.5])
          expect((await call('POST', path, { [field]: ttl })).status, what(path, field, ttl)).to.equal(400)
    const policy = (name: string, ttl: string) => ({ policy: `path "a" { capabilities = ["read"] ${name} = ${ttl} }` })
    for (const name of ['min_wrapping_ttl', 'max_wrapping_ttl'])
      for (const ttl of ['"500ms"', '"0.5s"', '""', '" "', '-1'])
        expect((await call('PUT', 'sys/policies/acl/w', policy(name, ttl))).status, what(name, ttl)).to.equal(400)
  })

  it('no list of any route takes a string, or strings, that hold nothing; nor a duration, a number, a boolean', async function () {
    this.timeout(240_000)
    let tried = 0
    for (const { path, method, kinds } of operations)
      for (const [field, kind] of Object.entries(kinds)) {
        if (!['array', 'integer', 'number', 'boolean'].includes(kind) || takesAnyText.has(field) || method === 'GET') continue
        const at = path.replace(/\{\w+\}/g, 'm').slice(1)
        for (const blank of [' ', ' , ', [' '], ['']]) {
          const type = method === 'PATCH' ? { 'Content-Type': 'application/merge-patch+json' } : {}
          const reply = await server.call(method, `/v1/${at}`, { [field]: blank }, { 'X-Vault-Token': 'root', ...type })
          tried++
          expect(reply.status, what(method, at, field, blank, reply.text)).to.be.greaterThan(399)
        }
      }
    expect(tried).to.be.greaterThan(300)
  }) // prettier-ignore

  it('every field is known to bound something or not, and none that does takes a string that holds nothing', async function () {
    this.timeout(120_000)
    const rows = readFileSync('test/scenarios/requests/empty-values.txt', 'utf8').split('\n').filter((line) => /^\w/.test(line))
    const meaning = new Map(rows.map((line) => line.split(': ', 2) as [string, string]))
    for (const { path, method, fields } of operations)
      for (const field of fields) {
        expect(meaning.has(field), `${method} ${path} has the field ${field}: write it into test/scenarios/requests/empty-values.txt`).to.equal(true)
        if ((meaning.get(`${path.slice(1)} ${field}`) ?? meaning.get(field)) !== 'limit' || method === 'GET') continue
        const at = path.replace(/\{\w+\}/g, 'm').slice(1)
        const type = method === 'PATCH' ? { 'Content-Type': 'application/merge-patch+json' } : {}
        for (const blank of ['', ' ', '\u3000']) {
          const reply = await server.call(method, `/v1/${at}`, { [field]: blank }, { 'X-Vault-Token': 'root', ...type })
          expect(reply.status, what(method, at, field, blank)).to.be.greaterThan(399)
        }
      }
  }) // prettier-ignore

  const policiesOf = async (path: string, body: unknown, token = 'root') => {
    const reply = await server.call('POST', `/v1/auth/token/${path}`, body, { 'X-Vault-Token': token })
    return (reply.body['auth'] as { readonly policies: readonly string[] } | undefined)?.policies
  }

  it('policies that hold nothing are none, and not those of the parent or of the role', async () => {
    await server.data('POST', 'auth/token/roles/open', {})
    for (const blank of ['', ' ', [''], [' '], ['', '\t'], ['\u3000'], [], null])
      for (const path of ['create', 'create-orphan', 'create/open', 'create/old'])
        expect(await policiesOf(path, { policies: blank }), what(path, blank)).to.deep.equal(['default'])
    for (const blank of [' , ', ','])
      expect(await policiesOf('create', { policies: blank }), blank).to.not.include('root')
    expect(await policiesOf('create', { policies: [''], no_default_policy: true })).to.deep.equal([])
    expect(await policiesOf('create', {})).to.deep.equal(['root'])
  }) // prettier-ignore

  it('null takes no limit away: it is as if left out', async () => {
    const limits: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
      ['auth/token/roles/bound', { token_bound_cidrs: ['10.0.0.0/8'], allowed_policies: ['a'], disallowed_policies: ['b'], token_no_default_policy: true, token_explicit_max_ttl: 3600 }],
      ['secret/config', { cas_required: true, metadata_cas_required: false, delete_version_after: '1h0m0s', max_versions: 5 }],
      ['secret/metadata/limited', { cas_required: true, delete_version_after: '1h0m0s', max_versions: 5 }],
      ['sys/rotate/config', { enabled: true }],
      ['auth/approle/role/limited', { bind_secret_id: true, secret_id_bound_cidrs: ['10.0.0.0/8'], secret_id_ttl: 60 }],
    ]
    for (const [path, set] of limits) {
      await server.data('POST', path, set)
      const before = await server.data('GET', path)
      const nothing = Object.fromEntries(Object.keys(set).map((name) => [name, null]))
      const reply = await server.call('POST', `/v1/${path}`, nothing)
      expect(reply.status, `${path}: ${reply.text}`).to.be.oneOf([200, 204])
      const after = await server.data('GET', path)
      for (const name of Object.keys(set)) expect(after[name], `${name} of ${path}`).to.deep.equal(before[name])
    }
    const patch = await server.call('PATCH', '/v1/secret/metadata/limited', { cas_required: null }, { 'X-Vault-Token': server.token, 'Content-Type': 'application/merge-patch+json' })
    expect([patch.status < 300, (await server.data('GET', 'secret/metadata/limited'))['cas_required']]).to.deep.equal([true, false])
    await server.data('POST', 'secret/config', { cas_required: false, delete_version_after: '0s', max_versions: 0 })
  }) // prettier-ignore

  it('a role is unchanged after a refused change', async () => {
    const had = { token_bound_cidrs: ['10.0.0.0/8'], token_num_uses: 3, token_explicit_max_ttl: 3600, allowed_policies: ['a'] } // prettier-ignore
    await server.data('POST', 'auth/token/roles/kept', had)
    for (const field of Object.keys(had))
      for (const blank of ['', ' ', ' , ', ['']]) await call('POST', 'auth/token/roles/kept', { [field]: blank })
    for (const field of ['token_explicit_max_ttl', 'token_period'])
      expect((await call('POST', 'auth/token/roles/kept', { [field]: null })).status).to.equal(204)
    expect((await call('POST', 'auth/token/roles/kept', { token_num_uses: null })).status).to.equal(400)
    expect(await server.data('GET', 'auth/token/roles/kept')).to.deep.include(had)
    await server.data('POST', 'auth/token/roles/kept', { token_bound_cidrs: [], token_num_uses: 0 })
    expect(await server.data('GET', 'auth/token/roles/kept')).to.not.have.any.keys('token_bound_cidrs', 'token_num_uses')
  }) // prettier-ignore

  it('a quota whose path is nothing but a slash is refused; one without a path can always be removed', async () => {
    for (const path of ['/', '//', ' ', ' / ', '/*', '*'])
      expect((await call('POST', 'sys/quotas/rate-limit/all', { rate: 1, path })).status, path).to.equal(400)
    expect((await call('GET', 'sys/quotas/rate-limit/all', undefined)).status).to.equal(404)
    await server.data('POST', 'sys/quotas/rate-limit/all', { rate: 1, interval: '1h' })
    const last = await call('GET', 'secret/data/m', undefined)
    expect((await call('GET', 'secret/data/m', undefined)).status, last.text).to.equal(429)
    expect((await call('DELETE', 'sys/quotas/rate-limit/all', undefined)).status).to.equal(204)
    expect((await call('GET', 'secret/data/m', undefined)).status).to.equal(200)
  })

  it('an empty prefix does not revoke the leases of everybody', async () => {
    const reply = await server.call('POST', '/v1/auth/token/create', { policies: ['default'] })
    const { client_token: token } = reply.body['auth'] as { readonly client_token: string }
    for (const verb of ['revoke-prefix', 'revoke-force'])
      for (const [at, body] of [['', {}], ['', { prefix: '' }], ['/', {}], ['/%20', {}]] as const)
        expect((await call('PUT', `sys/leases/${verb}${at}`, body)).status, verb + at).to.be.greaterThan(299)
    const self = await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })
    expect(self.status).to.equal(200)
  }) // prettier-ignore

  it('X-Vault-Wrap-TTL: less than a second is refused, and never means an unwrapped response', async () => {
    await server.data('POST', 'secret/data/wrapped', { data: { a: 'opensesame' } })
    const read = async (ttl: string) =>
      server.call('GET', '/v1/secret/data/wrapped', undefined, { 'X-Vault-Token': 'root', 'X-Vault-Wrap-TTL': ttl })
    for (const ttl of ['500ms', '0.5s', '1ns', '1us', '999ms', '.9s', '0', '0s', '0h', '00', '', ' ', '-1', '-1s', '1e-9s', '1e3', 'x', '5 s', '60, 30', '60;', '0x10', '1.5', '99999999999', 'NaN', 'Infinity', 'system']) {
      const reply = await read(ttl)
      expect(reply.status, ttl).to.equal(400)
      expect(reply.text, ttl).to.not.include('opensesame')
    }
    for (const [ttl, seconds] of [['1', 1], ['1.5s', 1], ['1001ms', 1], ['1m', 60], [' 60 ', 60]] as const)
      expect((await read(ttl)).body['wrap_info'], ttl).to.include({ ttl: seconds })
    expect((await server.call('POST', '/v1/sys/wrapping/wrap', { a: 'opensesame' })).status).to.equal(400)
  }) // prettier-ignore
})

describe('settings that hold nothing', () => {
  const refused = async (listener: string) => levelServer(undefined, listener).then(
    async (server) => server.running.stop().then(() => 'started'),
    (thrown: unknown) => String(thrown),
  ) // prettier-ignore

  it('stop the server from starting', async () => {
    for (const line of [
      'tls_client_ca_file = ""', 'tls_cert_file = " "', 'max_request_size = 0', 'max_request_size = ""', 'max_request_size = -1',
      'max_request_duration = 0', 'max_request_duration = "500ms"', 'max_request_duration = ""',
      'http_read_header_timeout = 0', 'http_idle_timeout = "0s"',
      'disable_unauthed_rekey_endpoints = ""', 'disable_unauthed_generate_root_endpoints = ""', 'tls_disable = ""',
      '} default_lease_ttl = 0 listener "tcp" { address = "127.0.0.1:0" tls_disable = true',
      '} max_lease_ttl = "0s" listener "tcp" { address = "127.0.0.1:0" tls_disable = true',
      '} max_lease_ttl = "" listener "tcp" { address = "127.0.0.1:0" tls_disable = true',
      '} audit "file" "two" { options { file_path = "/tmp/none" hmac_accessor = "" } } listener "tcp" { address = "127.0.0.1:0" tls_disable = true',
    ])
      expect(await refused(line), line).to.match(/strongroom\.hcl:\d+: /)
  }) // prettier-ignore
})

describe("bounds of a token's own and of its role", () => {
  let server: TestServer
  const clock = new HandClock()
  before(async () => {
    server = await devServer(clock)
  })
  after(async () => server.running.stop())

  const made = async (path: string, body: Body) =>
    ((await server.call('POST', `/v1/auth/token/${path}`, body)).body['auth'] ?? {}) as {
      readonly client_token: string
      readonly lease_duration: number
    }
  const lookup = async (token: string) => server.data('POST', 'auth/token/lookup', { token })

  it("shows the token's own; a maximum of the role that is raised reaches tokens made before, the own one stays", async () => {
    await server.data('POST', 'auth/token/roles/cap', { token_explicit_max_ttl: '10m', token_period: 0, allowed_policies: 'default' }) // prettier-ignore
    const [plain, own] = [await made('create/cap', { ttl: '5m' }), await made('create/cap', { ttl: '5m', explicit_max_ttl: '7m' })] // prettier-ignore
    expect(await lookup(plain.client_token)).to.include({ explicit_max_ttl: 0 })
    expect(await lookup(own.client_token)).to.include({ explicit_max_ttl: 420 })
    const renewed = async ({ client_token: token }: { readonly client_token: string }) =>
      (await made('renew', { token, increment: '9h' })).lease_duration
    expect(await renewed(plain)).to.equal(600)
    await server.data('POST', 'auth/token/roles/cap', { token_explicit_max_ttl: '10h' })
    expect(await renewed(plain)).to.equal(9 * 3600)
    expect(await renewed(own)).to.equal(420)
    clock.advance(11 * 60_000)
    expect(await lookup(plain.client_token)).to.include({ explicit_max_ttl: 0 })
    expect((await server.call('POST', '/v1/auth/token/lookup', { token: own.client_token })).status).to.equal(403)
  })

  it("a token's own period stays the shorter one when it is renewed", async () => {
    await server.data('POST', 'auth/token/roles/beat', { token_period: '30m', allowed_policies: 'default' })
    const own = await made('create/beat', { period: '10m' })
    expect(await lookup(own.client_token)).to.include({ period: 600 })
    expect((await made('renew', { token: own.client_token })).lease_duration).to.equal(600)
  })

  it("the default policy stays where the role or the caller names it, though the role does not add it", async () => {
    await server.data('POST', 'auth/token/roles/names', { allowed_policies: 'default,a', token_no_default_policy: true })
    const policies = async (body: Body) =>
      ((await server.call('POST', '/v1/auth/token/create/names', body)).body['auth'] as { readonly policies: unknown }).policies
    expect(await policies({})).to.deep.equal(['a', 'default'])
    expect(await policies({ policies: ['default'] })).to.deep.equal(['default'])
    expect(await policies({ policies: ['a'] })).to.deep.equal(['a'])
    expect(await policies({ no_default_policy: true })).to.deep.equal(['a'])
  }) // prettier-ignore

  it('a role shows its policies in order, and bound_cidrs only if that name was given last', async () => {
    await server.data('POST', 'auth/token/roles/shown', { allowed_policies: 'c,a,B,a', token_bound_cidrs: '10.0.0.0/8' })
    const read = async () => server.data('GET', 'auth/token/roles/shown')
    expect(await read()).to.deep.include({ allowed_policies: ['a', 'b', 'c'], token_bound_cidrs: ['10.0.0.0/8'] })
    expect(await read()).to.not.have.property('bound_cidrs')
    await server.data('POST', 'auth/token/roles/shown', { bound_cidrs: '10.1.0.0/16' })
    expect(await read()).to.deep.include({ bound_cidrs: ['10.1.0.0/16'], token_bound_cidrs: ['10.1.0.0/16'] })
    await server.data('POST', 'auth/token/roles/shown', { token_bound_cidrs: '10.2.0.0/16' })
    expect(await read()).to.not.have.property('bound_cidrs')
  }) // prettier-ignore
})

describe('key shares and PGP keys that hold nothing', () => {
  const counts = { secret_shares: 1, secret_threshold: 1 }
  let server: TestServer
  before(async () => {
    const unauthenticated =
      'disable_unauthed_rekey_endpoints = false\n disable_unauthed_generate_root_endpoints = false'
    server = await levelServer(undefined, unauthenticated)
  })
  after(async () => server.running.stop())
  const put = async (path: string, body: unknown) => server.call('PUT', `/v1/sys/${path}`, body)

  it('never give shares or a root token in clear at initialization and unseal, and count for nothing', async () => {
    for (const pgp of ['', ' ', ' , ', [''], [' '], ['', ''], [null], {}, 0])
      expect((await put('init', { ...counts, pgp_keys: pgp })).status, what('init', pgp)).to.equal(400)
    for (const pgp of [' ', ' , ', [''], {}, 0])
      expect((await put('init', { ...counts, root_token_pgp_key: pgp })).status, what('root key', pgp)).to.equal(400)
    for (const none of ['', ' ', 0, null, {}, -1, '1'])
      for (const name of Object.keys(counts))
        expect((await put('init', { ...counts, [name]: none })).status, what(name, none)).to.equal(400)
    const made = await put('init', counts)
    const [key] = made.body['keys'] as readonly string[]
    for (const head of ['', ' ', null, ':', []])
      expect((await put('unseal', { key, expected_head: head })).status, what('expected_head', head)).to.equal(400)
    expect((await put('unseal', { key, accept_audit_log: ' ' })).body['sealed'] ?? true).to.be.a('boolean')
    await put('unseal', { key })
    server.token = String(made.body['root_token'])
  })

  it('start no rekey and no generation of a root token', async () => {
    for (const path of ['rekey/init', 'rotate/root/init']) {
      for (const pgp of ['', ' ', ' , ', ',', [''], [' '], ['', ''], {}, 0])
        expect((await put(path, { ...counts, pgp_keys: pgp })).status, what(path, pgp)).to.equal(400)
      for (const verify of ['', ' ', [''], {}, 2])
        for (const name of ['require_verification', 'backup'])
          expect((await put(path, { ...counts, [name]: verify })).status, what(path, name, verify)).to.equal(400)
      expect((await server.call('GET', `/v1/sys/${path}`)).text).to.match(/"started":false/)
    }
    for (const path of ['generate-root/attempt', 'generate-root-token/attempt'])
      for (const [name, values] of [
        ['pgp_key', [' ', ' , ', [''], {}, 0]],
        ['otp', [' ', ' , ', [''], {}, 0]],
      ] as const)
        for (const value of values) {
          expect((await put(path, { [name]: value })).status, what(path, name, value)).to.equal(400)
          expect((await server.call('GET', `/v1/sys/${path}`)).text).to.match(/"started":false/)
        }
  })

  it('are no nonce that cancels a rekey or the generation of a root token', async () => {
    for (const path of ['rekey/init', 'generate-root/attempt']) {
      const begun = (await put(path, path === 'rekey/init' ? counts : {})).body
      for (const nonce of ['', ' ', 'other'])
        expect(
          (await server.call('DELETE', `/v1/sys/${path}?nonce=${encodeURIComponent(nonce)}`)).status,
          what(path, nonce),
        ).to.equal(400)
      const shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: server.token })
      const command = path === 'rekey/init' ? 'rekey' : 'generate-root'
      expect((await shell.run(['operator', command, '-cancel', '-nonce=other'])).code, command).to.equal(2)
      expect((await server.call('GET', `/v1/sys/${path}`)).body).to.include({ started: true, nonce: begun['nonce'] })
      expect((await shell.run(['operator', command, '-cancel', `-nonce=${String(begun['nonce'])}`])).code).to.equal(0)
      expect((await server.call('GET', `/v1/sys/${path}`)).body).to.include({ started: false })
    }
  })
})

describe('values that the recorded servers take as "not given"', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/m', { type: 'kv' })
  })
  after(async () => server.running.stop())

  it('an empty text for a whole number, an empty array for a map, null for a duration', async () => {
    await server.data('POST', 'secret/metadata/a', { max_versions: 5, custom_metadata: { a: 'b' } })
    await server.data('POST', 'secret/metadata/a', { max_versions: '' })
    expect(await server.data('GET', 'secret/metadata/a')).to.include({ max_versions: 5 })
    const { body } = await server.call('POST', '/v1/auth/token/create', { policies: ['a'], meta: [], ttl: null })
    expect(body['auth']).to.include({ metadata: null })
    for (const meta of ['', ' ', [''], [' '], 'a', ['a']])
      expect((await server.call('POST', '/v1/auth/token/create', { meta })).status, what(meta)).to.equal(400)
    const orphan = await server.call('POST', '/v1/auth/token/create-orphan', { no_parent: true, policies: ['a'] })
    expect(orphan.body['auth']).to.include({ orphan: true })
  })

  it('null TTLs of a mount, empty settings of another kind of mount', async () => {
    for (const path of ['mounts/m', 'auth/token']) {
      await server.data('POST', `sys/${path}/tune`, { default_lease_ttl: 60, max_lease_ttl: 120 })
      for (const change of [{ default_lease_ttl: null }, { max_lease_ttl: null }, { default_lease_ttl: '' }, { options: [] }, { user_lockout_config: null }, { user_lockout_config: {} }])
        await server.data('POST', `sys/${path}/tune`, change)
      for (const ttl of [-1, '-1', '-1s', ' ', '500ms', [], {}, true])
        for (const name of ['default_lease_ttl', 'max_lease_ttl'])
          expect((await server.call('POST', `/v1/sys/${path}/tune`, { [name]: ttl })).status, what(name, ttl)).to.equal(400)
      expect(await server.data('GET', `sys/${path}/tune`)).to.include({ default_lease_ttl: 60, max_lease_ttl: 120 })
    }
    await server.data('POST', 'sys/mounts/n', { type: 'kv', config: { default_lease_ttl: null, max_lease_ttl: null } })
    for (const foreign of [{ user_lockout_config: { lockout_threshold: 1 } }, { token_type: 'batch' }, { token_type: '' }])
      expect((await server.call('POST', '/v1/sys/mounts/m/tune', foreign)).status, what(foreign)).to.equal(400)
  }) // prettier-ignore
})

describe('command lines whose variables are not set, or that want their response wrapped', () => {
  let server: TestServer
  let shell: Shell
  before(async () => {
    server = await devServer()
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/plain', { type: 'kv' })
  })
  after(async () => server.running.stop())

  it('do nothing, or nothing more than without a policy', async () => {
    const file = join(shell.home, 'sealed')
    for (const words of [
      ['token', 'create', '-ttl='], ['token', 'create', '-explicit-max-ttl='], ['token', 'create', '-use-limit='],
      ['token', 'create', '-role='], ['token', 'create', '-id='], ['token', 'create', '-wrap-ttl='], ['token', 'create', '-wrap-ttl=0'],
      ['token', 'create', '-wrap-ttl=500ms'], ['token', 'create', '-ttl=500ms'], ['token', 'create', '-explicit-max-ttl= '],
      ['token', 'lookup', ''], ['token', 'renew', ''], ['token', 'revoke', ''], ['token', 'revoke', '-mode=path', ''],
      ['lease', 'revoke', '-prefix', ''], ['lease', 'revoke', '-prefix', '/'],
      ['write', 'auth/token/roles/r', 'token_bound_cidrs='], ['write', 'auth/token/roles/r', 'allowed_policies= , '],
      ['write', 'auth/token/roles/r', 'token_num_uses='], ['write', 'sys/quotas/rate-limit/q', 'rate=1', 'path=/'],
      ['operator', 'init', '-pgp-keys='], ['operator', 'init', '-root-token-pgp-key='], ['operator', 'init', '-pgp-keys= , '],
      ['operator', 'rekey', '-init', '-pgp-keys='], ['operator', 'rekey', '-init', '-pgp-keys= , '], ['operator', 'generate-root', '-init', '-pgp-key='],
      ['operator', 'unseal', '-expected-head=', 'aaaa'], ['kv', 'put', '-cas=', 'secret/a', 'a=b'], ['kv', 'delete', '-versions=', 'secret/a'],
      ['kv', 'delete', '-versions= , ', 'secret/a'], ['kv', 'destroy', '-versions=', 'secret/a'], ['kv', 'metadata', 'put', '-delete-version-after=', 'secret/a'],
      ['transit', 'envelope', 'decrypt', '-key=', file, '-'], ['transit', 'envelope', 'verify', '-key=', file], ['transit', 'envelope', 'rewrap', '-key=', file],
      ['transit', 'envelope', 'encrypt', '-key=', file, '-'], ['policy', 'explain', '-accessor=', 'read', 'a'],
      ['read', '-ca-cert=', 'secret/data/a'], ['read', '-tls-server-name=', 'secret/data/a'],
      ['namespace', 'unlock', '-unlock-key=', 'n'],
    ]) {
      const { code, out } = await shell.run(words)
      expect(code, words.join(' ')).to.be.greaterThan(0)
      expect(out, words.join(' ')).to.equal('')
    }
    for (const policy of ['', ' '])
      expect((await shell.run(['token', 'create', `-policy=${policy}`, '-field=policies'])).out).to.equal('[default]')
  }) // prettier-ignore

  it('never lose the wrapping token', async () => {
    await server.data('POST', 'sys/namespaces/n', {})
    await server.data('PUT', 'sys/policies/acl/p', { policy: 'path "a" {}' })
    await server.data('POST', 'secret/data/a', { data: { a: 1 } })
    await server.data('POST', 'plain/a', { a: 1 })
    for (const command of [
      'list -wrap-ttl=60 secret/metadata', 'kv list -wrap-ttl=60 secret', 'kv list -wrap-ttl=60 plain', 'secrets list -wrap-ttl=60', 'secrets list -wrap-ttl=60 -detailed',
      'auth list -wrap-ttl=60', 'audit list -wrap-ttl=60', 'policy list -wrap-ttl=60', 'policy read -wrap-ttl=60 p', 'namespace list -wrap-ttl=60',
      'namespace lookup -wrap-ttl=60 n', 'namespace lock -wrap-ttl=60 n', 'token capabilities -wrap-ttl=60 secret/a', 'operator key-status -wrap-ttl=60',
      'read -wrap-ttl=60 secret/data/a', 'kv get -wrap-ttl=60 secret/a', 'kv metadata get -wrap-ttl=60 secret/a', 'token lookup -wrap-ttl=60', 'token create -wrap-ttl=60 -policy=default',
      'write sys/wrapping/wrap a=b',
    ]) {
      const { out, code } = await shell.run(command)
      expect(code, command).to.equal(0)
      const token = /wrapping_token:\s+(\S+)/.exec(out)?.[1] ?? ''
      expect((await server.call('POST', '/v1/sys/wrapping/unwrap', { token })).status, `${command}: ${out}`).to.equal(200)
    }
    const { out } = await shell.run('write -format=json sys/wrapping/wrap a=b')
    expect(JSON.parse(out)).to.have.nested.property('wrap_info.ttl', 300)
  }) // prettier-ignore
})
