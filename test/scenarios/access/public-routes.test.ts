import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const list = 'test/scenarios/access/public-routes.txt'
const parts: Readonly<Record<string, string>> = { GET: 'get', POST: 'post', DELETE: 'delete', PATCH: 'patch' }

/** A route becomes public only together with a line in the list: nobody finds out from an attacker that one was added. */
describe('routes without a token', () => {
  let server: TestServer
  let paths: Readonly<Record<string, Readonly<Record<string, Body>>>>
  const listed = readFileSync(list, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#')) // prettier-ignore
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/totp', { type: 'totp' })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
    await server.data('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
    await server.data('POST', 'sys/auth/cert', { type: 'cert' })
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    paths = ((body['data'] ?? body) as { readonly paths: typeof paths }).paths
  })
  after(async () => server.running.stop())

  const operations = (): (readonly [verb: string, path: string, documented: Body])[] =>
    Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(parts).flatMap(([verb, key]) => (item[key] ? [[verb, path.slice(1), item[key]] as const] : [])),
    )

  it('CVE-2021-42135: are those of the checked-in list, as documented', () => {
    const documented = operations().filter(([, , operation]) => operation['security'] === undefined)
    expect(documented.map(([verb, path]) => `${verb} ${path}`).sort()).to.deep.equal([...listed].sort())
  })

  it('CVE-2021-42135: are those of the checked-in list, by the responses without a valid token', async () => {
    const answered = new Set<string>()
    for (const [verb, path] of operations())
      for (const token of ['', 'none']) {
        const url = `/v1/${path.replaceAll(/\{\w+\}/g, 'x')}`
        const body = verb === 'POST' || verb === 'PATCH' ? {} : undefined
        const type = verb === 'PATCH' ? { 'Content-Type': 'application/merge-patch+json' } : {}
        const { status } = await server.call(verb, url, body, { 'X-Vault-Token': token, ...type })
        if (status !== 403) answered.add(`${verb} ${path}`)
      }
    // Their token is the wrapping token, in the header or in the body: another is none, and that is 400.
    const ownToken = ['POST sys/wrapping/unwrap', 'POST sys/wrapping/rewrap']
    expect([...answered].filter((one) => ![...listed, ...ownToken].includes(one))).to.deep.equal([])
  })
})
