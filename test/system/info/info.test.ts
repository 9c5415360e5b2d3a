import { expect } from 'chai'
import { Traffic } from '../../../src/core/telemetry/traffic.ts'
import { VersionHistory } from '../../../src/core/telemetry/version-history.ts'
import { Fault } from '../../../src/contract/fault.ts'
import { apiPath } from '../../../src/contract/request.ts'
import type { Request } from '../../../src/contract/request.ts'
import { Loggers } from '../../../src/util/log.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { devServer, openLevelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('the information about the server', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())

  it('lists the requests under way, the asking one among them, without token or body', async () => {
    const reply = await server.call('GET', '/v1/sys/in-flight-req')
    const [one] = Object.values(reply.body) as Readonly<Record<string, unknown>>[]
    expect(one).to.include({ request_path: '/v1/sys/in-flight-req', request_method: 'GET' })
    expect(reply.text).not.to.include('root')
  })

  it('shows memory, processors and disk as numbers', async () => {
    const level = await openLevelServer()
    const info = await level.data('GET', 'sys/host-info')
    const memory = info['memory'] as Readonly<Record<string, number>>
    expect(memory['total']).to.be.greaterThan(memory['free'] as number)
    const [disk] = info['disk'] as Readonly<Record<string, number>>[]
    expect(disk?.['total']).to.be.greaterThan(disk?.['free'] as number)
    await level.running.stop()
  })

  it('counts the tokens that there are', async () => {
    const total = async (): Promise<number> =>
      (
        (await server.data('GET', 'sys/internal/counters/tokens')) as {
          counters: { service_tokens: { total: number } }
        }
      ).counters.service_tokens.total
    const before = await total()
    const token = await server.tokenWith('path "a" { capabilities = ["read"] }')
    expect(await total()).to.equal(before + 1)
    await server.data('POST', 'auth/token/revoke', { token })
    expect(await total()).to.equal(before)
  })

  it('shows its configuration without the options of audit devices, and knows no storage path', async () => {
    const level = await openLevelServer()
    const reply = await level.call('GET', '/v1/sys/config/state/sanitized')
    expect(reply.body['data']).to.deep.include({
      storage: { type: 'level' },
      audits: [{ type: 'file', path: 'file/' }],
    })
    expect(reply.text).not.to.include(level.folder)
    await level.running.stop()
  })

  it('gives metrics as JSON, and to Prometheus in its own format by parameter or Accept header', async () => {
    const parts = await server.call('GET', '/v1/sys/metrics')
    expect(Object.keys(parts.body).sort()).to.deep.equal(['Counters', 'Gauges', 'Points', 'Samples', 'Timestamp'])
    for (const reply of [
      await server.call('GET', '/v1/sys/metrics?format=prometheus'),
      await server.call('GET', '/v1/sys/metrics', undefined, {
        'X-Vault-Token': 'root',
        Accept: 'application/openmetrics-text; version=1.0.0',
      }),
    ]) {
      expect(reply.headers['content-type']).to.match(/^text\/plain/)
      expect(reply.text).to.match(/^# TYPE vault_core_requests counter$/m)
      expect(reply.text).to.match(/^vault_core_requests\{operation="read",outcome="ok"\} [1-9]\d*$/m)
      expect(reply.text).to.match(/^vault_core_handle_request_count\{operation="read",outcome="ok"\} [1-9]\d*$/m)
      const heads = [...reply.text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
      expect(new Set(heads).size, 'each name once').to.equal(heads.length)
    }
    expect((await server.call('GET', '/v1/sys/metrics?format=xml')).status).to.equal(400)
  })

  it('reveals nothing of it to a token with the default policy', async () => {
    const { auth } = (await server.call('POST', '/v1/auth/token/create', { policies: ['default'] })).body
    const headers = { 'X-Vault-Token': (auth as { client_token: string }).client_token }
    for (const path of ['ha-status', 'host-info', 'in-flight-req', 'metrics', 'loggers', 'config/state/sanitized'])
      expect((await server.call('GET', `/v1/sys/${path}`, undefined, headers)).status, path).to.equal(403)
  })
})

describe('the traffic of a server', () => {
  const request = (id: string): Request => ({
    id,
    protocol: 'vault',
    operation: 'read',
    path: apiPath('secret/a') as Request['path'],
    namespace: '',
    data: {},
    credential: { kind: 'none' },
    client: { address: '127.0.0.1', port: 1 },
    headers: {},
  })

  it('counts by operation and outcome, and drops completed requests', () => {
    const clock = new HandClock()
    const traffic = new Traffic(clock)
    for (const [id, took, thrown] of [
      ['a', 5, undefined],
      ['b', 15, undefined],
      ['c', 1, new Fault('permission_denied', 'permission denied')],
      ['d', 0, new TypeError('a mistake of ours')],
    ] as const) {
      const asked = request(id)
      traffic.begin(asked)
      clock.advance(took)
      expect(traffic.inFlight().map(({ request: { id: open } }) => open)).to.deep.equal([id])
      traffic.end(asked, thrown)
    }
    expect(traffic.inFlight()).to.deep.equal([])
    expect(traffic.handled()).to.deep.equal([
      {
        operation: 'read',
        outcome: 'ok',
        count: 2,
        sum: 20,
        min: 5,
        max: 15,
        buckets: [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
      },
      {
        operation: 'read',
        outcome: 'permission_denied',
        count: 1,
        sum: 1,
        min: 1,
        max: 1,
        buckets: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      },
      {
        operation: 'read',
        outcome: 'internal',
        count: 1,
        sum: 0,
        min: 0,
        max: 0,
        buckets: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      },
    ])
  })
})

describe('the history of versions', () => {
  it('notes a release once, at its first opening', async () => {
    const view = (await openBarrier()).barrier.view('core/versions/')
    const clock = new HandClock()
    const first = await (await VersionHistory.open(view, clock)).list()
    clock.advance(60_000)
    expect(await (await VersionHistory.open(view, clock)).list()).to.deep.equal(first)
    expect(first).to.have.length(1)
    await view.put('0.0.1', { version: '0.0.1', buildDate: '2026-01-01', installedAt: 1 })
    const names = (await (await VersionHistory.open(view, clock)).list()).map(({ version }) => version)
    expect(names[0]).to.equal('0.0.1')
  })
})

describe('the levels of loggers', () => {
  it('change for one logger or all while they are in use, and go back to the configured one', () => {
    const lines: string[] = []
    const loggers = new Loggers(
      (line) => void lines.push(line),
      () => 0,
      { json: false, level: 'info' },
    )
    const [core, audit] = [loggers.named('core'), loggers.named('audit')]
    const speaking = (): string[] => {
      lines.length = 0
      for (const log of [core, audit]) log.info('hello')
      return lines.map((line) => line.slice(line.indexOf(']') + 1).trim())
    }
    expect(speaking()).to.deep.equal(['core: hello', 'audit: hello'])
    expect(loggers.set('warn', 'core')).to.equal(true)
    expect(speaking()).to.deep.equal(['audit: hello'])
    expect(loggers.set('error')).to.equal(true)
    expect(speaking()).to.deep.equal([])
    expect(loggers.set(undefined, 'core')).to.equal(true)
    expect(speaking()).to.deep.equal(['core: hello'])
    expect(loggers.set(undefined)).to.equal(true)
    expect(speaking()).to.have.length(2)
    expect(loggers.set('warn', 'nobody')).to.equal(false)
  })
})
