import { expect } from 'chai'
import * as fc from 'fast-check'
import { openLevelServer } from '../../support/server.ts'
import type { Reply, TestServer } from '../../support/server.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { jwtKey } from '../../support/jwt.ts'
import { issue, revocationList } from '../../support/pki.ts'

/** A request about one thing, and the path by which its owner sees whether something became of it. */
interface Deed {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly watch: string
}

const all = '["create", "read", "update", "delete", "list", "scan", "patch", "sudo"]'
const policy = 'path "a" { capabilities = ["read"] }'
const patching = { 'Content-Type': 'application/merge-patch+json' }
const marker = 'marker4711'
const authority = issue({ commonName: 'Root', isAuthority: true })

const change = (path: string, body: unknown, watch = path): Deed[] => [{ method: 'POST', path, body, watch }]
const deeds = (path: string, body?: unknown, methods: readonly string[] = ['GET', 'POST', 'DELETE']): Deed[] =>
  methods.map((method) => ({ method, path, body: method === 'GET' || method === 'DELETE' ? undefined : body, watch: path })) // prettier-ignore

const table: readonly Deed[] = [
  ...deeds('sys/policies/acl/admin', { policy: `${policy} # other` }, ['GET', 'POST', 'PATCH', 'DELETE']),
  ...deeds('sys/policy/admin', { policy: `${policy} # other` }),
  ...deeds('sys/policies/password/words', { policy: 'length = 21\nrule "charset" { charset = "abc" }' }),
  ...deeds('sys/mounts/x', { type: 'kv' }),
  ...deeds('sys/mounts/x/tune', { description: 'other' }, ['GET', 'POST']),
  ...deeds('sys/auth/token/tune', { description: 'other' }, ['GET', 'POST']),
  ...deeds('sys/auth/token', undefined, ['GET']),
  { method: 'DELETE', path: 'sys/audit/second', watch: 'sys/audit' },
  ...deeds('sys/namespaces/team', { custom_metadata: { other: 'x' } }, ['GET', 'POST', 'PATCH', 'DELETE']),
  ...deeds('sys/quotas/rate-limit/q', { rate: 5 }),
  ...deeds('sys/config/auditing/request-headers/x-one', { hmac: true }),
  ...deeds('sys/config/ui/headers/x-one', { values: ['other'] }),
  ...deeds('sys/loggers/core', { level: 'error' }),
  ...deeds('auth/token/roles/role', { period: 5 }),
  ...deeds('auth/userpass/users/bob', { token_ttl: 5 }),
  ...change('auth/userpass/users/bob/policies', { token_policies: 'other' }, 'auth/userpass/users/bob'),
  ...deeds('auth/approle/role/web', { token_ttl: 5 }),
  ...deeds('auth/approle/role/web/role-id', { role_id: 'other' }, ['GET', 'POST']),
  ...deeds('auth/approle/role/web/policies', { token_policies: 'other' }),
  ...deeds('sys/auth/userpass', undefined, ['GET', 'DELETE']),
  ...deeds('auth/jwt/role/web', { role_type: 'jwt', token_policies: 'other' }),
  ...deeds('auth/jwt/config', { bound_issuer: 'other' }, ['GET', 'POST']),
  ...deeds('auth/kubernetes/role/web', { token_policies: 'other' }),
  ...deeds('auth/kubernetes/config', { issuer: 'other' }, ['GET', 'POST']),
  ...deeds('auth/cert/certs/web', { token_policies: 'other' }),
  ...deeds('auth/cert/config', { disable_binding: true }, ['GET', 'POST']),
  ...deeds('auth/cert/crls/kiss', { crl: revocationList(authority, []) }),
  ...deeds('auth/ldap/users/kiss', { policies: 'other' }),
  ...deeds('auth/ldap/groups/kiss', { policies: 'other' }),
  ...deeds('auth/ldap/config', { userattr: 'other' }, ['GET', 'POST']),
  ...deeds('identity/entity/name/kiss', { policies: 'other' }),
  ...deeds('identity/group/name/kiss', { policies: 'other' }),
  ...deeds('totp/keys/kiss', { generate: true, issuer: 'other', account_name: 'other' }),
  ...deeds('transit/keys/k', undefined, ['GET', 'DELETE']),
  { method: 'GET', path: 'transit/backup/k', watch: 'transit/keys/k' },
  ...change('transit/keys/k/config', { auto_rotate_period: '48h' }, 'transit/keys/k'),
  ...change('transit/keys/k/rotate', {}, 'transit/keys/k'),
  { method: 'GET', path: 'transit/export/encryption-key/k/1', watch: 'transit/keys/k' },
  ...deeds('plain/a', { value: 'other' }),
  ...deeds('secret/data/a', { data: { value: 'other' } }),
  { method: 'DELETE', path: 'secret/metadata/a', watch: 'secret/data/a' },
  ...deeds('team/sys/policies/acl/inner', { policy: `${policy} # other` }),
  ...deeds('team/sys/mounts/y', { type: 'kv' }),
  ...change('team/sys/mounts/y/tune', { description: 'other' }),
  ...deeds('team/y/a', { value: 'other' }),
]

/** Other ways to write a path. What is no ASCII is sent as UTF-8 in percent escapes. */
const mutations: readonly ((path: string, at: number) => string)[] = [
  (path, at) => replaced(path, at, (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`),
  (path, at) => replaced(path, at, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  (path, at) => replaced(path, at, (letter) => letter.toUpperCase()),
  (path, at) => replaced(path, at, (letter) => homographs[letter] ?? letter),
  (path, at) => replaced(path, at, (letter) => `${letter}\u0301`),
  (path) => path.toUpperCase(),
  (path, at) => `${path}${blanks[at % blanks.length]}`,
  (path, at) => segments(path, at, (segment) => `${blanks[at % blanks.length]}${segment}`),
  (path, at) => segments(path, at, (segment) => `${segment}${blanks[at % blanks.length]}`),
  (path, at) => segments(path, at, (segment) => `${segment};${at}`),
  (path) => `${path}/`,
  (path) => `${path}%2f`,
  (path) => `${path}//`,
  (path) => `/${path}`,
  (path, at) => segments(path, at, (segment) => `./${segment}`),
  (path, at) => segments(path, at, (segment) => `x/../${segment}`),
  (path, at) => segments(path, at, (segment) => `x/%2e%2e/${segment}`),
  (path, at) => segments(path, at, (segment) => `/${segment}`),
  (path) => `${path}/zzz`,
  (path) => path.replace(/\/tune$/, '/zzz/tune'),
  (path) => path.replace(/(\d)$/, 'v$1'),
  (path) => path.replace(/(\d)$/, '0$1'),
  (path) => path.replace(/(\d)$/, '+$1'),
  (path) => path.replaceAll('/', '%2F'),
  (path) => path.replaceAll('/', '%252F'),
  (path) => path.replaceAll('/', '\\'),
  (path) => `${path}?list=true`,
  (path) => `${path}?list=false`,
  (path) => `${path}?x=/..`,
  (path) => `root/${path}`,
]
const blanks = [' ', '+', '\t', '\u00a0', '\u2003', '\u3000', '\ufeff', '\u200b', '\u0000', '\u00ad', '\u2028', '\u180e', '\u{e0020}', '\u202e'] // prettier-ignore
const homographs: Readonly<Record<string, string>> = { k: '\u212a', s: '\u017f', i: '\u0130', a: '\uff41', e: '\u0435' }

function replaced(path: string, at: number, by: (letter: string) => string): string {
  const place = at % path.length
  const letter = path[place] ?? ''
  return /[a-z]/.test(letter) ? path.slice(0, place) + by(letter) + path.slice(place + 1) : path
}

function segments(path: string, at: number, by: (segment: string) => string): string {
  const parts = path.split('/')
  const place = at % parts.length
  return parts.map((part, index) => (index === place ? by(part) : part)).join('/')
}

const sendable = (path: string): string => path.replaceAll(/[^!-~]|\\/gu, (letter) => (letter === '\\' ? '%5C' : encodeURIComponent(letter))) // prettier-ignore

describe('a path that a policy denies', function () {
  this.timeout(120_000)
  let server: TestServer
  const tokens = new Map<string, string>()

  const make = async (): Promise<void> => {
    for (const [path, type] of [
      ['x', 'kv'],
      ['transit', 'transit'],
      ['plain', 'kv'],
      ['secret', 'kv-v2'],
    ])
      // prettier-ignore
      await server.data('POST', `sys/mounts/${path}`, { type, description: marker })
    await server.data('POST', 'sys/policies/acl/admin', { policy: `${policy} # ${marker}` })
    await server.data('POST', 'sys/policies/password/words', { policy: `length = 20 # ${marker}\nrule "charset" { charset = "abcdef" }` }) // prettier-ignore
    await server.data('POST', 'sys/audit/second', { type: 'file', description: marker, options: { file_path: `${temporaryFolder()}/log` } }) // prettier-ignore
    await server.data('POST', 'sys/namespaces/team', { custom_metadata: { marker } })
    await server.data('POST', 'sys/quotas/rate-limit/q', { path: 'plain', rate: 100_000 })
    await server.data('POST', 'sys/config/auditing/request-headers/x-one', { hmac: false })
    await server.data('POST', 'sys/config/ui/headers/x-one', { values: [marker] })
    await server.data('POST', 'auth/token/roles/role', { path_suffix: marker })
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass', description: marker })
    await server.data('POST', 'auth/userpass/users/bob', { password: 'a long one', token_policies: marker })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'auth/approle/role/web', { role_id: marker, token_policies: marker })
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await server.data('POST', 'auth/jwt/config', { jwt_validation_pubkeys: jwtKey().pem, bound_issuer: marker })
    await server.data('POST', 'auth/jwt/role/web', { role_type: 'jwt', user_claim: 'sub', bound_audiences: marker })
    for (const type of ['kubernetes', 'cert', 'ldap']) await server.data('POST', `sys/auth/${type}`, { type })
    await server.data('POST', 'auth/kubernetes/config', {
      kubernetes_host: 'https://127.0.0.1:1',
      kubernetes_ca_cert: authority.cert,
      issuer: marker,
    })
    await server.data('POST', 'auth/kubernetes/role/web', { bound_service_account_names: 'web', bound_service_account_namespaces: 'web', audience: 'x', token_policies: marker }) // prettier-ignore
    await server.data('POST', 'auth/cert/certs/web', { certificate: authority.cert, token_policies: marker })
    await server.data('POST', 'auth/cert/crls/kiss', { crl: revocationList(authority, [authority.serial]) })
    await server.data('POST', 'auth/ldap/config', { url: 'ldaps://127.0.0.1:1', userdn: `ou=${marker}` })
    for (const kind of ['users', 'groups']) await server.data('POST', `auth/ldap/${kind}/kiss`, { policies: marker })
    for (const kind of ['entity', 'group']) await server.data('POST', `identity/${kind}`, { name: 'Kiss', metadata: { marker } }) // prettier-ignore
    await server.data('POST', 'sys/mounts/totp', { type: 'totp' })
    await server.data('POST', 'totp/keys/kiss', { generate: true, issuer: marker, account_name: marker })
    await server.data('POST', 'transit/keys/k', { exportable: true, allow_plaintext_backup: true })
    await server.data('POST', 'transit/keys/k/config', { deletion_allowed: true })
    await server.data('POST', 'plain/a', { value: marker })
    await server.data('POST', 'secret/data/a', { data: { value: marker } })
    await server.data('POST', 'team/sys/policies/acl/inner', { policy: `${policy} # ${marker}` })
    await server.data('POST', 'team/sys/mounts/y', { type: 'kv', description: marker })
    await server.data('POST', 'team/y/a', { value: marker })
  }
  before(async () => {
    server = await openLevelServer()
    await make()
    for (const path of new Set(table.map((deed) => deed.path)))
      tokens.set(path, await server.tokenWith(`path "*" { capabilities = ${all} }\npath "${path}" { capabilities = ["deny"] }`)) // prettier-ignore
  })
  after(async () => server.running.stop())

  /** What the owner sees, without what changes at every look. */
  const seen = async (deed: Deed): Promise<string> => {
    const { status, body } = await server.call('GET', `/v1/${deed.watch}`)
    return `${status} ${JSON.stringify({ ...(body['data'] as object), password: 0 })}`
  }
  const sent = async (deed: Deed, path: string, headers: Readonly<Record<string, string>>): Promise<Reply> =>
    server.call(deed.method, `/v1/${path}`, deed.body, {
      'X-Vault-Token': tokens.get(deed.path) ?? '',
      ...(deed.method === 'PATCH' && patching),
      ...headers,
    })

  it('is refused, although it exists', async () => {
    for (const deed of table) {
      expect(await seen(deed), deed.path).to.match(/^200 /)
      expect((await sent(deed, deed.path, {})).status, deed.path).to.equal(403)
    }
  })

  it('CVE-2026-89322, CVE-2026-93335: is neither read nor changed by any other spelling of it', async () => {
    const before = new Map<string, string>()
    for (const deed of table) before.set(deed.watch, await seen(deed))
    const spelling = fc.array(fc.tuple(fc.constantFrom(...mutations), fc.nat(60)), { minLength: 1, maxLength: 2 })
    const headers = fc.constantFrom<Readonly<Record<string, string>>>({}, {}, {}, { 'X-Vault-Namespace': 'root' }, { 'X-Vault-Namespace': '/' }, { 'X-Vault-Namespace': ' ' }, { 'X-Vault-Namespace': 'team' }, { 'X-HTTP-Method-Override': 'GET' }) // prettier-ignore
    const one = async (deed: Deed, path: string, more: Readonly<Record<string, string>>): Promise<void> => {
      const reply = await sent(deed, sendable(path), more)
      const what = `${deed.method} ${JSON.stringify(path)} ${JSON.stringify(more)} denied at ${deed.path}: ${reply.status} ${reply.text}`
      if (deed.method === 'GET' && reply.status < 300)
        expect(JSON.stringify(reply.body['data']) !== before.get(deed.watch)?.slice(4) && !reply.text.includes(marker), what).to.equal(true) // prettier-ignore
      if (deed.method !== 'GET') expect(await seen(deed), what).to.equal(before.get(deed.watch))
    }
    // Each by itself, then two at a time.
    for (const deed of table)
      for (const [at, mutate] of mutations.entries())
        await one(deed, mutate(deed.path, deed.path.length - 1 - (at % 3)), {})
    for (const deed of table) for (const blank of blanks.keys()) await one(deed, `${deed.path}${blanks[blank]}`, {})
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...table), spelling, headers, async (deed, steps, more) =>
        one(
          deed,
          steps.reduce((path, [mutate, at]) => mutate(path, at), deed.path),
          more,
        ),
      ),
      { numRuns: 500, seed: 15 },
    )
  })

  it('is judged under its plain name: a right to that is enough, whatever the spelling', async () => {
    const token = await server.tokenWith(`
      path "sys/mounts/fresh" { capabilities = ["read", "delete"] }
      path "sys/policies/acl/mixed" { capabilities = ["create", "read", "update"] }`)
    const as = { 'X-Vault-Token': token }
    await server.data('POST', 'sys/mounts/fresh', { type: 'kv' })
    const written = await server.call('POST', '/v1/sys/policies/acl/MixeD', { policy }, as)
    expect(written.text).to.include('lower case').and.include('mixed')
    expect((await server.call('GET', '/v1/sys/policies/acl/MIXED', undefined, as)).status).to.equal(200)
    expect((await server.call('GET', '/v1/sys/mounts/fresh/', undefined, as)).status).to.equal(200)
    expect((await server.call('DELETE', '/v1/sys/mounts/fresh/', undefined, as)).status).to.equal(204)
    expect((await server.call('GET', '/v1/sys/mounts/fresh')).status).to.equal(400)
  })

  it('is denied by every other path of the same thing, also where its name is sent in the body', async () => {
    const reply = await server.call('POST', '/v1/auth/token/create', { policies: ['default'], ttl: '1h' })
    const { keys } = await server.data('LIST', 'sys/leases/lookup/auth/token/create')
    const lease = `auth/token/create/${(keys as readonly string[])[0]}`
    expect(reply.status).to.equal(200)
    for (const [method, path, body, denied] of [
      ['GET', 'sys/policy/admin', undefined, 'sys/policies/acl/admin'],
      ['GET', 'sys/policy/ADMIN', undefined, 'sys/policies/acl/admin'],
      ['DELETE', 'sys/policies/acl/admin', undefined, 'sys/policy/admin'],
      ['POST', 'sys/mounts/auth/token/tune', { description: 'x' }, 'sys/auth/token/tune'],
      ['GET', 'sys/mounts/auth/token', undefined, 'sys/auth/token'],
      ['POST', 'sys/auth/token/tune', { description: 'x' }, 'sys/mounts/auth/token/tune'],
      ['POST', 'sys/leases/revoke', { lease_id: lease }, `sys/leases/revoke/${lease}`],
      ['POST', 'sys/rotate', {}, 'sys/rotate/keyring'],
      ['POST', 'sys/rotate/config', {}, 'sys/rotate/keyring/config'],
    ] as const) {
      const token = await server.tokenWith(`path "*" { capabilities = ${all} }\npath "${denied}" { capabilities = ["deny"] }`) // prettier-ignore
      const { status, text } = await server.call(method, `/v1/${path}`, body, { 'X-Vault-Token': token })
      expect(status, `${method} ${path}: ${text}`).to.equal(403)
    }
    const mixed = await server.call('POST', `/v1/sys/leases/revoke/none`, { lease_id: lease })
    expect(mixed.status).to.equal(400)
    for (const verb of ['lock', 'unlock'])
      expect((await server.call('POST', `/v1/sys/namespaces/api-lock/${verb}`, { path: 'team' })).status).to.equal(400)
  })

  it('has visible names: no name of ours begins or ends with a space, and none is guessed from a longer one', async () => {
    for (const [path, body] of [
      ['sys/policies/acl/', { policy }],
      ['sys/policy/', { policy }],
      ['sys/policies/password/', { policy: 'length = 20\nrule "charset" { charset = "abcdef" }' }],
      ['sys/mounts/', { type: 'kv' }],
      ['sys/auth/', { type: 'token' }],
      ['sys/audit/', { type: 'file', options: { file_path: `${temporaryFolder()}/log` } }],
      ['sys/namespaces/', {}],
      ['sys/quotas/rate-limit/', { rate: 1 }],
      ['auth/token/roles/', {}],
      ['transit/keys/', {}],
    ] as const)
      for (const name of ['%20n', 'n%20'])
        expect((await server.call('POST', `/v1/${path}${name}`, body)).status, path + name).to.be.oneOf([400, 404])
    for (const [method, path] of [
      ['GET', 'sys/mounts/x/zzz'],
      ['GET', 'sys/mounts/x/zzz/tune'],
      ['POST', 'sys/mounts/x/zzz/tune'],
      ['GET', 'sys/auth/token/zzz/tune'],
      ['POST', 'sys/auth/token/zzz/tune'],
    ] as const)
      expect((await server.call(method, `/v1/${path}`, method === 'POST' ? { description: 'x' } : undefined)).status, path).to.equal(400) // prettier-ignore
  })

  it('holds nothing that cannot be seen: no control, format, private, unassigned or separating character but the space', async () => {
    // Shown as nothing or as a blank, though Unicode calls most of them letters and marks.
    const unshown = ['\u3164', '\u115f', '\u1160', '\uffa0', '\u2800', '\u034f', '\u17b4', '\u17b5', '\u180b', '\u180f', '\ufe00', '\ufe0f', '\u{e0100}', '\u{e01ef}', '\u{1d173}'] // prettier-ignore
    const unseen = ['\u200b', '\u200d', '\u2060', '\ufeff', '\u202e', '\u2066', '\u061c', '\u180e', '\u00ad', '\u2028', '\u2029', '\u0085', '\u00a0', '\u1680', '\u2003', '\u202f', '\u205f', '\u3000', '\ue000', '\u{e0041}', '\u{e0001}', '\ufdd0', '\uffff', '\u{1ffff}', '\u{10ffff}', '\u0378', '\ufff9', ...unshown] // prettier-ignore
    for (const letter of unseen)
      for (const folder of [
        'plain',
        'secret/data',
        'sys/policies/acl',
        'sys/mounts',
        'sys/namespaces',
        'cubbyhole',
        'auth/token/roles',
        'auth/userpass/users',
        'auth/approle/role',
        'auth/jwt/role',
        'identity/entity/name',
        'identity/group/name',
        'totp/keys',
        'transit/keys',
        'sys/quotas/rate-limit',
      ]) {
        const path = `/v1/${folder}/a${encodeURIComponent(letter)}b`
        const { status, text } = await server.call('PUT', path, { type: 'kv', policy, data: { a: 1 } })
        expect(status, `U+${letter.codePointAt(0)?.toString(16)} ${folder} ${text}`).to.equal(400)
      }
    for (const letter of unseen)
      for (const [path, body] of [
        ['identity/entity', { name: `a${letter}b` }],
        ['identity/group', { name: `a${letter}b` }],
        ['sys/remount', { from: 'plain', to: `a${letter}b` }],
      ] as const)
        expect((await server.call('POST', `/v1/${path}`, body)).status, `U+${letter.codePointAt(0)?.toString(16)} ${path}`).to.equal(400) // prettier-ignore
    for (const name of ['\u2764\ufe0f', 'two words', 'ünï', '日本語', '\u{1f511}', 'e\u0301', 'עברית'])
      expect((await server.call('PUT', `/v1/plain/${encodeURIComponent(name)}`, { a: 1 })).status, name).to.equal(204)
  })
})
