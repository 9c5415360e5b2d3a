import { expect } from 'chai'
import { jwtKey } from '../../support/jwt.ts'
import { operationsOf } from '../../support/requests/operations.ts'
import type { Operation } from '../../support/requests/operations.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

/** What routes take at their limits, or nearly. */
const values: readonly unknown[] = [
  0, 1, 2, 63, 64, 255, 256, 4096, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -1, 0.5, 1e-7, '0', '1', '3600', '1s', '9223372036s', '9223372036', '768h', '1000000h', '-1', '-1s', true, false, null, '', 'x', 'X', ' x ',
  'x'.repeat(128), 'x'.repeat(512), 'x'.repeat(8000), '\u{1f511}', 'e\u0301', '2100-01-02T03:04:05Z', '9999-12-31T23:59:59Z', '2999-01-01', [], ['x'], ['x', 'y', 'x'], ['127.0.0.1'], '10.0.0.0/8', '::1/128', 'x,y', {},
  { x: 'y' }, { x: 1 }, { x: null }, { x: ['y'] }, { x: { y: 'z' } }, { '': '' }, [{ x: 'y' }], ['x=y'], 'default', 'root', 'service', 'batch', 'default-service', 'AAAA', 'aes256-gcm96', 'S256', 'sha512', 'SHA1',
] // prettier-ignore

/** What else a route needs before it takes anything. */
const needed: Readonly<Record<string, Body>> = {
  '/sys/policies/acl/{name}': { policy: 'path "a" { capabilities = ["read"] }' },
  '/sys/policy/{name}': { policy: 'path "a" { capabilities = ["read"] }' },
  '/sys/policies/password/{name}': { policy: 'length = 20\nrule "charset" { charset = "abcdef" }' },
  '/sys/mounts/{path}': { type: 'kv' },
  '/sys/auth/{path}': { type: 'userpass' },
  '/sys/quotas/rate-limit/{name}': { rate: 1_000_000, path: 'kv' },
  '/auth/userpass/users/{username}': { password_hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' },
  '/auth/approle/role/{role_name}': { token_bound_cidrs: '127.0.0.1' },
  '/auth/jwt/role/{name}': { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'x' },
  '/auth/jwt/config': { jwt_validation_pubkeys: jwtKey().pem },
  '/totp/keys/{name}': { generate: true, issuer: 'i', account_name: 'a' },
  '/transit/keys/{name}': {},
}

describe('records that a route stores', () => {
  let server: TestServer
  let operations: readonly Operation[]
  before(async () => {
    server = await devServer()
    for (const type of ['transit', 'totp', 'kv']) await server.data('POST', `sys/mounts/${type}`, { type })
    for (const type of ['userpass', 'approle', 'jwt']) await server.data('POST', `sys/auth/${type}`, { type })
    await server.data('POST', 'auth/userpass/users/none', needed['/auth/userpass/users/{username}'])
    await server.data('POST', 'auth/approle/role/none', needed['/auth/approle/role/{role_name}'])
    await server.data('POST', 'transit/keys/none', {})
    const document = await server.call('GET', '/v1/sys/internal/specs/openapi')
    operations = operationsOf((document.body['data'] ?? document.body) as Body)
  })
  after(async () => server.running.stop())

  it('can be read back, by its path and in lists, whatever the parameters were', async function () {
    this.timeout(10 * 60_000)
    const readable = new Set(operations.filter(({ method }) => method === 'GET').map(({ path }) => path))
    const tried = operations.filter(({ method, path }) => (method === 'POST' || method === 'PATCH') && readable.has(path) && !/^\/sys\/(?:rotate|rekey|generate-root|init|seal|loggers|internal|policies\/explain)/.test(path))
    expect(tried.length).to.be.greaterThan(40)
    let stored = 0
    const reads = async (path: string, what: string): Promise<void> => {
      for (const [method, where] of [['GET', path], ['LIST', path.slice(0, path.lastIndexOf('/'))], ['SCAN', path.slice(0, path.lastIndexOf('/'))]] as const) {
        const { status, text } = await server.call(method, `/v1${where}`)
        expect(status, `${method} ${where} after ${what}: ${text.slice(0, 200)}`).to.be.lessThan(500)
      }
    }
    for (const { path, method, fields } of tried) {
      const plain = path.replaceAll(/\{\w+\}/g, 'none')
      const type = method === 'PATCH' ? { 'Content-Type': 'application/merge-patch+json' } : {}
      for (const field of fields)
        for (const value of values) {
          const wish = { ...needed[path], [field]: value }
          const { status, text } = await server.call(method, `/v1${plain}`, wish, { 'X-Vault-Token': 'root', ...type })
          const what = `${method} ${plain} ${JSON.stringify(wish).slice(0, 300)}`
          expect(status, `${what} ${text}`).to.be.lessThan(500)
          if (status >= 300) continue
          stored++
          await reads(plain, what)
          // What was made with it is in nobody's way: neither a quota, nor another mount at this path.
          if (/^\/sys\/(?:quotas|mounts|auth|namespaces)/.test(path)) await server.call('DELETE', `/v1${plain}`)
        }
    }
    expect(stored).to.be.greaterThan(1000)
    // And by whatever reads them without being asked: logins, renewals, lists of everything.
    for (const [method, path, body] of [
      ['POST', 'auth/userpass/login/none', { password: 'U*U' }],
      ['POST', 'auth/token/create/none', {}],
      ['GET', 'sys/mounts', undefined],
      ['GET', 'sys/auth', undefined],
      ['GET', 'sys/internal/ui/mounts', undefined],
      ['POST', 'transit/encrypt/none', { plaintext: 'YQ==' }],
    ] as const)
      expect((await server.call(method, `/v1/${path}`, body)).status, path).to.be.lessThan(500)
  }) // prettier-ignore
})
