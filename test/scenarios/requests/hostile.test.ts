import { connect } from 'node:net'
import { expect } from 'chai'
import { jsonLimits } from '../../../src/util/json-limits.ts'
import { openLevelServer, restarted, unseal } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

/** Sends bytes as they are and gives what comes back until the server ends or a second has passed. */
async function raw(server: TestServer, bytes: string | readonly string[]): Promise<string> {
  const { hostname, port } = new URL(server.running.address)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let answer = ''
    const done = (): void => {
      socket.destroy()
      resolve(answer)
    }
    const timer = setTimeout(done, 1000)
    socket.on('data', (part) => (answer += part.toString('latin1')))
    socket.on('close', () => (clearTimeout(timer), done()))
    socket.on('error', () => {})
    const parts = typeof bytes === 'string' ? [bytes] : bytes
    const send = (at: number): void => {
      if (at < parts.length) socket.write(parts[at] as string, () => setImmediate(() => send(at + 1)))
    }
    send(0)
  })
}

const statuses = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((found) => Number(found[1])).filter((status) => status !== 100)

describe('hostile requests', () => {
  let server: TestServer
  before(async () => {
    server = await openLevelServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/k', {})
  })
  after(async () => server.running.stop())

  const state = async (): Promise<string> =>
    JSON.stringify([
      await server.data('GET', 'sys/mounts'),
      await server.data('LIST', 'sys/policies/acl'),
      await server.data('LIST', 'transit/keys'),
      await server.data('GET', 'sys/auth'),
    ])

  it('CVE-2021-3024, CVE-2023-3774: each of 300 gets a 4xx without details within a second, and changes nothing', async function () {
    this.timeout(60_000)
    const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    const bodies = [
      '{', '}', '[', '"', '{"a"', '{"a":', '{"a":}', '{a:1}', "{'a':1}", '{"a":1,}', '[]', '[1]', '"x"', '5', 'true', '{"a":01}', '{"a":1}{"b":2}', '{"a":1} x', '\ufeff{}', '{"a":NaN}', '{"a":"\u0001"}', '{"a":"\\x"}',
      '{"a":1,"a":2}', '{"a":{"b":1,"b":2}}', `{"a":${deep(100)}}`, `{"a":${deep(100_000)}}`, `{"a":[${'{},'.repeat(30_000)}{}]}`, `{${Array.from({ length: 60_000 }, (_, at) => `"k${at}":1`).join(',')}}`, `{"a":${'9'.repeat(5000)}}`,
      '{"plaintext":5.5e999}', '{"a":"\\ud800"}', 'x'.repeat(jsonLimits.bytes + 1), `{"type":"${'x'.repeat(100_000)}"}`, '{"type":"nonsense"}', '{"type":["kv"]}', '{"type":null}', '{"type":{}}', '{"config":"x","type":"transit"}', '{"type":"transit","config":{"default_lease_ttl":"-1h"}}', '{"type":"transit","options":{"version":"9"}}',
    ] // prettier-ignore
    const targets = [
      'sys/mounts/evil',
      'sys/policies/acl/evil',
      'auth/token/roles/evil!',
      'transit/encrypt/-',
      'sys/remount',
      'sys/audit-hash/none',
      'sys/rotate/config-',
    ]
    const paths = [
      '/v1/%',
      '/v1/%zz',
      '/v1/sys/%00',
      '/v1/sys/mounts/%0a',
      '/v1/sys/mounts/a%7f',
      '/v1/%2e%2e/sys',
      '/v1/sys/%2e%2e/%2e%2e/x',
      '/v1/a/%2e',
      '/v1/..%2f',
      '/v1/\u00a0',
      '/v1/sys/mounts/%ff%fe',
      `/v1/${'a'.repeat(9000)}`,
      '/v1/transit/keys/a%20b',
      '/v1/transit/keys/..',
      '/v1/transit/keys/%2e%2e%2f',
      '/v1/none',
      '/v2/sys/health',
      '/ui',
      '/v1',
      '/V1/sys/health',
      '/v1x/',
      '/v1/sys/mounts?list=maybe',
      '/v1/transit/keys?list=true&scan=true',
      '/v1/transit/keys/k?%zz',
    ]
    const headers: readonly Readonly<Record<string, string>>[] = [
      { 'X-Vault-Token': 'x'.repeat(8193) },
      { 'X-Vault-Token': 'a, b' },
      { 'X-Vault-Token': 'nonsense' },
      { Authorization: 'Bearer nonsense' },
      { Authorization: 'bearer root' },
      { 'X-Vault-Wrap-TTL': 'soon', 'X-Vault-Token': server.token },
      { 'X-Vault-Wrap-TTL': '-5', 'X-Vault-Token': server.token },
      { 'Content-Encoding': 'gzip', 'X-Vault-Token': server.token },
      { 'X-Vault-Token': `${server.token} x` },
      {},
    ]
    const before = await state()
    let count = 0
    const judge = async (
      what: string,
      method: string,
      path: string,
      body?: string,
      more?: Readonly<Record<string, string>>,
    ): Promise<void> => {
      // A busy machine may be late once: none of these changes anything, so it may be sent again.
      let [took, tries] = [Infinity, 0]
      while (took >= 1500 && tries++ < 3) {
        const begun = performance.now()
        const reply = await server.call(method, path, body, more).catch((thrown: unknown) => ({
          status:
            (thrown as { code?: string }).code === 'ECONNRESET' || (thrown as { code?: string }).code === 'EPIPE'
              ? 413
              : 0,
          text: String(thrown),
        }))
        took = performance.now() - begun
        expect(reply.status, `${what}: ${reply.text.slice(0, 200)}`).to.be.within(300, 499)
        expect(reply.text, what).to.not.match(/\/work|node_modules|at .*\.js|strongroom-test/)
      }
      expect(took, what).to.be.lessThan(1500)
      count++
    }
    for (const target of targets)
      for (const body of bodies) await judge(`POST ${target} ${body.slice(0, 60)}`, 'POST', `/v1/${target}`, body)
    for (const path of paths) await judge(`GET ${path.slice(0, 80)}`, 'GET', path.replace('\u00a0', '%C2%A0'))
    for (const more of headers)
      await judge(
        `headers ${JSON.stringify(more).slice(0, 80)}`,
        'POST',
        '/v1/sys/mounts/evil',
        '{"type":"transit"}',
        more,
      )
    for (const method of ['PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'COPY', 'LOCK', 'PROPFIND'])
      await judge(`${method} sys/mounts`, method, '/v1/sys/mounts')
    expect(count).to.be.greaterThan(299)
    expect(await state()).to.equal(before)
  })

  it('CVE-2023-6337: a body over the limit is refused with and without Content-Length', async () => {
    const big = `{"a":"${'x'.repeat(jsonLimits.bytes)}"}`
    const declared = await raw(
      server,
      `POST /v1/sys/mounts/x HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\nContent-Length: 99999999\r\n\r\n`,
    )
    expect(statuses(declared)).to.deep.equal([413])
    const chunked = await raw(
      server,
      `POST /v1/sys/mounts/x HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\nTransfer-Encoding: chunked\r\n\r\n${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`,
    )
    expect(statuses(chunked)[0]).to.equal(413)
  })

  it('LIST works over keep-alive, after other requests, and split at every byte', async function () {
    this.timeout(60_000)
    const list = `LIST /v1/transit/keys HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\n\r\n`
    const last = list.replace('Host: a', 'Host: a\r\nConnection: close')
    const get = `GET /v1/sys/seal-status HTTP/1.1\r\nHost: a\r\n\r\n`
    expect(await raw(server, last)).to.match(/^HTTP\/1\.1 200[^]*"keys":\["k"\]/)
    for (let at = 1; at < 12; at++)
      expect(statuses(await raw(server, [last.slice(0, at), last.slice(at)])), `split at ${at}`).to.deep.equal([200])
    expect(
      statuses(
        await raw(server, `SCAN /v1/transit/keys HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\n\r\n`),
      )[0],
    ).to.be.within(400, 499)
    const { hostname, port } = new URL(server.running.address)
    const socket = connect(Number(port), hostname)
    let answers = ''
    socket.on('data', (part) => (answers += part.toString('latin1')))
    for (const [at, request] of [get, list, get, list, list, get].entries()) {
      socket.write(request)
      for (let turns = 0; turns < 400 && statuses(answers).length <= at; turns++)
        await new Promise((resolve) => setTimeout(resolve, 5))
    }
    socket.destroy()
    expect(statuses(answers)).to.deep.equal([200, 200, 200, 200, 200, 200])
  })

  it('a body that looks like a LIST request is a body', async () => {
    const inner = `LIST /v1/sys/policies/acl HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\n\r\n`
    const answer = await raw(
      server,
      `POST /v1/sys/tools/hash HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    )
    expect(statuses(answer)).to.deep.equal([400])
  })

  it('nobody can ask for a list by naming the inner header', async () => {
    const answer = await raw(
      server,
      `GET /v1/transit/keys HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\nx-verb: LIST\r\nX-HTTP-Method-Override: LIST\r\n\r\n`,
    )
    expect(statuses(answer)).to.deep.equal([405])
  })

  it('broken framing ends the connection with a fixed answer', async () => {
    for (const bytes of [
      'GARBAGE\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
      'POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
      `GET / HTTP/1.1\r\n${'x: y\r\n'.repeat(5000)}\r\n`,
    ]) {
      const answer = await raw(server, bytes)
      expect(statuses(answer)[0], bytes.slice(0, 40)).to.be.within(400, 499)
      expect(answer).to.not.match(/node|stack|at /i)
    }
  })

  it('CVE-2023-2121: no response may be cached or sniffed', async () => {
    for (const path of ['/v1/sys/health', '/v1/sys/mounts', '/v1/none', '/none']) {
      const { headers } = await server.call('GET', path)
      expect(headers['cache-control'], path).to.equal('no-store')
      expect(headers['x-content-type-options'], path).to.equal('nosniff')
      expect(headers['content-type'], path).to.equal('application/json')
    }
  })

  it('requests with more headers than Node keeps are refused', async () => {
    const many = 'x: y\r\n'.repeat(100)
    const asked = (more: string) =>
      `GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\n${more}Connection: close\r\n\r\n`
    // Newer releases of Node refuse them themselves.
    expect(statuses(await raw(server, asked(`${many}X-Vault-Wrap-TTL: 60\r\n`)))[0]).to.be.oneOf([400, 431])
    expect(await raw(server, asked('x: y\r\n'.repeat(90)))).to.match(/^HTTP\/1\.1 200/)
  })
  it('a hundred other spellings of a token are refused', async () => {
    const token = await server.tokenWith('path "sys/mounts" { capabilities = ["read"] }')
    const [head = '', claims = '', signature = ''] = token.split('.')
    const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object
    const flipped = (text: string, at: number): string =>
      text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
    const spread = (text: string): number[] =>
      Array.from({ length: 25 }, (_, at) => Math.floor((at * text.length) / 25))
    const variants = [
      ...spread(head).map((at) => `${flipped(head, at)}.${claims}.${signature}`),
      ...spread(claims).map((at) => `${head}.${flipped(claims, at)}.${signature}`),
      ...spread(signature).map((at) => `${head}.${claims}.${flipped(signature, at)}`),
      ...['none', 'None', 'HS256', 'ES256', 'RS256', '', null, 7].map((alg) => `${json({ alg, typ: 'JWT' })}.${claims}.${signature}`),
      ...['none', 'HS256'].map((alg) => `${json({ alg })}.${claims}.`),
      `${json({ alg: 'EdDSA', crit: ['x'], x: 1 })}.${claims}.${signature}`,
      `${json({ alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AA' } })}.${claims}.${signature}`,
      `${head}.${json({ ...said, exp: 9e9 })}.${signature}`,
      `${head}.${claims}`, `${head}.${claims}.`, `${head}..${signature}`, `.${claims}.${signature}`, `${token}.`, `${token}.${signature}`, `.${token}`,
      `${token}=`, `${token}==`, `${token}%20`, `"${token}"`, `${token},${token}`, `Bearer ${token}`, token.toUpperCase(), token.replaceAll('-', '+').replaceAll('_', '/') + '=',
      json({ payload: claims, signature, protected: head }), 'null', '{}', '[]', '0', '-', '..', '...', '../sys', 'root\t', 's.', 'b.', 'hvs.', 'x'.repeat(8192), 'é', '%00', `${json({ zip: 'DEF', alg: 'EdDSA' })}.${claims}.${signature}`,
    ].filter((one) => one !== token) // prettier-ignore
    expect(variants.length).to.be.greaterThan(110)
    for (const one of variants) {
      const { status, text } = await server.call('GET', '/v1/sys/mounts', undefined, { 'X-Vault-Token': one })
      expect(status, one).to.be.oneOf([400, 403])
      expect(text, one).to.not.include(one.slice(0, 200))
    }
    expect((await server.call('GET', '/v1/sys/mounts', undefined, { 'X-Vault-Token': ` ${token} ` })).status).to.equal(
      200,
    )
  })

  it('fifty policies that cannot be enforced are refused with their line, and none is kept', async () => {
    const rule = (inside: string): string => `path "a" { ${inside} }`
    const policies = [
      'path', 'path "a"', 'path "a" {', 'path "a" }', 'path { }', "path 'a' { }", 'path "a" "b" { }', 'paths "a" { }', 'path "a" { capabilities }', rule('capabilities = "read'),
      rule('capabilities = ["reed"]'), rule('capabilities = ["READ"]'), rule('capabilities = [read]'), rule('capabilities = [5]'), rule('capabilities = {}'), rule('capabilities = [["read"]]'), rule('capability = ["read"]'),
      rule('policy = "admin"'), rule('policy = ["read"]'), rule('allowed_parameters = ["a"]'), rule('allowed_parameters = { a = "b" }'), rule('denied_parameters = 5'), rule('required_parameters = "a"'), rule('required_parameters = [1]'),
      rule('min_wrapping_ttl = "soon"'), rule('min_wrapping_ttl = -1'), rule('min_wrapping_ttl = "2h" max_wrapping_ttl = "1h"'), rule('max_wrapping_ttl = [1]'), rule('pagination_limit = "many"'), rule('pagination_limit = 1.5'),
      rule('expiration = "tomorrow"'), rule('expiration = -5'), rule('mfa_methods = ["x"]'), rule('control_group = {}'), rule('list_scan_response_keys_filter_path = "fixed"'), rule('nonsense = 1'), 'path "a/+*" { }', 'path "{{a" { }', 'path "a}}" { }', 'path "{{a{{b}}" { }',
      '{"path": 5}', '{"path": {"a": 5}}', '{"path": {"a": {"capabilities": "read"}}}', '{"path": {"a": {"capabilities": ["read"]}}', '[]', '5', '"x"', '\u0000', '/* open', `path "a" { capabilities = [${'['.repeat(2000)}`, 'x = <<E\nopen', ('a'.repeat(300_000)), 'path "a" { capabilities = ["read"] } }',
    ] // prettier-ignore
    expect(policies.length).to.be.greaterThan(50)
    for (const policy of policies)
      for (const sent of [policy, Buffer.from(policy).toString('base64')]) {
        const { status } = await server.call('PUT', '/v1/sys/policies/acl/hostile', { policy: sent })
        expect(status, policy.slice(0, 80)).to.equal(400)
      }
    expect((await server.call('GET', '/v1/sys/policies/acl/hostile')).status).to.equal(404)
  })

  it('a hundred invalid shares do not advance the unseal', async () => {
    const sealed = await restarted(server)
    server = sealed
    const [good = ''] = sealed.shares
    const bytes = Buffer.from(good, 'hex')
    const shares: readonly unknown[] = [
      // Vault's bounds: what has 16 to 33 bytes may be somebody's share, and counts until the set is complete.
      ...Array.from({ length: 16 }, (_, length) => 'ab'.repeat(length)),
      ...Array.from({ length: 60 }, (_, more) => 'ab'.repeat(34 + more)),
      ...Array.from({ length: 16 }, (_, length) => bytes.subarray(0, length).toString('base64')),
      good.slice(1), `${good}0`, `${good} x`, `0x${good}`, good.replace(/../g, '$&:'), 'zz'.repeat(33), (bytes.toString('base64').slice(0, -1)), `${bytes.toString('base64url')}!`, bytes.toString('latin1'),
      5, true, null, [], {}, [good], { key: good },
    ] // prettier-ignore
    expect(shares.length).to.be.greaterThan(100)
    for (const key of shares) {
      const { status, text } = await sealed.call('PUT', '/v1/sys/unseal', { key })
      expect(status, `${JSON.stringify(key)}: ${text}`).to.equal(400)
      expect((await sealed.call('GET', '/v1/sys/seal-status')).body, JSON.stringify(key)).to.include({
        progress: 0,
        sealed: true,
      })
    }
    await unseal(sealed)
    expect((await sealed.call('GET', '/v1/sys/seal-status')).body).to.include({ sealed: false })
  })
})
