import { connect } from 'node:net'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { HandClock } from '../support/clock.ts'
import { devServer, openLevelServer, restarted, unseal } from '../support/server.ts'
import type { Reply, TestServer } from '../support/server.ts'

const names = async (server: TestServer): Promise<unknown> =>
  (await server.call('LIST', '/v1/sys/quotas/rate-limit')).body['data']

describe('rate-limit quotas', () => {
  let server: TestServer
  const clock = new HandClock()
  beforeEach(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/mounts/slow', { type: 'kv' })
  })
  afterEach(async () => server.running.stop())

  const limit = async (name: string, rule: object): Promise<number> =>
    (await server.call('POST', `/v1/sys/quotas/rate-limit/${name}`, { rate: 1, interval: '1h', ...rule })).status
  const statuses = async (...paths: string[]): Promise<number[]> => {
    const found: number[] = []
    for (const path of paths) found.push((await server.call('GET', `/v1/${path}`)).status)
    return found
  }

  it('the most specific one counts: a path, then the longest beginning, the mount, the whole server', async () => {
    for (const [name, path] of [
      ['mount', 'slow'],
      ['short', 'slow/a*'],
      ['long', 'slow/ab*'],
      ['exact', 'slow/abc'],
      // The last one: from here on it counts the calls that make quotas as well.
      ['all', ''],
    ] as const)
      expect(await limit(name, { path, rate: 2 }), name).to.equal(204)
    // Each has a counter of its own, so what uses one up leaves the others alone.
    expect(await statuses('slow/abc', 'slow/abc', 'slow/abc')).to.deep.equal([404, 404, 429])
    expect(await statuses('slow/abx', 'slow/aby', 'slow/abc/d')).to.deep.equal([404, 404, 429])
    expect(await statuses('slow/ax', 'slow/a', 'slow/ay')).to.deep.equal([404, 404, 429])
    expect(await statuses('slow/x', 'slow/y', 'slow/z')).to.deep.equal([404, 404, 429])
    expect(await statuses('secret/data/x', 'secret/data/x', 'secret/data/x')).to.deep.equal([404, 404, 429])
  })

  it('a refused response has Retry-After; every response has the remaining quota if so configured', async () => {
    await server.data('POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true })
    expect(await limit('q', { path: 'slow', rate: 2 })).to.equal(204)
    const first = await server.call('GET', '/v1/slow/a')
    expect(first.headers).to.include({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': '3600',
    })
    expect(first.headers['retry-after']).to.equal(undefined)
    await server.call('GET', '/v1/slow/a')
    clock.advance(600_000)
    const refused = await server.call('GET', '/v1/slow/a')
    expect(refused.status).to.equal(429)
    expect(refused.headers).to.include({ 'retry-after': '3000', 'x-ratelimit-remaining': '0' })
    await server.data('POST', 'sys/quotas/config', {})
    const silent = await server.call('GET', '/v1/slow/a')
    expect(silent.headers['retry-after']).to.equal('3000')
    expect(silent.headers['x-ratelimit-limit']).to.equal(undefined)
    clock.advance(3_000_000)
    expect(await statuses('slow/a')).to.deep.equal([404])
  })

  it('CVE-2025-12044: a request over the limit is refused before its body is read or its token looked at', async () => {
    expect(await limit('q', { path: 'slow' })).to.equal(204)
    await server.call('GET', '/v1/slow/a')
    expect((await server.call('PUT', '/v1/slow/a', '{ this is no JSON')).status).to.equal(429)
    expect((await server.call('PUT', '/v1/slow/a', {}, { 'X-Vault-Token': 'nonsense' })).status).to.equal(429)
    // A body that never comes: the answer does not wait for it.
    const { hostname, port } = new URL(server.running.address)
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write('POST /v1/slow/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{'),
      )
      socket.on('data', (data) => {
        resolve(data.toString())
        socket.destroy()
      })
      socket.on('error', reject)
    })
    expect(answer).to.match(/^HTTP\/1\.1 429 /)
  })

  it('exempt paths are never counted: exactly that path or below it, unless excluded again', async () => {
    expect(await limit('q', { path: 'slow' })).to.equal(204)
    await server.data('POST', 'sys/quotas/config', {
      rate_limit_exempt_paths: ['slow/free', 'slow/x*', '!slow/free/not'],
    })
    expect(await statuses('slow/free', 'slow/free', 'slow/free/a', 'slow/x1', 'slow/x2')).to.deep.equal(
      Array(5).fill(404),
    )
    expect(await statuses('slow/freedom', 'slow/free/not', 'slow/freedom')).to.deep.equal([404, 429, 429])
  })

  it('an empty entry among the exempt paths exempts nothing, and stops nobody', async () => {
    await server.data('POST', 'sys/quotas/config', { rate_limit_exempt_paths: ['', 'slow/free'] })
    expect((await server.data('GET', 'sys/quotas/config'))['rate_limit_exempt_paths']).to.deep.equal(['', 'slow/free'])
    expect(await limit('q', { path: 'slow' })).to.equal(204)
    expect(await statuses('slow/a', 'slow/a', 'slow/free', 'slow/free')).to.deep.equal([404, 429, 404, 404])
  })

  it('status and unseal work during a flood', async () => {
    expect(await limit('all', {})).to.equal(204)
    const flood = await statuses('secret/data/a', 'secret/data/a', 'sys/health', 'sys/health', 'sys/seal-status')
    expect(flood).to.deep.equal([404, 429, 200, 200, 200])
  })

  it('of two that are written at the same time for one path, one is refused', async () => {
    const made = await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => limit(name, { path: 'slow' })))
    expect(made.filter((status) => status === 204)).to.have.length(1)
    expect(made.filter((status) => status === 400)).to.have.length(3)
    expect(((await names(server)) as { keys: string[] }).keys).to.have.length(1)
  })

  it('a refused one changes nothing', async () => {
    expect(await limit('q', { path: 'slow', rate: 7 })).to.equal(204)
    for (const bad of [
      { rate: 0 },
      { rate: -1 },
      { rate: 'NaN' },
      { rate: 'Infinity' },
      { rate: '1e999' },
      { rate: true },
      { rate: [1] },
      { rate: null },
      { interval: -1 },
      { block_interval: 'soon' },
      { path: 'nowhere' },
      { path: 'slow', role: 'r' },
      { inheritable: 'maybe' },
    ])
      expect(await limit('q', bad), JSON.stringify(bad)).to.equal(400)
    for (const name of ['a/b', '.a', 'a%20b', 'a-']) expect(await limit(name, {}), name).to.equal(404)
    expect(await server.data('GET', 'sys/quotas/rate-limit/q')).to.include({ rate: 7, path: 'slow/', interval: 3600 })
    expect(await names(server)).to.deep.equal({ keys: ['q'] })
  })
})

describe('rate-limit quotas and their mounts', () => {
  it('follow a mount that moves, end with it, and are there after a restart', async () => {
    let server = await openLevelServer()
    await server.data('POST', 'sys/mounts/a', { type: 'kv' })
    await server.data('POST', 'sys/quotas/rate-limit/q', { rate: 1, interval: '1h', path: 'a/x' })
    await server.data('POST', 'sys/quotas/rate-limit/all', { rate: 1000 })
    await server.data('POST', 'sys/remount', { from: 'a', to: 'b' })
    expect(await server.data('GET', 'sys/quotas/rate-limit/q')).to.include({ path: 'b/x' })
    server = await restarted(server)
    await unseal(server)
    const statuses: number[] = []
    for (const path of ['b/x', 'b/x', 'b/y']) statuses.push((await server.call('GET', `/v1/${path}`)).status)
    expect(statuses).to.deep.equal([404, 429, 404])
    await server.data('DELETE', 'sys/mounts/b')
    expect((await server.call('GET', '/v1/sys/quotas/rate-limit/q')).status).to.equal(404)
    // A new mount at the same path is another one.
    await server.data('POST', 'sys/mounts/b', { type: 'kv' })
    expect(await names(server)).to.deep.equal({ keys: ['all'] })
    server = await restarted(server)
    await unseal(server)
    expect(await names(server)).to.deep.equal({ keys: ['all'] })
    await server.running.stop()
  })

  it('write refused requests to the audit log if so configured, without their unread bodies', async () => {
    const server = await openLevelServer()
    await server.data('POST', 'sys/mounts/a', { type: 'kv' })
    await server.data('POST', 'sys/quotas/rate-limit/q', { rate: 1, interval: '1h', path: 'a' })
    const lines = (): Reply['body'][] =>
      readFileSync(`${server.folder}/audit.log`, 'utf8')
        .split('\n')
        .filter((line) => line.includes('"a/secret"'))
        .map((line) => JSON.parse(line) as Reply['body'])
    const refused = async (): Promise<void> => {
      expect((await server.call('PUT', '/v1/a/secret', { value: 'hidden' })).status).to.equal(429)
    }
    await server.call('GET', '/v1/a/other')
    await refused()
    expect(lines()).to.have.length(0)
    await server.data('POST', 'sys/quotas/config', { enable_rate_limit_audit_logging: true })
    await refused()
    const [request, response] = lines()
    expect(request).to.include({ type: 'request', error: 'request path "a/secret": rate limit quota exceeded' })
    expect(request?.['request']).not.to.have.property('data')
    expect(response).to.include({ type: 'response' })
    await server.running.stop()
  })
})
