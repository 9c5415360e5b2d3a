import { expect } from 'chai'
import { openLevelServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

/** A rule on a path, and requests that mean what it forbids, or something else. `to`: where they go, if not to that path itself. */
interface Case {
  readonly path: string
  readonly rule: string
  readonly refused: readonly unknown[]
  readonly allowed: readonly unknown[]
  readonly to?: string
}

const denied = (name: string, ...values: unknown[]): string =>
  `denied_parameters = { "${name}" = ${JSON.stringify(values).replaceAll(':', '=')} }`
const only = (name: string, ...values: unknown[]): string =>
  `allowed_parameters = { "${name}" = ${JSON.stringify(values)}, "*" = [] }`
const input = 'YQ=='
const kv2 = { type: 'kv', options: { version: '2' } }
const item = { plaintext: input }
const policy = 'path "a" {}'
const claim = { user_claim: 'sub', bound_audiences: 'a' }
/** Of "password", with the least work that is allowed. */
const passwordHash = '$2b$05$tKcp2Bwcg4b3AYiPGGTUUOV84q1VWv1uVilJ4oFJoCAvsBFne6N/2'

const cases: readonly Case[] = [
  {
    path: 'sys/mounts/+', to: 'sys/mounts/m', rule: denied('type', 'kv'),
    refused: [{ type: 'kv' }, { type: 'kv-v1' }, { type: 'kv-v2' }, kv2, { type: 'plugin', plugin_name: 'kv-v2' }, { type: 'KV' }, { type: 'generic' }],
    allowed: [{ type: 'transit' }],
  },
  {
    path: 'sys/mounts/+', to: 'sys/mounts/m', rule: denied('type', 'kv-v2'),
    refused: [{ type: 'kv-v2' }, kv2, { type: 'kv', options: ['version=2'] }, { type: 'kv', options: { version: 2 } }, { type: 'plugin', plugin_name: 'kv', options: { version: '2' } }],
    allowed: [{ type: 'kv' }, { type: 'kv-v1' }, { type: 'kv-v1', options: { version: '2' } }],
  },
  { path: 'sys/mounts/+', to: 'sys/mounts/m', rule: denied('type', 'kv-v1'), refused: [{ type: 'kv' }, { type: 'generic' }], allowed: [kv2, { type: 'kv-v2' }] },
  { path: 'sys/mounts/+', to: 'sys/mounts/m', rule: denied('options', { version: '2' }), refused: [kv2, { type: 'kv-v2' }], allowed: [{ type: 'kv' }, { type: 'transit' }] },
  { path: 'sys/mounts/+', to: 'sys/mounts/m', rule: only('type', 'transit'), refused: [{ type: 'plugin', plugin_name: 'kv' }, { type: 'kv' }], allowed: [{ type: 'transit' }] },
  { path: 'auth/token/create', rule: denied('type', 'service'), refused: [{}, { type: '' }, { type: null }, { type: 'service' }], allowed: [{ type: 'batch' }] },
  { path: 'auth/token/create-orphan', rule: denied('type', 'service'), refused: [{}], allowed: [{ type: 'batch' }] },
  { path: 'auth/token/create/+', to: 'auth/token/create/usual', rule: denied('type', 'service'), refused: [{}, { type: 'service' }], allowed: [{ type: 'batch' }] },
  { path: 'auth/token/create/+', to: 'auth/token/create/batches', rule: denied('type', 'batch'), refused: [{}, { type: 'service' }, { type: 'batch' }], allowed: [] },
  { path: 'auth/token/create/+', to: 'auth/token/create/batches', rule: denied('type', 'service'), refused: [{ type: 'service' }], allowed: [{}, { type: 'batch' }] },
  { path: 'auth/token/roles/+', to: 'auth/token/roles/new', rule: denied('renewable', true), refused: [{}], allowed: [{ renewable: false }, {}] },
  { path: 'transit/encrypt/k', rule: denied('key_version', 0), refused: [item, { batch_input: [item] }, { key_version: 1, batch_input: [item] }], allowed: [{ ...item, key_version: 1 }, { batch_input: [{ ...item, key_version: 1 }] }] },
  { path: 'transit/random/+', to: 'transit/random/32', rule: denied('bytes', 32), refused: [{}, { bytes: 16 }], allowed: [] },
  { path: 'transit/random/+', to: 'transit/random/16', rule: denied('bytes', 32), refused: [], allowed: [{}] },
  { path: 'transit/random/+', to: 'transit/random/64', rule: only('bytes', 16, 32), refused: [{}, { bytes: 16 }], allowed: [] },
  { path: 'transit/random/+', to: 'transit/random/platform', rule: denied('bytes', 32), refused: [{}, { bytes: '32' }], allowed: [{ bytes: 16 }] },
  { path: 'transit/random', rule: denied('bytes', 64), refused: [{ source: '64' }, { bytes: 64 }], allowed: [{}, { source: 'platform' }] },
  { path: 'sys/tools/random/*', to: 'sys/tools/random/48', rule: denied('bytes', '48'), refused: [{}], allowed: [] },
  { path: 'sys/tools/random/*', to: 'sys/tools/random/platform/48', rule: denied('bytes', '48'), refused: [{}], allowed: [] },
  { path: 'sys/tools/random/*', to: 'sys/tools/random/platform', rule: denied('bytes', '48'), refused: [{ urlbytes: 48 }], allowed: [{}] },
  { path: 'transit/keys/+', to: 'transit/keys/new', rule: denied('type', 'ml-dsa-65'), refused: [{ type: 'ml-dsa', parameter_set: '65' }], allowed: [{ type: 'ml-dsa', parameter_set: '44' }] },
  { path: 'transit/keys/+', to: 'transit/keys/new', rule: denied('type', 'ml-dsa'), refused: [{ type: 'ml-dsa-44' }], allowed: [{ type: 'ml-kem-768' }] },
  { path: 'transit/keys/+', to: 'transit/keys/new', rule: denied('parameter_set', '65'), refused: [{ type: 'ml-dsa-65' }], allowed: [{ type: 'ml-dsa-44' }] },
  { path: 'transit/keys/+', to: 'transit/keys/new', rule: only('parameter_set', '65'), refused: [{ type: 'ml-dsa-44' }], allowed: [{ type: 'ml-dsa-65' }] },
  { path: 'transit/sign/rsa', rule: denied('signature_algorithm', 'pss'), refused: [{ input }, { input, signature_algorithm: '' }], allowed: [{ input, signature_algorithm: 'pkcs1v15' }] },
  { path: 'transit/sign/rsa', rule: denied('salt_length', 'auto'), refused: [{ input }, { input, salt_length: '0' }, { input, salt_length: 0 }], allowed: [{ input, salt_length: 'hash' }] },
  { path: 'transit/cmac/c', rule: denied('mac_length', 16), refused: [{ input }, { input, mac_length: 0 }, { input, mac_length: 16 }], allowed: [{ input, mac_length: 8 }] },
  { path: 'transit/encrypt/rsa', rule: denied('hash_function', 'sha256'), refused: [item, { batch_input: [item] }], allowed: [{ ...item, padding_scheme: 'oaep', hash_function: 'SHA512' }] },
  { path: 'auth/approle/role/+', to: 'auth/approle/role/t', rule: denied('token_type', 'batch'), refused: [{ token_type: 'batch' }, { token_type: 'default-batch' }], allowed: [{ token_type: 'service' }] },
  { path: 'auth/jwt/role/+', to: 'auth/jwt/role/t', rule: denied('role_type', 'oidc'), refused: [{ ...claim, allowed_redirect_uris: 'https://a.example/' }, { ...claim, role_type: 'oidc' }], allowed: [{ ...claim, role_type: 'jwt' }] },
  { path: 'sys/remount', rule: denied('from', 'plain'), refused: [{ from: 'plain', to: 'x' }, { from: 'plain/', to: 'x' }, { from: '/plain', to: 'x' }], allowed: [] },
  { path: 'sys/quotas/rate-limit/q', rule: denied('path', 'plain/'), refused: [{ rate: 1e6, path: 'plain' }, { rate: 1e6, path: '/plain' }], allowed: [{ rate: 1e6, path: 'transit' }] },
  { path: 'sys/quotas/rate-limit/q', rule: denied('interval', '1s'), refused: [{ rate: 1e6 }], allowed: [{ rate: 1e6, interval: 5 }] },
  { path: 'transit/keys/+', to: 'transit/keys/new', rule: denied('type', 'aes256-gcm96'), refused: [{}, { type: '' }, { type: null }, { type: 'AES256-GCM96' }], allowed: [{ type: 'ed25519' }] },
  { path: 'sys/policies/acl/+', to: 'sys/policies/acl/p', rule: denied('cas_required', false), refused: [{ policy }, { policy, cas_required: null }, { policy, cas_required: 'f' }], allowed: [] },
  { path: 'sys/policies/acl/+', to: 'sys/policies/acl/p', rule: denied('allow_slashes_in_identity_templates', false), refused: [{ policy }], allowed: [{ policy, allow_slashes_in_identity_templates: true }] },
  { path: 'sys/policy/+', to: 'sys/policy/p', rule: denied('cas_required', false), refused: [{ policy }, { rules: policy }], allowed: [] },
  { path: 'sys/rotate/root/init', rule: denied('require_verification', false), refused: [{ secret_shares: 1, secret_threshold: 1 }, { secret_shares: 1, secret_threshold: 1, require_verification: '0' }], allowed: [] },
] // prettier-ignore

/** Parameters with the value that something new gets without them. */
const initials: readonly {
  readonly path: string
  readonly name: string
  readonly value: unknown
  readonly other: unknown
  readonly rest?: object
}[] = [
  ...['token_ttl', 'token_max_ttl', 'token_period', 'token_explicit_max_ttl', 'token_num_uses'].flatMap((name) => [
    { path: 'auth/approle/role/n', name, value: 0, other: 60 },
    { path: 'auth/userpass/users/n', name, value: 0, other: 60, rest: { password_hash: passwordHash } },
  ]),
  ...['token_no_default_policy', 'token_strictly_bind_ip'].flatMap((name) => [
    { path: 'auth/approle/role/n', name, value: false, other: true },
    { path: 'auth/userpass/users/n', name, value: false, other: true, rest: { password_hash: passwordHash } },
  ]),
  { path: 'auth/approle/role/n', name: 'secret_id_num_uses', value: 0, other: 3 },
  { path: 'auth/approle/role/n', name: 'secret_id_ttl', value: '0s', other: '1h' },
  { path: 'auth/approle/role/n', name: 'period', value: 0, other: 60 },
  { path: 'auth/approle/role/n', name: 'token_type', value: 'default', other: 'batch' },
  { path: 'auth/approle/role/n', name: 'bind_secret_id', value: true, other: false, rest: { token_bound_cidrs: '10.0.0.0/8' } },
  { path: 'auth/token/roles/n', name: 'renewable', value: true, other: false },
  { path: 'auth/token/roles/n', name: 'token_explicit_max_ttl', value: 0, other: 60 },
  { path: 'auth/token/roles/n', name: 'token_num_uses', value: 0, other: 1 },
  { path: 'secret/metadata/n', name: 'cas_required', value: false, other: true },
  { path: 'secret/metadata/n', name: 'max_versions', value: 0, other: 3 },
  { path: 'secret/metadata/n', name: 'delete_version_after', value: '0s', other: '1h' },
] // prettier-ignore

describe('denied values in other forms', function () {
  this.timeout(60_000)
  let server: TestServer
  before(async () => {
    server = await openLevelServer()
    for (const [path, type] of [['transit', 'transit'], ['plain', 'kv'], ['secret', 'kv-v2']]) await server.data('POST', `sys/mounts/${path}`, { type }) // prettier-ignore
    for (const type of ['approle', 'jwt', 'userpass']) await server.data('POST', `sys/auth/${type}`, { type })
    for (const [name, type] of [
      ['k', 'aes256-gcm96'],
      ['rsa', 'rsa-2048'],
      ['c', 'aes256-cmac'],
    ])
      await server.data('POST', `transit/keys/${name}`, { type, exportable: true })
    await server.data('POST', 'transit/keys/k/rotate')
    await server.data('POST', 'auth/token/roles/usual', { allowed_policies: 'default' })
    await server.data('POST', 'auth/token/roles/batches', {
      allowed_policies: 'default',
      orphan: true,
      renewable: false,
      token_type: 'batch',
    })
  })
  after(async () => server.running.stop())

  const all = '["create", "read", "update", "delete", "list", "sudo"]'
  const remade = ['sys/mounts/m', 'transit/keys/new', 'auth/token/roles/new']
  const send = async (method: string, path: string, rules: string, body?: unknown) =>
    server.call(method, `/v1/${path}`, body, { 'X-Vault-Token': await server.tokenWith(rules) })

  for (const { path, to = path, rule, refused, allowed } of cases)
    it(`is denied, and explained so: ${to} with ${rule}`, async () => {
      const explain = 'path "sys/policies/explain-self" { capabilities = ["update"] }'
      const rules = `path "${path}" { capabilities = ${all} ${rule} }\n${explain}`
      for (const body of refused) {
        const reply = await send('POST', to, rules, body)
        expect(reply.status, `${JSON.stringify(body)} ${reply.text}`).to.equal(403)
      }
      for (const body of allowed) {
        const reply = await send('POST', to, rules, body)
        expect(reply.status, `${JSON.stringify(body)} ${reply.text}`).to.be.oneOf([200, 204])
        if (remade.includes(to) && !(to === 'auth/token/roles/new')) await server.data('POST', `${to}/config`, { deletion_allowed: true }).catch(() => {}) // prettier-ignore
        if (to === 'sys/mounts/m' || to === 'transit/keys/new') await server.data('DELETE', to)
      }
      // What only a role knows, nobody explains.
      if (to.startsWith('auth/token/create/') || to.startsWith('auth/token/roles/')) return
      for (const [bodies, answer] of [
        [refused, false],
        [allowed, true],
      ] as const)
        // prettier-ignore
        for (const body of bodies) {
          const asked = { path: to, operation: 'update', parameters: body }
          const explained = await send('POST', 'sys/policies/explain-self', rules, asked)
          expect(explained.body['data'], JSON.stringify(asked)).to.include({ allowed: answer })
        }
    })

  it('is denied as the default of a new object, but not where an existing object keeps its own value', async () => {
    const status = async (path: string, rule: string, body: unknown): Promise<number> =>
      (await send('POST', path, `path "${path}" { capabilities = ${all} ${rule} }`, body)).status
    for (const { path, name, value, other, rest = {} } of initials) {
      const what = `${path} ${name}`
      const rule = denied(name, value)
      expect(await status(path, rule, rest), what).to.equal(403)
      expect(await status(path, rule, { ...rest, [name]: value }), what).to.equal(403)
      expect(await status(path, rule, { ...rest, [name]: other }), what).to.equal(204)
      expect(await status(path, rule, rest), `${what}, once more`).to.equal(204)
      await server.data('DELETE', path)
    }
  })

  it('is denied as a value that a secret ID takes from its role, and a quota from its path', async () => {
    await server.data('POST', 'auth/approle/role/r', { secret_id_num_uses: 0 })
    const status = async (path: string, name: string, value: unknown, body: unknown): Promise<number> => {
      const rules = `path "${path}" { capabilities = ${all} ${denied(name, value)} }`
      return (await send('POST', path, rules, body)).status
    }
    for (const path of ['auth/approle/role/r/secret-id', 'auth/approle/role/r/custom-secret-id']) {
      const secret = path.includes('custom') ? { secret_id: 'a long one of my own' } : {}
      for (const name of ['num_uses', 'ttl']) {
        expect(await status(path, name, 0, secret), `${path} ${name}`).to.equal(403)
        expect(await status(path, name, 5, { ...secret, [name]: 5 }), `${path} ${name}`).to.equal(403)
      }
      expect(await status(path, 'num_uses', 0, { ...secret, num_uses: 5 }), path).to.equal(200)
    }
    await server.data('DELETE', 'sys/quotas/rate-limit/q')
    const quota = 'sys/quotas/rate-limit/all'
    expect(await status(quota, 'inheritable', true, { rate: 1e6 })).to.equal(403)
    expect(await status(quota, 'inheritable', true, { rate: 1e6, inheritable: false })).to.equal(204)
    expect(await status(quota, 'inheritable', false, { rate: 1e6 })).to.equal(204)
  })

  it('is denied for every version and format that an export holds', async () => {
    const status = async (rule: string, path: string): Promise<number> => {
      const rules = `path "transit/export/*" { capabilities = ["read"] }\n${rule}`
      return (await send('GET', `transit/export/encryption-key/${path}`, rules)).status
    }
    const closed = (version: string): string =>
      `path "transit/export/encryption-key/k/${version}" { capabilities = ["deny"] }`
    for (const [rule, path, wanted] of [
      [closed('2'), 'k/2', 403],
      [closed('2'), 'k/v2', 403],
      [closed('2'), 'k/latest', 403],
      [closed('2'), 'k', 403],
      [closed('latest'), 'k/2', 403],
      [closed('2'), 'k/1', 200],
      [closed('1'), 'k/latest', 200],
    ] as const)
      expect(await status(rule, path), `${rule} ${path}`).to.equal(wanted)
    const format = (value: string): string =>
      `path "transit/export/encryption-key/*" { capabilities = ["read"] ${denied('format', value)} }`
    expect(await status(format('raw'), 'k')).to.equal(403)
    expect(await status(format('pem'), 'k')).to.equal(200)
    expect(await status(format('pem'), 'rsa')).to.equal(403)
  })
})
