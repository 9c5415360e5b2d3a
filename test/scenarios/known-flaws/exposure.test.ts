import { expect } from 'chai'
import { openLevelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { worked } from '../../support/processes/processor-time.ts'

const nowhere = { 'X-Vault-Token': '' }

describe('the HTTP surface', () => {
  let server: TestServer
  before(async () => {
    server = await openLevelServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv-v2' })
    await server.data('POST', 'kv/data/mine/a', { data: { a: 1 } })
    await server.data('POST', 'kv/data/yours', { data: { b: 2 } })
    await server.data('POST', 'sys/mounts/old', { type: 'kv' })
  })
  after(async () => server.running.stop())

  it('CVE-2021-3282, CVE-2022-36129, CVE-2021-27668: without a token only the status of the server is available', async () => {
    const closed = [
      ['GET', 'sys/mounts'], ['GET', 'sys/auth'], ['GET', 'sys/audit'], ['PUT', 'sys/audit/x'], ['PUT', 'sys/audit-hash/x'],
      ['LIST', 'sys/policies/acl'], ['GET', 'sys/policies/acl/default'], ['PUT', 'sys/policies/acl/x'], ['GET', 'sys/policy'],
      ['PUT', 'sys/seal'], ['PUT', 'sys/step-down'], ['PUT', 'sys/rotate'], ['GET', 'sys/key-status'], ['POST', 'sys/remount'],
      ['PUT', 'sys/rekey/init'], ['DELETE', 'sys/rekey/init'], ['PUT', 'sys/generate-root/attempt'], ['DELETE', 'sys/generate-root/attempt'],
      ['POST', 'sys/tools/random'], ['POST', 'sys/tools/hash'], ['POST', 'sys/capabilities'], ['POST', 'sys/capabilities-self'],
      ['GET', 'sys/internal/ui/namespaces'], ['GET', 'sys/internal/ui/resultant-acl'], ['GET', 'sys/internal/ui/mounts/kv'],
      ['GET', 'sys/config/auditing/request-headers'], ['POST', 'auth/token/create'], ['GET', 'auth/token/lookup-self'], ['LIST', 'auth/token/accessors'],
      ['GET', 'cubbyhole/x'], ['GET', 'kv/data/mine/a'], ['GET', 'kv/config'], ['GET', 'old/x'], ['GET', 'none/x'], ['GET', 'sys/none'],
    ] as const // prettier-ignore
    for (const [verb, path] of closed) {
      const body = verb === 'PUT' || verb === 'POST' ? {} : undefined
      expect((await server.call(verb, `/v1/${path}`, body, nowhere)).status, `${verb} ${path}`).to.be.oneOf([403, 405])
    }
  })

  it('CVE-2026-3605: an encoded ".." in a path reaches no neighbour', async () => {
    const token = await server.tokenWith(
      'path "kv/+/mine/*" { capabilities = ["create", "read", "update", "delete", "list"] }',
    )
    const spellings = [
      'mine/%2e%2e/yours',
      'mine/%2E%2E/yours',
      'mine%2f%2e%2e%2fyours',
      'mine/.%2e/yours',
      'mine/a/%2e%2e/%2e%2e/yours',
    ]
    for (const place of ['data', 'metadata', 'destroy', 'undelete', 'delete'])
      for (const path of spellings)
        for (const verb of ['DELETE', 'POST', 'GET']) {
          const body = verb === 'POST' ? { versions: [1], data: {} } : undefined
          const { status } = await server.call(verb, `/v1/kv/${place}/${path}`, body, { 'X-Vault-Token': token })
          expect(status, `${verb} ${place} ${path}`).to.be.within(400, 405)
        }
    const { data, metadata } = await server.data('GET', 'kv/data/yours')
    expect(data).to.deep.equal({ b: 2 })
    expect(metadata).to.include({ version: 1, deletion_time: '', destroyed: false })
  })

  it('GHSA-rh46-vc3j-w2w3: no header, body or verb makes one operation into another', async () => {
    const token = await server.tokenWith('path "kv/data/mine/*" { capabilities = ["read"] }')
    for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', 'X-Vault-Operation'])
      for (const verb of ['DELETE', 'PUT', 'rollback', 'renew', 'revoke', 'alias-lookahead']) {
        const reply = await server.call('GET', '/v1/kv/data/mine/a', undefined, {
          'X-Vault-Token': token,
          [name]: verb,
        })
        expect(reply.status).to.equal(200)
      }
    for (const body of [{ operation: 'read' }, { _method: 'GET' }])
      expect((await server.call('POST', '/v1/kv/data/mine/a', body, { 'X-Vault-Token': token })).status).to.equal(403)
    for (const verb of ['COPY', 'LOCK', 'MERGE', 'PROPFIND', 'PURGE', 'REPORT'])
      expect((await server.call(verb, '/v1/kv/data/mine/a')).status, verb).to.equal(405)
    expect((await server.data('GET', 'kv/data/mine/a'))['data']).to.deep.equal({ a: 1 })
  })

  it('CVE-2021-45042: keys and values of any size and any bytes never stop the server', async () => {
    const names = ['', '%00', '%ff%fe', 'a'.repeat(65_536), `${'d/'.repeat(300)}x`, '%F0%9F%94%91', '%2e', ' ', '//']
    for (const name of names)
      for (const verb of ['POST', 'GET', 'LIST', 'DELETE']) {
        const body = verb === 'POST' ? { value: 'x'.repeat(1024 * 1024) } : undefined
        const done = await server.call(verb, `/v1/old/${name.replaceAll(' ', '%20')}`, body).catch(() => undefined)
        expect(done?.status ?? 400, `${verb} ${name.slice(0, 20)}`).to.be.lessThan(500)
      }
    expect((await server.call('GET', '/v1/sys/health')).status).to.equal(200)
  })

  it('CVE-2026-39396: a compressed body is refused before a byte of it is unpacked', async () => {
    for (const coding of ['gzip', 'br', 'zstd', 'deflate', 'gzip, gzip']) {
      const headers = { 'X-Vault-Token': server.token, 'Content-Encoding': coding }
      expect((await server.call('POST', '/v1/old/packed', '{"a":1}', headers)).status, coding).to.equal(415)
    }
    expect((await server.call('GET', '/v1/old/packed')).status).to.equal(404)
  })

  it('CVE-2025-6203, CVE-2025-59043: a body that is small but hard to read is refused at once, with or without a token', async () => {
    const bombs = [
      `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
      `{"a":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`,
      `{"a":[${'{},'.repeat(300_000)}{}]}`,
      `{${Array.from({ length: 100_000 }, (_, at) => `"${at}":0`).join(',')}}`,
    ]
    for (const bomb of bombs)
      for (const headers of [nowhere, { 'X-Vault-Token': server.token }]) {
        const begun = worked()
        const { status } = await server.call('POST', '/v1/old/bomb', bomb, headers)
        expect(status).to.equal(400)
        expect(worked() - begun, bomb.slice(0, 20)).to.be.lessThan(500)
      }
  })

  it('CVE-2026-55775: no namespace is found under a name that could mean the root one', async () => {
    for (const name of ['ROOT', 'sys', '.', '..', '%2e', 'a/../', 'no/such']) {
      const headers = { 'X-Vault-Token': server.token, 'X-Vault-Namespace': name }
      expect((await server.call('GET', '/v1/sys/mounts', undefined, headers)).status, name).to.be.within(400, 404)
    }
  })
})
