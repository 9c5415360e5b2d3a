import { once } from 'node:events'
import { connect } from 'node:net'
import { expect } from 'chai'
import { jsonLimits } from '../../../src/util/json-limits.ts'
import { operationsOf } from '../../support/requests/operations.ts'
import { openLevelServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

/** What no answer may tell: an address, a path of the host, a stack, a module, a version of what we are made of. */
const inside =
  /127\.0\.0\.1|\[::1\]|\/(work|home|root|tmp|usr|var|opt)\/|node_modules|node:|\bnode(\.js)?\/|koa|express|leveldb|openssl|\.[cm]?[jt]s\b|\bat \w+ \(|\bv?\d+\.\d+\.\d+\b/i

describe('the headers of responses', function () {
  this.timeout(5 * 60_000)
  let server: TestServer
  before(async () => (server = await openLevelServer()))
  after(async () => server.running.stop())

  const guarded = (what: string, { headers, status }: Pick<Reply, 'headers' | 'status'>): void => {
    const text = `${what}: ${status} ${JSON.stringify(headers)}`
    // Documents that are meant for everybody, and the same for all.
    const kept = /\.well-known\/openid-configuration/.test(what) && status === 200
    expect(headers['cache-control'], text).to.equal(kept ? 'max-age=3600' : 'no-store')
    expect(headers['x-content-type-options'], text).to.equal('nosniff')
    expect(headers['content-security-policy'], text)
      .to.include("default-src 'none'")
      .and.include("frame-ancestors 'none'")
    for (const name of ['server', 'x-powered-by', 'via']) expect(headers, text).to.not.have.property(name)
  }
  /** One request as bytes; the answer's head as it came. */
  const raw = async (bytes: string): Promise<Pick<Reply, 'headers' | 'status' | 'text'>> => {
    const { hostname, port } = new URL(server.running.address)
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.on('data', (part: Buffer) => (text += part.toString('latin1')))
    socket.on('error', () => {})
    socket.write(bytes)
    await once(socket, 'close')
    const [head = ''] = text.split('\r\n\r\n')
    const [line = '', ...lines] = head.split('\r\n')
    const headers = Object.fromEntries(lines.map((each) => [each.split(': ')[0]?.toLowerCase(), each.split(': ')[1]]))
    return { status: Number(line.split(' ')[1]), headers, text }
  }
  const broken = [
    'GARBAGE\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
    'POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
    `GET /v1/x HTTP/1.1\r\nHost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
    'POST /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nExpect: nonsense\r\nConnection: close\r\n\r\n',
    'GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
    'GET /v1/sys/mounts HTTP/1.1\r\nConnection: close\r\n\r\n',
    'GET http://other/v1/sys/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'GET /v1/sys/mounts HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n',
  ]

  it('CVE-2023-2121, CVE-2021-38554: no response of any route is cached, sniffed or framed', async () => {
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv-v2' })
    await server.data('POST', 'kv/data/x', { data: { a: '<script>alert(1)</script>' } })
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    const operations = operationsOf((body['data'] ?? body) as Body)
    expect(operations.length).to.be.greaterThan(200)
    const seen = new Set<number>()
    for (const { path, method } of operations) {
      const plain = `/v1${path.replaceAll(/\{\w+\}/g, 'x')}`
      for (const headers of [{ 'X-Vault-Token': server.token }, {}] as Readonly<Record<string, string>>[]) {
        // A DELETE or a change with the root token would take away what the next ones need.
        const more = method === 'GET' ? headers : {}
        const reply = await server.call(method, plain, method === 'GET' ? undefined : '{}', more)
        guarded(`${method} ${plain}`, reply)
        seen.add(reply.status)
        if (method !== 'GET') break
        for (const verb of ['LIST', 'SCAN', 'HEAD', 'OPTIONS']) guarded(`${verb} ${plain}`, await server.call(verb, plain, undefined, headers)) // prettier-ignore
      }
    }
    for (const status of [200, 400, 403, 404, 405]) expect([...seen]).to.include(status)
    for (const [method, path, data] of [
      ['GET', '/v1/sys/metrics?format=prometheus'],
      ['GET', '/v1/kv/data/x'],
      ['GET', '/v1/sys/health'],
      ['POST', '/v1/kv/data/y', { data: {} }],
      ['DELETE', '/v1/kv/data/y'],
      ['GET', '/v1//sys/mounts'],
      ['GET', '/none'],
      ['GET', '/'],
      ['GET', '/ui/x'],
      ['POST', '/v1/sys/unseal', 'x'.repeat(jsonLimits.bytes + 1)],
      ['POST', '/v1/sys/unseal', '{ broken'],
    ] as const)
      guarded(`${method} ${path}`, await server.call(method, path, data).catch(() => server.call('GET', '/v1/none')))
    for (const bytes of broken) guarded(bytes.slice(0, 60), await raw(bytes))
  })

  it('CVE-2021-3024: no response reveals an address, a path, a stack, a version or a module', async () => {
    const told: (readonly [string, Pick<Reply, 'headers' | 'text'>])[] = []
    for (const bytes of broken) told.push([bytes.slice(0, 60), await raw(bytes)])
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    // What tells its release on purpose, as clients expect it.
    const telling =
      /^\/sys\/(health|seal-status|version-history|internal\/specs|config\/state|leader|unseal|ha-status|host-info|metrics|init)/
    for (const { path, method } of operationsOf((body['data'] ?? body) as Body)) {
      if (telling.test(path)) continue
      const plain = `/v1${path.replaceAll(/\{\w+\}/g, '%ff')}`
      for (const [where, data] of [
        [plain, undefined],
        [plain.replaceAll('%ff', 'x'), '{"a":'],
        [plain.replaceAll('%ff', 'x'), '{"type":{},"name":[],"path":5}'],
        [`${plain.replaceAll('%ff', 'x')}?%zz`, undefined],
      ] as const)
        told.push([
          `${method} ${where}`,
          await server.call(method, where, data, {
            Host: 'other.example',
            'X-Vault-Token': 'wrong',
            'X-Vault-Wrap-TTL': 'x',
          }),
        ])
    }
    for (const [path, data] of [
      ['sys/unseal', '{"key":5}'],
      ['sys/unseal', '{"key":"zz"}'],
      ['sys/init', '{"secret_shares":"x"}'],
      ['sys/seal-status/x', '{}'],
      ['sys/health/../x', '{}'],
      ['sys/decode-token', '{"encoded_token":5}'],
    ] as const)
      told.push([`POST ${path}`, await server.call('POST', `/v1/${path}`, data, {})])
    expect(told.length).to.be.greaterThan(500)
    for (const [what, { text, headers }] of told) {
      const all = text.replace(/^HTTP\/1\.1/, '') + JSON.stringify(headers)
      expect(all, what).to.not.match(inside)
      expect(all, what).to.not.include(new URL(server.running.address).port)
    }
  })
})
