import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { parse } from 'yaml'
import { parsePrometheus } from '../../reference/prometheus.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { certificateFiles } from '../../support/certificate.ts'
import { ProcessServer } from '../../support/processes/process-server.ts'

describe('metrics over HTTP', function () {
  this.timeout(60_000)
  const servers: ProcessServer[] = []
  /** A server whose first listener is given. */
  const serverOf = (listener: string, more = '', minFree = ''): ProcessServer => {
    const server = new ProcessServer(['audit'], more)
    servers.push(server)
    const text = readFileSync(server.config, 'utf8')
    writeFileSync(
      server.config,
      text.replace('tls_disable = true', `tls_disable = true ${listener}`).replace('" }', `" ${minFree} }`),
    )
    return server
  }
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.kill()
  })
  const open = 'telemetry { unauthenticated_metrics_access = true }'
  const scraped = async (server: ProcessServer) => {
    const answer = await fetch(`${server.address}/v1/sys/metrics?format=prometheus`)
    expect(answer.status).to.equal(200)
    expect(answer.headers.get('content-type')).to.match(/^text\/plain; version=0\.0\.4/)
    return parsePrometheus(await answer.text())
  }
  type Scrape = Awaited<ReturnType<typeof scraped>>
  const value = (scrape: Scrape, name: string): number | undefined => scrape.get(name)?.samples[0]?.value

  it('show whether the server is sealed, without a token if configured', async () => {
    const server = serverOf(open)
    await server.start()
    expect(value(await scraped(server), 'vault_core_unsealed')).to.equal(0)
    await server.init()
    await server.call('PUT', 'sys/unseal', { key: server.keys[0] })
    expect(value(await scraped(server), 'vault_core_unseal_progress')).to.equal(1)
    await server.call('PUT', 'sys/unseal', { key: server.keys[1] })
    const unsealed = await scraped(server)
    expect([value(unsealed, 'vault_core_unsealed'), value(unsealed, 'vault_core_active'), value(unsealed, 'vault_core_unseal_progress')]).to.deep.equal([1, 1, 0])
    await server.done('PUT', 'sys/seal')
    const sealed = await scraped(server)
    expect([value(sealed, 'vault_core_unsealed'), value(sealed, 'vault_core_active')]).to.deep.equal([0, 0])
    expect((await server.call('GET', 'sys/health')).status).to.equal(503)
    expect((await server.call('GET', 'sys/seal-status')).body).to.include({ sealed: true })
  }) // prettier-ignore

  it('are for tokens only otherwise, and only while unsealed', async () => {
    const server = serverOf('')
    await server.start()
    await server.init()
    expect((await server.call('GET', 'sys/metrics')).status).to.equal(503)
    await server.unseal()
    expect((await server.call('GET', 'sys/metrics', undefined, '')).status).to.equal(403)
    expect((await server.call('GET', 'sys/metrics')).status).to.equal(200)
  })

  it('have histograms of the requests that add up, and the build, the event loop, disks and certificates', async () => {
    const files = certificateFiles({ ends: 5000 })
    const server = serverOf(open, `listener "tcp" { address = "127.0.0.1:0" tls_cert_file = "${files.cert}" tls_key_file = "${files.key}" }`) // prettier-ignore
    await server.start()
    await server.init()
    await server.unseal()
    for (let at = 0; at < 20; at++) await server.call('GET', 'sys/mounts')
    const scrape = await scraped(server)
    const requests = scrape.get('vault_core_handle_request')
    expect(requests?.type).to.equal('histogram')
    const reads = requests?.samples.filter(({ labels }) => labels['operation'] === 'read' && labels['outcome'] === 'ok') ?? []
    expect(reads.find(({ name }) => name.endsWith('_count'))?.value).to.be.at.least(20)
    expect(scrape.get('vault_build_info')?.samples[0]?.labels).to.include({ version: '0.1.0', node: process.version })
    for (const name of ['vault_storage_free_bytes', 'vault_storage_total_bytes', 'vault_runtime_sys_bytes']) expect(value(scrape, name), name).to.be.greaterThan(0)
    expect(value(scrape, 'vault_storage_writable')).to.equal(1)
    expect(value(scrape, 'vault_runtime_event_loop_delay_max_seconds')).to.be.within(0, 30)
    const expiry = (value(scrape, 'vault_tls_certificate_expiry_seconds') ?? 0) - Date.now() / 1000
    expect(expiry).to.be.within(4800, 5001)
    const [certificate] = scrape.get('vault_tls_certificate_expiry_seconds')?.samples ?? []
    expect(certificate?.labels['file']).to.match(/^[^/]+$/)
  }) // prettier-ignore

  it('tell that the storage cannot be written, while status and health answer', async () => {
    const server = serverOf(open)
    await server.start()
    await server.init()
    await server.kill('SIGTERM')
    const text = readFileSync(server.config, 'utf8')
    writeFileSync(server.config, text.replace(`path = "${server.data}"`, `path = "${server.data}" min_free_bytes = 999999999999999`)) // prettier-ignore
    await server.start()
    const scrape = await scraped(server)
    expect(value(scrape, 'vault_storage_writable')).to.equal(0)
    expect(value(scrape, 'vault_core_unsealed')).to.equal(0)
    expect((await server.call('GET', 'sys/seal-status')).body).to.include({ sealed: true, initialized: true })
    expect((await server.call('GET', 'sys/health')).status).to.equal(503)
  })

  it('count tokens, leases and entities of all namespaces, seldom, and the queues', async () => {
    const server = serverOf(open, 'telemetry { usage_gauge_period = "1h" }')
    await server.start()
    await server.init()
    expect([...(await scraped(server)).keys()]).to.not.include('vault_token_count')
    await server.unseal()
    await server.done('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.done('POST', 'auth/userpass/users/anna', { password: 'a long passphrase' })
    await server.done('POST', 'auth/userpass/login/anna', { password: 'a long passphrase' })
    await server.done('POST', 'sys/namespaces/team')
    for (let at = 0; at < 3; at++) await server.done('POST', 'team/auth/token/create', {})
    const counts = (scrape: Scrape) => ['vault_token_count', 'vault_expire_num_leases', 'vault_identity_num_entities'].map((name) => value(scrape, name)) // prettier-ignore
    const scrape = await scraped(server)
    // The root token has no lease.
    expect(counts(scrape)).to.deep.equal([5, 4, 1])
    expect(scrape.get('vault_runtime_worker_queue_length')?.samples.map(({ labels }) => labels['pool'])).to.deep.equal(['heavy', 'slow', 'hashing']) // prettier-ignore
    expect(scrape.get('vault_audit_log_queue_length')?.samples.map(({ labels }) => labels['path'])).to.deep.equal(['audit/']) // prettier-ignore
    expect(value(scrape, 'vault_storage_queue_length')).to.be.at.least(0)
    await server.done('POST', 'auth/token/create', {})
    expect(counts(await scraped(server))).to.deep.equal([5, 4, 1])
    await server.done('PUT', 'sys/seal')
    expect([...(await scraped(server)).keys()]).to.not.include('vault_token_count')
    await server.unseal()
    expect(counts(await scraped(server))).to.deep.equal([6, 5, 1])
  })

  it('have the names and the selection that telemetry gives them', async () => {
    const server = serverOf(open, 'telemetry { metrics_prefix = "bank" usage_gauge_period = "none" filter_default = false prefix_filter = ["+bank.core", "-bank.core.handle_request", "+bank.token"] }') // prettier-ignore
    await server.start()
    await server.init()
    await server.unseal()
    const names = [...(await scraped(server)).keys()]
    expect(names.toSorted()).to.deep.equal(['bank_core_active', 'bank_core_in_flight_requests', 'bank_core_requests', 'bank_core_unseal_progress', 'bank_core_unsealed']) // prettier-ignore
  })

  it('are told, with health and seal status, when the storage cannot be written any more', async function () {
    // Its audit lines go to a pipe, which has no limit.
    const server = new ProcessServer([], 'audit "file" "out" { options { file_path = "stdout" } }')
    servers.push(server)
    writeFileSync(server.config, readFileSync(server.config, 'utf8').replace('tls_disable = true', `tls_disable = true ${open}`)) // prettier-ignore
    await server.start()
    await server.init()
    await server.unseal()
    await server.done('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '1' } })
    await server.done('POST', 'secret/a', { value: 'kept' })
    expect(value(await scraped(server), 'vault_storage_writable')).to.equal(1)
    // As on a disk that refuses every write: no file may grow.
    if (spawnSync('prlimit', ['--pid', String(server.pid), '--fsize=0']).status !== 0)
      return leaveOut(this, 'prlimit (util-linux)')
    expect((await server.call('POST', 'secret/b', { value: 'lost' })).status).to.be.at.least(500)
    expect(value(await scraped(server), 'vault_storage_writable')).to.equal(0)
    expect((await server.call('GET', 'sys/seal-status')).status).to.equal(200)
    expect((await server.call('GET', 'sys/health')).status).to.be.oneOf([200, 503])
    await server.kill()
    await server.start()
    await server.unseal()
    expect((await server.call('GET', 'secret/a')).body['data']).to.deep.equal({ value: 'kept' })
    expect(value(await scraped(server), 'vault_storage_writable')).to.equal(1)
    return undefined
  })

  it('cover the queries of the shipped alerts and the dashboard', async () => {
    const files = certificateFiles()
    const server = serverOf(open, `listener "tcp" { address = "127.0.0.1:0" tls_cert_file = "${files.cert}" tls_key_file = "${files.key}" }`) // prettier-ignore
    await server.start()
    await server.init()
    await server.unseal()
    const backup = { storage_type: 'aws-s3', interval: '1h', aws_s3_bucket: 'abc', aws_s3_region: 'a', aws_s3_endpoint: 'https://127.0.0.1:1', aws_s3_force_path_style: true, aws_access_key_id: 'a', aws_secret_access_key: 'a' } // prettier-ignore
    await server.done('POST', 'sys/storage/raft/snapshot-auto/config/nightly', backup)
    const scrape = await scraped(server)
    const names = new Set([...scrape.values()].flatMap(({ samples }) => samples.map(({ name }) => name)))
    const alerts = parse(readFileSync('config/monitoring/alerts.yml', 'utf8')) as { readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[] } // prettier-ignore
    const board = JSON.parse(readFileSync('config/monitoring/dashboard.json', 'utf8')) as { readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[] } // prettier-ignore
    const asked = [
      ...alerts.groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
      ...board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ]
    expect(asked).to.have.length.greaterThan(20)
    for (const expr of asked)
      for (const [name] of expr.matchAll(/\bvault_\w+/g)) expect([...names], `${name} of ${expr}`).to.include(name)
    for (const expr of asked.filter((one) => !one.startsWith('up{'))) expect(expr).to.match(/\bvault_/)
  })
})
