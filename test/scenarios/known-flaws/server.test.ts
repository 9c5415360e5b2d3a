import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { keyTypes } from '../../../src/crypto/keys/key-types.ts'
import { EncryptedBarrier } from '../../../src/barrier/barrier.ts'
import { startServer } from '../../../src/server/start.ts'
import { MemoryStorage } from '../../../src/storage/memory.ts'
import { Secret } from '../../../src/util/secret.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { Shell } from '../../cli/support.ts'
import { TestServer, devServer } from '../../support/server.ts'
import type { Body } from '../../support/server.ts'
import { worked } from '../../support/processes/processor-time.ts'

/** Flaws that others have had, tried on a whole server. Each is named by its number. */
describe('known flaws of others', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(async () => server.running.stop())

  /** Small in bytes, large in memory or time. */
  const bombs = [
    '['.repeat(500_000),
    `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`,
    `[${'{},'.repeat(500_000)}{}]`,
    `{"a":[${'[],'.repeat(500_000)}[]]}`,
    `{${Array.from({ length: 200_000 }, (_, at) => `"k${at}":1`).join(',')}}`,
    `{"a":[${Array.from({ length: 300_000 }, (_, at) => `"${at}"`).join(',')}]}`,
    `{"a":${'1'.repeat(1_000_000)}}`,
    `{"a":[${'"",'.repeat(1_000_000)}""]}`,
    `{"a":[${'1,'.repeat(1_000_000)}1]}`,
    `{${'"a":1,'.repeat(1_000_000)}"a":1}`,
    `{"a":"${'\\u0000'.repeat(1_000_000)}`,
  ]

  it('CVE-2025-6203, CVE-2025-59043: bodies that are small but hard to read are refused at once, with a token and without', async () => {
    for (const headers of [{ 'X-Vault-Token': server.token }, {}] as Readonly<Record<string, string>>[])
      for (const bomb of bombs) {
        const begun = worked()
        const reply = await server.call('POST', '/v1/transit/encrypt/k', bomb, headers)
        expect(reply.status, bomb.slice(0, 20)).to.be.within(400, 413)
        expect(worked() - begun, bomb.slice(0, 20)).to.be.lessThan(500)
      }
    // One huge text is easy to read: it is a matter of its size alone.
    expect((await server.call('POST', '/v1/sys/tools/hash', { input: 'A'.repeat(3_000_000) })).status).to.equal(200)
  })

  it('Vault 2.0.0: a token of more than 8 KiB, two tokens, and unclean paths get nowhere', async () => {
    const told = async (path: string, headers: Readonly<Record<string, string>>) =>
      (await server.call('GET', path, undefined, headers)).status
    expect(await told('/v1/sys/mounts', { 'X-Vault-Token': 'x'.repeat(8193) })).to.equal(400)
    expect(await told('/v1/sys/mounts', { 'X-Vault-Token': `${server.token}, ${server.token}` })).to.equal(400)
    for (const path of ['/v1//sys/mounts', '/v1/sys//mounts', '/v1/sys/./mounts', '/v1/sys/x/../mounts'])
      expect(await told(path, { 'X-Vault-Token': server.token }), path).to.be.oneOf([307, 400])
  })

  it('CVE-2026-39396: compressed bodies are refused unread', async () => {
    for (const encoding of ['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip']) {
      const headers = { 'X-Vault-Token': server.token, 'Content-Encoding': encoding }
      expect((await server.call('POST', '/v1/transit/keys/k', 'x', headers)).status, encoding).to.equal(415)
    }
  })

  it('CVE-2021-3024: no response reveals an address, a path, a version or a module of the server', async () => {
    const host = new URL(server.running.address).host
    for (const path of ['/v1/none', '/v1/sys/mounts/none/tune', '/none', '/v1/%zz', '/v1//x', '/v1/auth/none/login']) {
      const { text, headers } = await server.call('GET', path, undefined, { Host: 'other', 'X-Vault-Token': 'wrong' })
      expect(text + JSON.stringify(headers), path).to.not.match(
        /127\.0\.0\.1|\/work\/|\/home\/|node|koa|\.js|\d+\.\d+\.\d+/i,
      )
      expect(text + JSON.stringify(headers), path).to.not.include(host)
    }
  })

  it('CVE-2021-3282, CVE-2022-36129, CVE-2021-27668: every route asks for a token, but for those on this list', async () => {
    const open = new Set([
      '/sys/init', '/sys/mfa/validate', '/sys/seal-status', '/sys/seal-backend-status', '/sys/unseal', '/sys/health', '/sys/leader', '/sys/ha-status', '/sys/decode-token',
      '/sys/internal/specs/openapi', '/sys/internal/ui/mounts', '/sys/internal/ui/mounts/', '/sys/internal/ui/mounts/{path}', '/sys/internal/ui/feature-flags', '/sys/internal/ui/namespaces', '/sys/internal/ui/resultant-acl',
      '/identity/oidc/.well-known/keys', '/identity/oidc/.well-known/openid-configuration',
      '/identity/oidc/provider/{name}/.well-known/keys', '/identity/oidc/provider/{name}/.well-known/openid-configuration', '/identity/oidc/provider/{name}/token', '/identity/oidc/provider/{name}/userinfo',
    ]) // prettier-ignore
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    const paths = ((body['data'] ?? body) as Body)['paths'] as Record<string, Body>
    expect(Object.keys(paths).length).to.be.greaterThan(80)
    for (const [path, item] of Object.entries(paths))
      for (const method of ['get', 'post', 'delete', 'patch'].filter((each) => each in item)) {
        if (open.has(path)) continue
        const more = method === 'patch' ? { 'Content-Type': 'application/merge-patch+json' } : {}
        const told = await server.call(method.toUpperCase(), `/v1${path.replace(/\{\w+\}/g, 'x')}`, '{}', more)
        const off = /^\/sys\/(rekey|generate-root)/.test(path)
        expect(told.status, `${method} ${path}: ${told.text}`).to.be.oneOf(off ? [403, 405] : [403])
      }
  })

  it('CVE-2026-3605: nobody leaves his folder of secrets by an encoded path', async () => {
    const token = await server.tokenWith(
      'path "secret/+/mine/*" { capabilities = ["create", "update", "read", "delete"] }',
    )
    await server.data('POST', 'secret/data/yours', { data: { a: 'b' } })
    const headers = { 'X-Vault-Token': token }
    for (const up of [
      '%2e%2e',
      '..',
      '%2E%2e',
      '.%2e',
      '%252e%252e',
      '..%2f..',
      '%2e%2e%2f',
      '..;',
      '..%5c',
      '%c0%ae%c0%ae',
    ])
      for (const kind of ['data', 'delete', 'undelete', 'destroy', 'metadata', 'subkeys'])
        for (const method of ['GET', 'POST', 'DELETE', 'LIST']) {
          const path = `/v1/secret/${kind}/mine/${up}/yours`
          const { status, text } = await server.call(
            method,
            path,
            method === 'POST' ? '{"versions":[1],"data":{}}' : undefined,
            headers,
          )
          expect(status === 200 && text.includes('"b"'), `${method} ${path}`).to.equal(false)
          expect(status, `${method} ${path}`).to.be.lessThan(500)
        }
    expect(await server.data('GET', 'secret/data/yours')).to.deep.include({ data: { a: 'b' } })
  })

  it('GHSA-rh46-vc3j-w2w3: inner operations cannot be asked for by any verb, header or body', async () => {
    for (const method of ['ROLLBACK', 'RENEW', 'REVOKE', 'HELP', 'ALIAS-LOOKAHEAD']) {
      const told = await server.call(method, '/v1/secret/data/x').catch(() => ({ status: 400 }))
      expect(told.status, method).to.be.within(400, 405)
    }
    for (const name of ['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method', 'X-Vault-Operation']) {
      const headers = { 'X-Vault-Token': server.token, [name]: 'DELETE' }
      await server.data('POST', 'secret/data/kept', { data: { a: '1' } })
      await server.call('POST', '/v1/secret/data/kept', { data: { a: '2' }, _method: 'DELETE' }, headers)
      expect(await server.data('GET', 'secret/data/kept'), name).to.deep.include({ data: { a: '2' } })
    }
  })

  it('CVE-2019-11075, CVE-2019-18617, 0.10.1: revocations and removals apply in every cache at once', async () => {
    const token = await server.tokenWith('path "secret/data/a" { capabilities = ["read"] }', { id: 'cached' })
    const read = async () =>
      (await server.call('GET', '/v1/secret/data/a', undefined, { 'X-Vault-Token': token })).status
    await server.data('POST', 'secret/data/a', { data: { a: 'b' } })
    expect(await read()).to.equal(200)
    await server.data('DELETE', 'secret/metadata/a')
    expect(await read()).to.equal(404)
    await server.data('POST', 'secret/data/a', { data: { a: 'c' } })
    expect(await read()).to.equal(200)
    const { policies } = (await server.data('POST', 'auth/token/lookup', { token })) as { readonly policies: string[] }
    await server.data('PUT', `sys/policies/acl/${policies.find((name) => name !== 'default')}`, {
      policy: 'path "x" { capabilities = ["read"] }',
    })
    expect(await read()).to.equal(403)
    await server.data('POST', 'auth/token/revoke', { token })
    expect(
      (await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })).status,
    ).to.equal(403)
  })

  it('1.0.2: a child is bound to the addresses of its parent', async () => {
    const made = await server.call('POST', '/v1/auth/token/create', { policies: ['root'], ttl: '1h' })
    const parent = (made.body['auth'] as { readonly client_token: string }).client_token
    await server.data('POST', 'auth/token/roles/far', {
      token_bound_cidrs: ['203.0.113.0/24'],
      allowed_policies: ['default'],
    })
    const far = await server.call('POST', '/v1/auth/token/create/far', {}, { 'X-Vault-Token': parent })
    const { client_token: bound } = far.body['auth'] as { readonly client_token: string }
    const used = await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': bound })
    expect(used.status).to.equal(403)
    await server.data('POST', 'auth/token/roles/near', { token_bound_cidrs: ['127.0.0.0/8'], orphan: false })
    const near = await server.call('POST', '/v1/auth/token/create/near', { policies: ['root'] })
    const { client_token: elder } = near.body['auth'] as { readonly client_token: string }
    const child = await server.call(
      'POST',
      '/v1/auth/token/create',
      { policies: ['default'] },
      { 'X-Vault-Token': elder },
    )
    const { accessor } = child.body['auth'] as { readonly accessor: string }
    const shown = await server.data('POST', 'auth/token/lookup-accessor', { accessor })
    expect(shown['bound_cidrs']).to.deep.equal(['127.0.0.0/8'])
  })

  it('0.8.2: a period is kept at every renewal, whatever is asked for, and ends at the explicit end', async () => {
    const made = await server.call('POST', '/v1/auth/token/create', { policies: ['default'], period: '1h' })
    const { client_token: token } = made.body['auth'] as { readonly client_token: string }
    for (const increment of [undefined, '10h', '1m', 0]) {
      const { body } = await server.call('POST', '/v1/auth/token/renew', {
        token,
        ...(increment !== undefined && { increment }),
      })
      expect((body['auth'] as { readonly lease_duration: number }).lease_duration).to.equal(3600)
    }
    const ending = await server.call('POST', '/v1/auth/token/create', { period: '1h', explicit_max_ttl: '30m' })
    const auth = ending.body['auth'] as { readonly client_token: string; readonly lease_duration: number }
    expect(auth.lease_duration).to.be.within(1, 1800)
    const again = await server.call('POST', '/v1/auth/token/renew', { token: auth.client_token })
    expect((again.body['auth'] as { readonly lease_duration: number }).lease_duration).to.be.within(1, 1800)
  })

  it('CVE-2026-55776: every type of key with every option is created or refused, and the next request works', async () => {
    // RSA of the larger sizes and SLH-DSA take seconds each, and have the same row of the table but for a number.
    const known = Object.keys(keyTypes).filter((type) => !/^(rsa-[34]|slh-dsa-(?!sha2-128f))/.test(type))
    const types = [...known, 'managed_key', 'none']
    let made = 0
    const either = [false, true]
    const options = either.flatMap((derived) =>
      either.flatMap((convergent_encryption) =>
        either.map((exportable) => ({ derived, convergent_encryption, exportable })),
      ),
    )
    for (const type of types)
      for (const option of options) {
        const path = `/v1/transit/keys/m-${type}-${Object.values(option).join('-')}`
        const wish = { type, ...option }
        const { status, text } = await server.call('POST', path, wish)
        expect(status, `${JSON.stringify(wish)} ${text}`).to.be.oneOf([200, 204, 400])
        if (status < 300) made++
        expect((await server.call('POST', `${path}/rotate`, {})).status, path).to.equal(status < 300 ? 200 : 400)
        expect((await server.call('GET', path)).status, path).to.equal(status < 300 ? 200 : 404)
        // The same of material that is none of that type: refused, and the name is free or as it was.
        const imported = await server.call('POST', `${path}/import`, { ...wish, ciphertext: 'AAAA' })
        expect(imported.status, path).to.equal(400)
        expect((await server.call('POST', `${path}/config`, {})).status, path).to.equal(status < 300 ? 200 : 400)
      }
    expect(made).to.be.greaterThan(80)
  }).timeout(60_000)
})

describe('known flaws of others: secrets in logs and errors', () => {
  it('GHSA-444v: an error that is printed shows no token', async () => {
    const secret = 'b'.repeat(40)
    const { out, err } = await new Shell({ VAULT_TOKEN: secret }).run('read -address=http://127.0.0.1:1 secret/a')
    expect(out + err).to.not.include(secret)
    expect(inspect(new Secret(secret), { depth: 9, showHidden: true })).to.not.include(secret)
    expect(`${String(new Secret(secret))}${JSON.stringify({ of: new Secret(secret) })}`).to.not.include(secret)
  })

  it('CVE-2020-13223, CVE-2018-19786: neither the environment nor key bytes reach the log', async () => {
    const secret = `pw-${randomBytes(8).toString('hex')}`
    process.env['HTTPS_PROXY'] = `http://user:${secret}@proxy:3128`
    process.env['VAULT_TOKEN'] = secret
    const written: string[] = []
    try {
      const running = await startServer({
        dev: { rootTokenId: 'root', listenAddress: '127.0.0.1:0' },
        logLevel: 'trace',
        log: (line) => void written.push(line),
      })
      const server = new TestServer(running, '', '')
      server.token = 'root'
      await server.data('PUT', 'sys/seal')
      const unfit = ['00'.repeat(33), '11'.repeat(33), Buffer.alloc(33, 7).toString('base64')]
      for (const key of [...unfit, '!!', secret]) {
        const { text } = await server.call('PUT', '/v1/sys/unseal', { key })
        expect(text).to.not.include(key)
      }
      await server.call('PUT', '/v1/sys/unseal', { key: running.unsealKey })
      await running.stop()
      expect(written).to.not.deep.equal([])
      for (const key of [...unfit, running.unsealKey ?? '']) expect(written.join('')).to.not.include(key)
    } finally {
      delete process.env['HTTPS_PROXY']
      delete process.env['VAULT_TOKEN']
    }
    expect(written.join('')).to.not.include(secret)
  })

  it('0.11.1: without randomness nothing is encrypted, and nothing is stored', async () => {
    let broken = false
    const random = (bytes: number): Uint8Array => {
      if (broken) throw new Error('no randomness')
      return randomBytes(bytes)
    }
    const storage = new MemoryStorage()
    const barrier = new EncryptedBarrier({ storage, clock: systemClock, random })
    const root = randomBytes(32)
    await barrier.initialise(root, [])
    await barrier.unseal(root)
    const rev = await storage.rev()
    broken = true
    const failed = await barrier
      .view('x/')
      .put('a', { secret: 1 })
      .then(
        () => false,
        () => true,
      )
    expect(failed).to.equal(true)
    expect(await storage.rev()).to.equal(rev)
  })
})
