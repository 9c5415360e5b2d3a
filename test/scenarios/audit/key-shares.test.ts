import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../../src/server/start.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { TestServer, levelConfig, openOperations, unseal } from '../../support/server.ts'
import type { Body, Reply } from '../../support/server.ts'

/** Names under which key shares, one-time passwords and root tokens travel. */
const secretName = /^(keys?|keys_base64|otp|token|encoded(_root)?_token|root_token.*|unlock_key|pgp_keys?)$/
const carrying =
  /^(keys?|otp|encoded(_root)?_token|root_token.*|unlock_key|pgp_keys?|secret_(shares|threshold)|recovery_.*)$/
const openNames = ['key', 'keys', 'keys_base64', 'otp', 'token', 'encoded_token', 'encoded_root_token', 'root_token', 'unlock_key', 'pgp_keys', 'pgp_key', 'root_token_pgp_key'] // prettier-ignore

/** Every string of some length under one of those names. */
function secretsIn(value: unknown, under = false): string[] {
  if (typeof value === 'string') return under && value.length > 15 ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) =>
    secretsIn(member, secretName.test(name) || (under && Array.isArray(value))),
  )
}

/** The operations of `sys/` that write such a field: method, path, names. */
function routesWith(document: Body): (readonly [method: string, path: string, names: readonly string[]])[] {
  const paths = Object.entries(document['paths'] as Readonly<Record<string, Readonly<Record<string, Body>>>>)
  return paths.flatMap(([path, item]) => {
    const written = [...JSON.stringify(item['post'] ?? {}).matchAll(/"(\w+)":\{/g)].map(([, name]) => String(name))
    const names = written.filter((name) => carrying.test(name))
    return path.startsWith('/sys/') && names.length > 0 ? [['POST', path, names] as const] : []
  })
}

/** A server with one device that writes everything raw, one whose names are opened by tuning, and a recorded header. */
class LoggedServer extends TestServer {
  readonly secrets = new Set<string>()
  headers: Readonly<Record<string, string>> = {}

  /** Like `call`, with a secret in a recorded header too. What is secret of it is remembered. */
  async send(
    method: string,
    path: string,
    data?: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    const header = `header-${this.secrets.size}-of-${path.length}-letters`
    const reply = await this.call(method, path, data, { 'X-Vault-Token': this.token, 'X-Share': header, ...more })
    for (const secret of [...secretsIn(data), ...secretsIn(reply.body), header]) this.secrets.add(secret)
    return reply
  }

  logs(): string {
    return ['raw.log', 'usual.log'].map((name) => readFileSync(join(this.folder, name), 'utf8')).join('')
  }

  /** The secrets that stand in a log. */
  leaked(): string[] {
    const logs = this.logs()
    return [...this.secrets].filter((secret) => logs.includes(secret))
  }
}

async function start(): Promise<LoggedServer> {
  const folder = temporaryFolder()
  const config = levelConfig(
    folder,
    openOperations,
    `audit "file" "raw" { options { file_path = "${folder}/raw.log" log_raw = "true" } }
audit "file" "usual" { options { file_path = "${folder}/usual.log" } }`,
  )
  return new LoggedServer(await startServer({ config: [config], log: () => {} }), folder, config)
}

describe('key shares in audit logs', function () {
  this.timeout(60_000)
  let server: LoggedServer
  const openEverything = async (): Promise<void> => {
    const tuned = { audit_non_hmac_request_keys: openNames, audit_non_hmac_response_keys: openNames }
    await server.data('POST', 'sys/mounts/sys/tune', tuned)
    await server.data('POST', 'sys/config/auditing/request-headers/x-share', { hmac: false })
  }

  before(async () => {
    server = await start()
    const made = await server.send('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
    Object.assign(server, { shares: made.body['keys'], token: String(made.body['root_token']) })
    await unseal(server)
    expect(server.leaked()).to.deep.equal([])
    // From here on it is the caller's token, which log_raw shows.
    server.secrets.delete(server.token)
    await openEverything()
  })
  after(async () => server.running.stop())
  afterEach(() => {
    expect(server.leaked()).to.deep.equal([])
  })

  it('the devices do write other requests in clear', async () => {
    await server.call('PUT', '/v1/cubbyhole/a', { key: 'in clear 4711' })
    expect(readFileSync(join(server.folder, 'raw.log'), 'utf8')).to.include('in clear 4711')
    await server.call('GET', '/v1/sys/mounts', undefined, { 'X-Vault-Token': server.token, 'X-Share': 'shown 4712' })
    expect(server.logs()).to.include('shown 4712')
  })

  it('rekey, with and without a token, verified and wrapped', async () => {
    const operation = { secret_shares: 3, secret_threshold: 2 }
    for (const [base, verify, wrap] of [
      ['rotate/root', false, {}],
      ['rotate/root', true, {}],
      ['rotate/root', false, { 'X-Vault-Wrap-TTL': '60' }],
      ['rekey', true, {}],
    ] as const) {
      const begun = await server.send('PUT', `/v1/sys/${base}/init`, { ...operation, require_verification: verify })
      const body = (begun.body['data'] ?? begun.body) as Body
      const nonce = body['nonce']
      await server.send('PUT', `/v1/sys/${base}/update`, { key: server.shares[0], nonce })
      let last = await server.send('PUT', `/v1/sys/${base}/update`, { key: server.shares[1], nonce }, wrap)
      expect(last.status, last.text).to.equal(200)
      const info = last.body['wrap_info'] as { readonly token: string } | null | undefined
      if (info) {
        server.secrets.delete(info.token)
        last = await server.call('PUT', '/v1/sys/wrapping/unwrap', { token: info.token })
      }
      for (const secret of secretsIn(last.body)) server.secrets.add(secret)
      const made = (last.body['data'] ?? last.body) as Body
      const keys = made['keys'] as readonly string[]
      expect(keys).to.have.length(3)
      if (verify)
        for (const key of keys.slice(0, 2))
          await server.send('PUT', `/v1/sys/${base}/verify`, { key, nonce: made['verification_nonce'] })
      server.shares = keys
    }
  })

  it('generate-root, with and without a token, and decode-token', async () => {
    for (const base of ['generate-root-token', 'generate-root']) {
      const begun = await server.send('PUT', `/v1/sys/${base}/attempt`, {})
      const { nonce, otp } = (begun.body['data'] ?? begun.body) as Body
      await server.send('PUT', `/v1/sys/${base}/update`, { key: server.shares[0], nonce })
      const last = await server.send('PUT', `/v1/sys/${base}/update`, { key: server.shares[1], nonce })
      const { encoded_token: encoded } = (last.body['data'] ?? last.body) as Body
      const decoded = await server.send('PUT', '/v1/sys/decode-token', { encoded_token: encoded, otp })
      expect(decoded.status, decoded.text).to.equal(200)
    }
  })

  it('a wrapped response that is read through its own cubbyhole', async () => {
    const begun = await server.send('PUT', '/v1/sys/generate-root-token/attempt', {}, { 'X-Vault-Wrap-TTL': '60' })
    const { token } = begun.body['wrap_info'] as { readonly token: string }
    server.secrets.delete(token)
    const read = await server.call('GET', '/v1/cubbyhole/response', undefined, { 'X-Vault-Token': token })
    const { response } = read.body['data'] as { readonly response: string }
    const { data } = JSON.parse(response) as { readonly data: Body }
    server.secrets.add(String(data['otp']))
    await server.data('DELETE', 'sys/generate-root-token/attempt')
  })

  it('shares that were sent the wrong way', async () => {
    const share = String(server.shares[0])
    const key = { key: share }
    server.secrets.add(share)
    await server.data('POST', 'sys/namespaces/team', {})
    const paths = ['sys/unseal', 'sys/unseal/', 'sys/Unseal', 'sys/unseall', 'sys/rekey/updat', 'sys/rekey', 'sys/rotate/root', 'sys/rotate/root/update/', 'sys/rotate/root/update/x', 'sys/generate-root', 'SYS/unseal', 'sys', 'unseal', 'sys/generate-root/update/', 'team/sys/unseal', 'nowhere/sys/unseal', 'sys/seal', 'sys/step-down', 'sys/seal-status', 'sys/init'] // prettier-ignore
    for (const path of paths)
      for (const [method, data] of [
        ['PUT', key],
        ['POST', key],
        ['PUT', { key: [share] }],
        ['PUT', { key: { key: share } }],
        ['PUT', `key=${share}`],
        ['PUT', share],
        ['DELETE', undefined],
        ['GET', undefined],
        ['LIST', undefined],
      ] as const) {
        if (path === 'sys/seal' && method !== 'GET') continue
        const form: Record<string, string> =
          typeof data === 'string' ? { 'Content-Type': 'application/x-www-form-urlencoded' } : {}
        await server.send(method, data === undefined ? `/v1/${path}?key=${share}` : `/v1/${path}`, data, form)
        if (method === 'PUT' && data === key) {
          await server.send('PATCH', `/v1/${path}`, key, { 'Content-Type': 'application/merge-patch+json' })
          for (const namespace of ['team', 'nowhere'])
            await server.send('PUT', `/v1/${path}`, key, { 'X-Vault-Namespace': namespace })
          await server.send('PUT', `/v1/${path}`, key, { 'X-Vault-Token': 'no-token-of-this-server' })
          await server.send('GET', `/v1/${path}?help=1&key=${share}`)
        }
      }
    await server.data('POST', 'sys/quotas/rate-limit/all', { path: 'sys/rekey/update', rate: 1, interval: '1h' })
    for (let times = 0; times < 3; times++) await server.send('PUT', '/v1/sys/rekey/update', key)
    expect((await server.send('PUT', '/v1/sys/rekey/update', key)).status).to.equal(429)
  })

  it('every route with such a field, open and sealed', async () => {
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    const walked = routesWith((body['data'] ?? body) as Body)
    expect(walked.map(([, path]) => path)).to.include.members([
      '/sys/unseal',
      '/sys/init',
      '/sys/rekey/update',
      '/sys/rotate/root/verify',
      '/sys/generate-root/attempt',
      '/sys/namespaces/api-lock/unlock/{path}',
    ])
    const walk = async (): Promise<void> => {
      for (const [method, path, names] of walked)
        for (const name of names) {
          const secret = `${name}-${server.secrets.size}-`.padEnd(28, 'canary')
          const data = { nonce: 'x', secret_shares: 1, secret_threshold: 1, [name]: secret, [secret]: '' }
          server.secrets.add(secret)
          await server.send(method, `/v1${path.replaceAll(/\{\w+\}/g, 'x')}`, data)
        }
    }
    await walk()
    await server.call('PUT', '/v1/sys/seal')
    await walk()
    await unseal(server)
    expect((await server.call('GET', '/v1/sys/seal-status')).body['sealed']).to.equal(false)
  })
})
