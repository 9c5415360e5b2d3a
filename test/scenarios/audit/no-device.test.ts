import { expect } from 'chai'
import type { Commit, CommitResult } from '../../../src/contract/storage.ts'
import { startServer } from '../../../src/server/start.ts'
import { MemoryStorage } from '../../../src/storage/memory.ts'
import { byLine, streamReceiver } from '../../audit/receivers.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { TestServer, levelConfig, openOperations, unseal } from '../../support/server.ts'
import type { Body } from '../../support/server.ts'

/** A storage that counts what it is asked to change. */
class CountingStorage extends MemoryStorage {
  commits = 0

  override async commit(commit: Commit): Promise<CommitResult> {
    this.commits++
    return super.commit(commit)
  }
}

interface Operation {
  readonly method: string
  readonly path: string
  readonly bodies: readonly Body[]
}

const share = 'ab'.repeat(33)
/** What a field may hold, by its name. */
const known: Readonly<Record<string, unknown>> = {
  plaintext: 'eA==', input: 'eA==', password: 'pw', role_id: 'role', secret_id: 'sid', type: 'kv', policy: 'path "a" { capabilities = ["read"] }', rate: 5, path: 'kv', key: share,
  secret_shares: 1, secret_threshold: 1, data: { a: 'b' }, options: {}, config: {}, custom_metadata: { a: 'b' }, policies: ['default'], ttl: '1h', rules: 'path "a" { capabilities = ["read"] }',
  paths: ['kv'], level: 'info', values: ['x'], versions: [1], version: 1, from: 'kv', to: 'kv2', allowed_origins: ['*'], hmac: true, max_versions: 5, deletion_allowed: true, bytes: 8, code: '123456',
} // prettier-ignore
/** Names in paths: of what is there, and of what is not. */
const names: readonly Readonly<Record<string, string>>[] = [
  { name: 'k', path: 'a', role_name: 'role', username: 'ann', header: 'x-one', target: 'k2', source: 'k', destination: 'k2', kind: 'plaintext', url_lease_id: 'auth/token/create/x', prefix: 'auth/token', algorithm: 'sha2-256', urlalgorithm: 'sha2-256', id: 'x', version: '1' },
  { name: 'fresh', path: 'fresh', role_name: 'fresh', username: 'fresh', header: 'x-two', target: 'fresh', source: 'fresh', destination: 'fresh', kind: 'encryption-key', url_lease_id: 'x', prefix: 'x', algorithm: 'sha2-512', urlalgorithm: 'sha2-512', id: 'y', version: 'latest' },
] // prettier-ignore

/** What is answered all the same. */
const ofStatus: ReadonlySet<string> = new Set([
  '/sys/health',
  '/sys/seal-status',
  '/sys/seal-backend-status',
  '/sys/leader',
  '/sys/metrics',
])

/** Every operation of every route, with bodies: none, every field. @param ciphertext of the key `k` */
function operationsOf(document: Body, ciphertext: unknown): Operation[] {
  const values: typeof known = { ...known, ciphertext }
  const paths = Object.entries(document['paths'] as Readonly<Record<string, Readonly<Record<string, Body>>>>)
  return paths.flatMap(([pattern, item]) =>
    names.flatMap((some) => {
      const path = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => some[name] ?? 'x')
      return ['get', 'post', 'delete', 'patch'].flatMap((verb) => {
        if (!item[verb]) return []
        const fields = [...JSON.stringify(item[verb]['requestBody'] ?? {}).matchAll(/"(\w+)":\{"(?:type|description|\$ref)/g)] // prettier-ignore
        const whole = Object.fromEntries(
          fields.map(([, name = '']) => [name, values[name]] as const).filter(([, value]) => value !== undefined),
        )
        const type = path.startsWith('/transit') ? { type: 'aes256-gcm96' } : {}
        return [{ method: verb.toUpperCase(), path, bodies: [{}, { ...whole, ...type }] }]
      })
    }),
  )
}

/** Makes what the names in paths stand for. */
async function fill(server: TestServer): Promise<void> {
  for (const [path, type] of Object.entries({ kv: 'kv', secret: 'kv-v2', transit: 'transit', totp: 'totp' }))
    await server.data('POST', `sys/mounts/${path}`, { type })
  for (const name of ['k', 'k2']) {
    await server.data('POST', `transit/keys/${name}`, { exportable: true, allow_plaintext_backup: true })
    await server.data('POST', `transit/encrypt/${name}`, { plaintext: 'eA==' })
  }
  await server.data('POST', 'totp/keys/k', { key: share })
  await server.data('POST', 'kv/a', { value: 'x' })
  await server.data('POST', 'secret/data/a', { data: { value: 'x' } })
  await server.data('POST', 'cubbyhole/a', { value: 'x' })
  await server.data('POST', 'auth/token/roles/role', {})
  await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
  await server.data('POST', 'auth/userpass/users/ann', { password: 'pw' })
  await server.data('POST', 'sys/auth/approle', { type: 'approle' })
  await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
  await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
  await server.data('POST', 'auth/approle/role/role', { role_id: 'role' })
  await server.data('POST', 'auth/approle/role/role/custom-secret-id', { secret_id: 'sid' })
  await server.data('POST', 'sys/namespaces/a', {})
  await server.data('POST', 'sys/policies/acl/k', { policy: known['policy'] })
}

describe('while no audit device works', function () {
  this.timeout(120_000)
  let server: TestServer
  const storage = new CountingStorage()
  let device: Awaited<ReturnType<typeof streamReceiver>>
  let limited = ''

  before(async () => {
    const folder = temporaryFolder()
    device = await streamReceiver((address) => ({ address }), byLine)
    const audit = `audit "socket" "socket" { options { address = "${device.options['address']}" } }`
    const config = levelConfig(folder, openOperations, `${audit}\nunsafe_allow_api_audit_creation = true`)
    const options = { config: [config], storage, clock: new HandClock(), log: () => {} }
    server = new TestServer(await startServer(options), folder, config)
    const made = await server.call('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
    Object.assign(server, { shares: made.body['keys'], token: String(made.body['root_token']) })
    await unseal(server)
    await fill(server)
    const all = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "scan", "patch", "sudo"] }'
    limited = await server.tokenWith(all, { num_uses: 10_000 })
  })
  after(async () => {
    await device.comeBack()
    await server.running.stop()
    await device.close()
  })

  it('no request of any route changes the storage: with a token, with one whose uses count, with none, wrapped or not', async () => {
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    const { ciphertext } = await server.data('POST', 'transit/encrypt/k', { plaintext: 'eA==' })
    const operations = operationsOf((body['data'] ?? body) as Body, ciphertext)
    expect(operations.length).to.be.greaterThan(300)
    // Nothing is counted ahead any more: every first use of a key would have to store its count.
    await server.call('PUT', '/v1/sys/seal')
    await unseal(server)
    await device.leave()
    await server.call('GET', '/v1/sys/mounts')
    const before = storage.commits
    const root = { 'X-Vault-Token': server.token }
    const callers = [root, { ...root, 'X-Vault-Wrap-TTL': '60' }, { 'X-Vault-Token': limited }, {}]
    for (const { method, path, bodies } of operations)
      for (const [at, data] of (method === 'GET' || method === 'DELETE' ? [undefined] : bodies).entries())
        // Who sends nothing gets the same refusal, whoever it is.
        for (const headers of at < bodies.length - 1 && method !== 'GET' ? [root] : callers) {
          const sent = method === 'PATCH' ? { ...headers, 'Content-Type': 'application/merge-patch+json' } : headers
          const { status, text } = await server.call(method, `/v1${path}`, data, sent)
          expect(storage.commits, `${method} ${path} ${JSON.stringify(data)} ${Object.keys(headers).join()}: ${status} ${text}`).to.equal(before) // prettier-ignore
          if (!ofStatus.has(path)) expect(status, `${method} ${path}: ${text}`).to.be.greaterThan(399)
        }
    expect((await server.call('LIST', '/v1/transit/keys')).status).to.equal(500)
    expect(storage.commits).to.equal(before)
  })

  it('the request succeeds when one works again, and takes one use', async () => {
    await device.comeBack()
    const self = async (): Promise<unknown> => (await server.data('POST', 'auth/token/lookup', { token: limited }))['num_uses'] // prettier-ignore
    const before = await self()
    expect(before).to.equal(10_000)
    const as = { 'X-Vault-Token': limited }
    expect((await server.call('POST', '/v1/transit/encrypt/new', { plaintext: 'eA==' }, as)).status).to.equal(200)
    expect(await self()).to.equal(9999)
    expect((await server.call('GET', '/v1/nowhere', undefined, as)).status).to.equal(404)
    expect(await self()).to.equal(9998)
  })
})
