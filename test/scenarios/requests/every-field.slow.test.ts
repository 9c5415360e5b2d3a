import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import { jwtKey } from '../../support/jwt.ts'
import { operationsOf } from '../../support/requests/operations.ts'
import type { Operation } from '../../support/requests/operations.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'
import { worked } from '../../support/processes/processor-time.ts'

/** What no field expects; some of it is what some field can take, and then the answer is no refusal. */
const hostile: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  2 ** 63,
  '',
  ' ',
  'a\u0000b',
  '../../sys',
  '\u{1f511}\u202e',
  'x'.repeat(70_000),
  '-1h',
  '99999999999999999999h',
  [],
  [[]],
  [''],
  [null, { a: [1] }],
  {},
  { a: { b: { c: [] } } },
  '!!!not base64',
  'AAAA',
  { toString: 0, valueOf: 0, toJSON: 0 },
  [{ toString: 0, valueOf: 0, toJSON: 0 }],
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
]

describe('every field of every route', () => {
  let server: TestServer
  let operations: readonly Operation[]
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/totp', { type: 'totp' })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    const issuer = {
      jwt_validation_pubkeys: jwtKey().pem,
      bound_issuer: 'https://issuer.example',
      default_role: 'bearer',
    }
    await server.data('POST', 'auth/jwt/config', issuer)
    await server.data('POST', 'auth/jwt/role/bearer', { role_type: 'bearer', user_claim: 'sub', bound_audiences: 'us' })
    await server.data('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
    await server.data('POST', 'auth/kubernetes/config', {
      kubernetes_host: 'https://127.0.0.1:1',
      kubernetes_ca_cert: certificate().cert,
    })
    await server.data('POST', 'auth/kubernetes/role/none', {
      bound_service_account_names: '*',
      bound_service_account_namespaces: '*',
    })
    await server.data('POST', 'sys/auth/cert', { type: 'cert' })
    await server.data('POST', 'auth/cert/certs/none', { certificate: certificate().cert })
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
    // Made at its first use, and that takes its time.
    await server.data('GET', 'transit/wrapping_key')
    const document = await server.call('GET', '/v1/sys/internal/specs/openapi')
    operations = operationsOf((document.body['data'] ?? document.body) as Body)
  })
  after(async () => server.running.stop())

  const send = async (operation: Operation, wish: Body, place: Readonly<Record<string, string>> = {}) => {
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(place[name] ?? 'none'))
    const begun = worked()
    const type = operation.method === 'PATCH' ? { 'Content-Type': 'application/merge-patch+json' } : {}
    const headers = { 'X-Vault-Token': server.token, ...type }
    const reply = await server.call(
      operation.method,
      `/v1${path}`,
      operation.method === 'GET' ? undefined : wish,
      headers,
    )
    const what = `${operation.method} ${path} ${JSON.stringify({ ...wish, ...place }).slice(0, 200)}: ${reply.status} ${reply.text.slice(0, 200)}`
    expect(reply.status, what).to.be.lessThan(500)
    expect(reply.text, what).to.not.match(/node_modules|\.js:\d|\/work\/|TypeError|undefined is not|\[object Object\]/)
    expect(worked() - begun, what).to.be.lessThan(2000)
    // A quota that was made would turn what follows away before it is looked at.
    if (operation.path.startsWith('/sys/quotas/rate-limit/') && reply.status === 204)
      expect((await server.call('DELETE', `/v1${path}`)).status, what).to.equal(204)
  }

  it('CVE-2021-45042: takes or refuses whatever is put into it, in time, and never fails over it', async function () {
    this.timeout(240_000)
    expect(operations.length).to.be.greaterThan(100)
    for (const operation of operations)
      for (const value of hostile) {
        for (const field of operation.fields) await send(operation, { [field]: value })
        const text = typeof value === 'string' ? value.slice(0, 3000) : JSON.stringify(value)
        for (const name of operation.names) await send(operation, {}, { [name]: text })
      }
    // Among what was put in was that no key may be made so.
    await server.data('POST', 'transit/config/keys', { disable_upsert: false })
    const encrypted = await server.call('POST', '/v1/transit/encrypt/after', { plaintext: 'YQ==' })
    expect(encrypted.status, encrypted.text).to.equal(200)
    const { data } = encrypted.body as {
      readonly data: { readonly ciphertext: string }
    }
    expect(data.ciphertext).to.match(/^vault:v1:/)
    expect(Object.hasOwn(Object.prototype, 'polluted')).to.equal(false)
  })

  it('CVE-2023-3774: takes or refuses all fields at once, and the server lives', async function () {
    this.timeout(120_000)
    for (const operation of operations)
      for (const value of hostile)
        await send(operation, Object.fromEntries(operation.fields.map((field) => [field, value])))
  })
})
