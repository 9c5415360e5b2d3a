import { expect } from 'chai'
import { openLevelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const all = '["create", "read", "update", "delete", "list", "scan", "patch", "sudo"]'
const inTeam = { 'X-Vault-Namespace': 'team' }
const input = 'YQ=='

/** A path that is denied, and another request that does the same. */
interface OtherWay {
  readonly denied: string
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const way = (denied: string, method: string, path: string, body?: unknown, headers = {}): OtherWay => ({ denied, method, path, body, headers }) // prettier-ignore

const ways: readonly OtherWay[] = [
  way('transit/sign/s', 'POST', 'transit/sign/s/sha2-256', { input }),
  way('transit/sign/s/sha2-512', 'POST', 'transit/sign/s', { input, hash_algorithm: 'sha2-512' }),
  way('transit/sign/s/sha2-512', 'POST', 'transit/sign/s', { input, algorithm: 'sha2-512' }),
  way('transit/sign/s/sha2-256', 'POST', 'transit/sign/s', { input }),
  way('transit/verify/s', 'POST', 'transit/verify/s/sha2-256', { input, signature: 'vault:v1:AAAA' }),
  way('transit/hmac/h', 'POST', 'transit/hmac/h/sha2-384', { input }),
  way('transit/hmac/h/sha2-384', 'POST', 'transit/hmac/h', { input, algorithm: 'sha2-384' }),
  way('transit/cmac/c', 'POST', 'transit/cmac/c/8', { input }),
  way('transit/cmac/c/8', 'POST', 'transit/cmac/c', { input, mac_length: 8 }),
  way('transit/export/signing-key/s', 'GET', 'transit/export/signing-key/s/1'),
  way('transit/export/signing-key/s', 'GET', 'transit/export/signing-key/s/latest'),
  way('transit/restore/e', 'POST', 'transit/restore', { backup: 'of e', force: true }),
  way('auth/token/create-orphan', 'POST', 'auth/token/create', { no_parent: true }),
  way('sys/policy/', 'LIST', 'sys/policies/acl'),
  way('sys/policies/acl/', 'GET', 'sys/policy'),
  way('sys/policies/acl/', 'LIST', 'sys/policy'),
  way('sys/policy/admin', 'POST', 'sys/policies/explain', { path: 'a', operation: 'read', policies: ['admin'] }),
  way('sys/mounts/plain', 'POST', 'sys/remount', { from: 'plain', to: 'moved' }),
  way('sys/mounts/moved', 'POST', 'sys/remount', { from: 'plain/', to: 'moved/' }),
  way('sys/leases/revoke-prefix/auth/x', 'POST', 'sys/leases/revoke-force/auth/x'),
  way('sys/leases/revoke-force/auth/x', 'POST', 'sys/leases/revoke-prefix/auth/x'),
  way('sys/generate-root/attempt', 'POST', 'sys/generate-root-token/attempt', {}),
  way('sys/rekey/init', 'POST', 'sys/rotate/root/init', { secret_shares: 1, secret_threshold: 1 }),
  way('sys/rekey/init', 'DELETE', 'sys/rotate/root/init'),
  way('sys/namespaces/api-lock/lock/team', 'POST', 'sys/namespaces/api-lock/lock', {}, inTeam),
  way('team/sys/namespaces/api-lock/lock', 'POST', 'sys/namespaces/api-lock/lock/team', {}),
  way('sys/namespaces/api-lock/lock/team/app', 'POST', 'sys/namespaces/api-lock/lock/app', {}, inTeam),
  way('team/app/sys/namespaces/api-lock/lock', 'POST', 'sys/namespaces/api-lock/lock/team/app', {}),
  way('sys/namespaces/api-lock/unlock/team', 'POST', 'sys/namespaces/api-lock/unlock', {}, inTeam),
]

describe('a denial on one path', function () {
  this.timeout(60_000)
  let server: TestServer
  let backup: unknown
  before(async () => {
    server = await openLevelServer()
    for (const [path, type] of [['transit', 'transit'], ['plain', 'kv'], ['secret', 'kv-v2']]) await server.data('POST', `sys/mounts/${path}`, { type }) // prettier-ignore
    for (const [name, type] of [['s', 'ed25519'], ['h', 'hmac'], ['c', 'aes256-cmac'], ['e', 'aes256-gcm96']])
      await server.data('POST', `transit/keys/${name}`, { type, exportable: true, allow_plaintext_backup: true, ...(type === 'hmac' && { key_size: 32 }) }) // prettier-ignore
    backup = (await server.data('GET', 'transit/backup/e'))['backup']
    await server.data('POST', 'sys/policies/acl/admin', { policy: 'path "a" { capabilities = ["read"] } # marker' })
    await server.data('POST', 'sys/namespaces/team', { custom_metadata: { note: 'marker' } })
    await server.call('POST', '/v1/sys/namespaces/app', {}, { 'X-Vault-Token': server.token, ...inTeam })
    await server.data('POST', 'secret/metadata/a', { custom_metadata: { note: 'marker' } })
  })
  after(async () => server.running.stop())

  const denied = async (path: string): Promise<string> =>
    server.tokenWith(`path "*" { capabilities = ${all} }\npath "${path}" { capabilities = ["deny"] }`)

  for (const { denied: path, method, path: other, body, headers } of ways)
    it(`also applies on another: ${path}, by ${method} ${other} ${JSON.stringify({ ...(body as object), ...headers })}`, async () => {
      const sent = JSON.parse(JSON.stringify(body ?? {}), (_, value: unknown) => (value === 'of e' ? backup : value)) as unknown // prettier-ignore
      const token = await denied(path)
      const reply = await server.call(method, `/v1/${other}`, method === 'POST' ? sent : undefined, { 'X-Vault-Token': token, ...headers }) // prettier-ignore
      expect(reply.status, reply.text).to.equal(403)
    })

  it('is explained as denied there', async () => {
    const explained = async (path: string, asked: object): Promise<unknown> => {
      const headers = { 'X-Vault-Token': await denied(path) }
      return (await server.call('POST', '/v1/sys/policies/explain-self', asked, headers)).body['data']
    }
    for (const [path, asked] of [
      ['sys/policy/admin', { path: 'sys/policies/acl/admin', operation: 'read' }],
      ['sys/policies/acl/admin', { path: 'sys/policy/admin', operation: 'delete' }],
      ['transit/sign/s/sha2-512', { path: 'transit/sign/s', operation: 'update', parameters: { hash_algorithm: 'sha2-512' } }], // prettier-ignore
      ['transit/sign/s', { path: 'transit/sign/s/sha2-512', operation: 'update' }],
    ] as const) {
      const what = JSON.stringify(asked)
      const refused = await explained(path, asked)
      expect(refused, what).to.include({ allowed: false })
      expect(JSON.stringify(refused), what).to.include(`"path":"${path}"`)
      expect(await explained('other', asked), what).to.include({ allowed: true })
    }
  })

  it('is no capability there', async () => {
    const accessorOf = async (token: string): Promise<string> =>
      String((await server.data('POST', 'auth/token/lookup', { token }))['accessor'])
    const capabilities = async (rules: string, path: string, headers = {}): Promise<unknown> => {
      const token = await server.tokenWith(rules)
      const replies = [
        await server.call('POST', '/v1/sys/capabilities-self', { path }, { 'X-Vault-Token': token, ...headers }),
        await server.call('POST', '/v1/sys/capabilities', { path, token }),
        await server.call('POST', '/v1/sys/capabilities-accessor', { path, accessor: await accessorOf(token) }),
      ]
      const [own, ...others] = replies.map(({ body }) => (body['data'] as Record<string, unknown>)['capabilities'])
      if (Object.keys(headers).length === 0) for (const other of others) expect(other, path).to.deep.equal(own)
      return own
    }
    const but = (path: string): string =>
      `path "*" { capabilities = ${all} }\npath "${path}" { capabilities = ["deny"] }`
    for (const [path, asked] of [
      ['sys/policy/admin', 'sys/policies/acl/admin'],
      ['sys/policies/acl/admin', 'sys/policy/admin'],
      ['sys/policies/acl/admin', 'sys/policies/acl/ADMIN'],
      ['team/sys/policy/admin', 'team/sys/policies/acl/admin'],
    ] as const)
      expect(await capabilities(but(path), asked), asked).to.not.include.members(['read'])
    for (const [path, asked] of [
      ['transit/sign/s', 'transit/sign/s/sha2-512'],
      ['transit/sign/s/sha2-256', 'transit/sign/s'],
    ] as const)
      expect(await capabilities(but(path), asked), asked).to.not.include.members(['update'])
    const team = but('team/sys/policy/admin')
    expect(await capabilities(team, 'sys/policies/acl/admin', inTeam)).to.not.include.members(['read'])
    const some =
      'path "sys/capabilities-self" { capabilities = ["update"] }\npath "sys/policies/acl/admin" { capabilities = ["read", "sudo"] }'
    expect(await capabilities(some, 'sys/policies/acl/admin')).to.deep.equal(['read', 'sudo'])
    const closed = `${some}\npath "sys/policy/admin" { capabilities = ["deny"] }`
    expect(await capabilities(closed, 'sys/policies/acl/admin')).to.deep.equal(['deny'])
    expect(await capabilities(but('sys/policy/admin'), 'sys/policies/acl/other')).to.include.members(['read', 'update'])
  })

  it('is left out of lists that would show it', async () => {
    for (const [path, list] of [
      ['sys/policies/acl/admin', 'sys/policies/detailed/acl'],
      ['sys/policy/admin', 'sys/policies/detailed/acl'],
      ['secret/metadata/a', 'secret/detailed-metadata'],
      ['sys/namespaces/team', 'sys/namespaces'],
    ] as const) {
      const reply = await server.call('LIST', `/v1/${list}`, undefined, { 'X-Vault-Token': await denied(path) })
      expect(reply.status, reply.text).to.equal(200)
      expect(reply.text, `${path} in ${list}`).to.not.contain('marker')
      expect((await server.call('LIST', `/v1/${list}`)).text, list).to.contain('marker')
    }
  })

  it('does not affect other objects', async () => {
    const token = await denied('transit/sign/s/sha2-512')
    const usual = await denied('transit/sign/s/sha2-256')
    const asked = { input, hash_algorithm: 'sha2-512' }
    expect((await server.call('POST', '/v1/transit/sign/s', asked, { 'X-Vault-Token': usual })).status).to.equal(200)
    for (const [path, sent] of [
      ['transit/sign/s', { input }],
      ['transit/sign/s/sha2-256', { input }],
      ['auth/token/create-orphan', {}],
    ] as const)
      expect((await server.call('POST', `/v1/${path}`, sent, { 'X-Vault-Token': token })).status, path).to.equal(200)
  })
})
