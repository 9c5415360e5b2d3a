import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { operationsOf } from '../../support/requests/operations.ts'
import type { Operation } from '../../support/requests/operations.ts'
import { devServer, openLevelServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const merge = { 'Content-Type': 'application/merge-patch+json' }
const nobody = {}

describe('known flaws: requests without a token or without rights', () => {
  let server: TestServer
  let operations: readonly Operation[]
  before(async () => {
    server = await devServer()
    for (const type of ['transit', 'totp', 'kv']) await server.data('POST', `sys/mounts/${type}`, { type })
    for (const type of ['userpass', 'approle', 'jwt', 'kubernetes', 'cert', 'ldap'])
      await server.data('POST', `sys/auth/${type}`, { type })
    const document = await server.call('GET', '/v1/sys/internal/specs/openapi')
    operations = operationsOf((document.body['data'] ?? document.body) as Body)
  })
  after(async () => server.running.stop())

  it('CVE-2020-25594: every route that needs a token answers as a mount that is not there, whatever the verb', async function () {
    this.timeout(60_000)
    const listed = readFileSync('test/scenarios/access/public-routes.txt', 'utf8')
    const empty = await server.tokenWith('path "nowhere" { capabilities = ["read"] }')
    let asked = 0
    for (const headers of [nobody, { 'X-Vault-Token': 's.nonsense' }, { 'X-Vault-Token': empty }])
      for (const verb of ['GET', 'LIST', 'SCAN', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const more = { ...headers, ...(verb === 'PATCH' && merge) }
        const body = /P/.test(verb) ? {} : undefined
        const shown = ({ status, text }: Reply): string => `${status} ${text}`
        const absent = shown(await server.call(verb, '/v1/none/x', body, more))
        for (const path of new Set(operations.map((one) => one.path))) {
          if (new RegExp(`^\\w+ ${path.slice(1).replaceAll(/[{}/]/g, '\\$&')}$`, 'm').test(listed)) continue
          // The token of these is the wrapping token, which another token is not.
          if (/^\/sys\/wrapping\/|\/sys\/internal\/ui\/resultant-acl/.test(path)) continue
          asked++
          const url = `/v1${path.replaceAll(/\{\w+\}/g, 'x')}`
          expect(shown(await server.call(verb, url, body, more)), `${verb} ${path} ${JSON.stringify(headers)}`).to.equal(absent)
        }
      }
    expect(asked).to.be.greaterThan(2000)
  }) // prettier-ignore

  it('CVE-2023-3774, CVE-2021-45042: an unconfigured login method refuses every login, and the server keeps running', async () => {
    const values = ['', ' ', 'a\u0000b', 'x'.repeat(70_000), 'eyJhbGciOiJub25lIn0.e30.', '\ud83d\ude00', null, true, -1, 1e300, [], {}, [null], { a: [] }] // prettier-ignore
    for (const { path, method, fields } of operations.filter((one) => /^\/auth\/(?:jwt|approle|userpass|kubernetes|cert|ldap)\//.test(one.path)))
      for (const value of values)
        for (const token of ['root', '']) {
          const wish = Object.fromEntries(fields.filter((name) => name !== 'jwks_url' && name !== 'oidc_discovery_url').map((name) => [name, value]))
          const headers = { 'X-Vault-Token': token, ...(method === 'PATCH' && merge) }
          const url = `/v1${path.replaceAll(/\{\w+\}/g, 'none')}`
          const { status, text } = await server.call(method, url, method === 'GET' ? undefined : wish, headers)
          expect(status, `${method} ${path} ${JSON.stringify(value).slice(0, 40)} ${text}`).to.be.lessThan(500)
        }
    for (const [path, body] of [
      ['auth/jwt/login', { role: 'x', jwt: 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA' }],
      ['auth/jwt/oidc/auth_url', { role: 'x', redirect_uri: 'http://localhost:8250/oidc/callback' }],
      ['auth/jwt/oidc/callback', { state: 'x', code: 'y' }],
      ['auth/approle/login', { role_id: 'x', secret_id: 'y' }],
      ['auth/userpass/login/x', { password: 'y' }],
    ] as const)
      expect((await server.call('POST', `/v1/${path}`, body, nobody)).status, path).to.equal(400)
    expect((await server.call('GET', '/v1/sys/health', undefined, nobody)).status).to.equal(200)
  }).timeout(60_000) // prettier-ignore
})

describe('known flaws: the operations with key shares', () => {
  // The real server asks for no sudo here, and neither do we: the right to the very path is what lets somebody begin one.
  it('CVE-2026-5807: need a policy, are cancelled by their nonce only, and are in the audit log, refused or not', async () => {
    const server = await openLevelServer()
    const other = await server.tokenWith('path "sys/rotate" { capabilities = ["update", "sudo"] }')
    const starts = [
      ['sys/generate-root-token/attempt', {}],
      ['sys/rotate/root/init', { secret_shares: 3, secret_threshold: 2 }],
    ] as const
    for (const [path, body] of starts) {
      const right = await server.tokenWith(`path "${path}" { capabilities = ["create", "read", "update", "delete"] }`)
      for (const token of ['', 's.none', other])
        for (const [method, sent] of [['PUT', body], ['POST', body], ['DELETE', undefined]] as const)
          expect((await server.call(method, `/v1/${path}`, sent, { 'X-Vault-Token': token })).status, `${method} ${path}`).to.equal(403)
      const as = { 'X-Vault-Token': right }
      const begun = await server.call('PUT', `/v1/${path}`, body, as)
      const { nonce } = (begun.body['data'] ?? begun.body) as { readonly nonce: string }
      expect(nonce, begun.text).to.match(/^[0-9a-f-]{36}$/)
      const again = await server.call('PUT', `/v1/${path}`, body, as)
      expect(again.status, 'a second one does not replace the first').to.equal(400)
      for (const wrong of ['?nonce=x', `?nonce=${nonce.slice(0, -1)}`, '?nonce=00000000-0000-0000-0000-000000000000'])
        expect((await server.call('DELETE', `/v1/${path}${wrong}`, undefined, as)).status, wrong).to.equal(400)
      expect(JSON.stringify((await server.call('GET', `/v1/${path}`, undefined, as)).body)).to.include(nonce)
      expect((await server.call('DELETE', `/v1/${path}?nonce=${nonce}`, undefined, as)).status, path).to.be.oneOf([200, 204])
    }
    for (const path of ['sys/rekey/init', 'sys/generate-root/attempt'])
      expect((await server.call('PUT', `/v1/${path}`, {}, nobody)).status, path).to.equal(405)
    await server.running.stop()
    const lines = readFileSync(join(server.folder, 'audit.log'), 'utf8').trim().split('\n')
      .map((line) => JSON.parse(line) as { readonly type: string; readonly error?: string; readonly request?: { readonly path: string } })
    const linesOf = (path: string, type: string): number => lines.filter((line) => line.type === type && line.request?.path === path).length
    for (const [path] of starts)
      for (const type of ['request', 'response']) expect(linesOf(path, type), `${path} ${type}`).to.equal(9 + 7)
    for (const path of ['sys/rekey/init', 'sys/generate-root/attempt'])
      for (const type of ['request', 'response']) expect(linesOf(path, type), `${path} ${type}`).to.equal(1)
  }) // prettier-ignore
})
