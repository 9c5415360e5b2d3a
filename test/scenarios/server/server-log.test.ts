import { existsSync, readFileSync, readdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { events } from '../../../src/core/telemetry/events.ts'
import { certificateFiles } from '../../support/certificate.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { ProcessServer } from '../../support/processes/process-server.ts'

type Line = Readonly<Record<string, string | number | undefined>>

/** Waits for something that another process does. */
async function until(done: () => boolean): Promise<void> {
  for (let at = 0; at < 600 && !done(); at++) await new Promise((resolve) => setTimeout(resolve, 25))
  expect(done(), 'it did not happen within 15 seconds').to.equal(true)
}

describe("the server's own log", function () {
  this.timeout(60_000)
  const servers: ProcessServer[] = []
  const serverOf = (more: string, env: Readonly<Record<string, string>> = {}): ProcessServer => {
    const server = new ProcessServer(['audit'], more, env)
    servers.push(server)
    return server
  }
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.kill()
  })
  const parsed = (text: string): Line[] => text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Line) // prettier-ignore
  const told = (text: string): string[] => parsed(text).flatMap((line) => (line['@event'] === undefined ? [] : [line['@event'] as string])) // prettier-ignore

  it('has the events of a server in JSON throughout, and nothing secret', async () => {
    const server = serverOf('log_format = "json"\nlog_level = "trace"\nmax_lease_ttl = "9h"')
    await server.start()
    const canary = 'Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5'
    await server.init()
    expect((await server.call('PUT', 'sys/init', { secret_shares: 3, secret_threshold: 2 })).status).to.equal(400)
    expect((await server.call('PUT', 'sys/unseal', { key: 'YWJj' })).status).to.equal(400)
    for (const key of [server.keys[0], canary.slice(0, 44)]) await server.call('PUT', 'sys/unseal', { key })
    await server.call('PUT', 'sys/unseal', { key: server.keys[0] })
    await server.call('PUT', 'sys/unseal', { reset: true })
    expect((await server.unseal()).status).to.equal(200)
    const rotation = await server.done('PUT', 'sys/rotate/root/init', { secret_shares: 3, secret_threshold: 2 })
    const nonce = (rotation['data'] as Line | undefined)?.['nonce'] ?? rotation['nonce']
    await server.call('PUT', 'sys/rotate/root/update', { key: server.keys[0], nonce: canary })
    await server.done('PUT', 'sys/rotate/root/update', { key: server.keys[0], nonce })
    const made = await server.done('PUT', 'sys/rotate/root/update', { key: server.keys[1], nonce })
    const fresh = JSON.stringify(made).match(/[0-9a-f]{66}/g) ?? []
    expect(fresh.length).to.equal(3)
    const begun = await server.done('PUT', 'sys/generate-root-token/attempt', {})
    const otp = JSON.stringify(begun).match(/"otp":"([^"]+)"/)?.[1] ?? ''
    expect(otp).to.have.length.greaterThan(20)
    await server.done('DELETE', 'sys/generate-root-token/attempt')
    await server.done('PUT', 'sys/rotate')
    await server.done('PUT', 'sys/seal')
    server.signal('SIGHUP')
    await until(() => server.serverLog.includes('"reloaded"'))
    writeFileSync(server.config, `${readFileSync(server.config, 'utf8')}\nmax_lease_ttl = "1h"\nnonsense = 1\n`)
    server.signal('SIGHUP')
    await until(() => server.serverLog.includes('"reload_failed"'))
    await server.kill('SIGTERM')

    expect(told(server.serverLog)).to.deep.equal([
      'starting', 'started', 'initialized', 'initialize_failed', 'unseal_refused', 'share_accepted', 'unseal_refused', 'share_accepted', 'unseal_reset', 'share_accepted', 'unsealed',
      'key_shares_started', 'key_shares_refused', 'key_shares_progress', 'key_shares_done', 'key_shares_started', 'key_shares_cancelled', 'encryption_key_rotated', 'sealed', 'reloaded', 'reload_failed', 'stopping', 'stopped',
    ]) // prettier-ignore
    const [starting] = parsed(server.serverLog)
    expect(starting).to.include({ config: server.config, storage: 'level', path: server.data, seal: 'shamir', audit: 'file audit/', listeners: 'http://127.0.0.1:0' }) // prettier-ignore
    const failed = parsed(server.serverLog).find((line) => line['@event'] === 'reload_failed')
    expect(String(failed?.['why'])).to.match(/strongroom\.hcl:\d+: [^"]*"max_lease_ttl" is set twice/)
    for (const secret of [server.token, ...server.keys, ...fresh, otp, canary, nonce as string])
      for (const form of [secret, Buffer.from(secret, 'hex').toString('base64')])
        if (form.length > 7) expect(server.serverLog, secret).to.not.include(form)
  })

  it('has one event for an unseal that a changed audit log prevents', async () => {
    const server = serverOf('log_format = "json"')
    await server.start()
    await server.init()
    await server.unseal()
    await server.kill('SIGTERM')
    truncateSync(join(server.folder, 'audit.log'))
    await server.start()
    expect((await server.unseal()).status).to.equal(400)
    expect(told(server.serverLog).filter((name) => /^unseal_(refused|failed)$/.test(name))).to.deep.equal(['unseal_failed'])
  }) // prettier-ignore

  it('has plain lines unless configured otherwise, also by the environment', async () => {
    const plain = serverOf('')
    await plain.start()
    await plain.kill('SIGTERM')
    const lines = plain.serverLog.split('\n').filter((line) => /^\d{4}-/.test(line))
    expect(lines[0]).to.match(/^\d{4}-\d\d-\d\dT[0-9:.]+Z \[INFO\] {2}core: the server starts: version="/)
    expect(lines.at(-1)).to.match(/Z \[INFO\] {2}core: the server has stopped$/)
    const quiet = serverOf('log_level = "debug"', { VAULT_LOG_LEVEL: 'trace', BAO_LOG_LEVEL: 'error' })
    await quiet.start()
    await quiet.kill('SIGTERM')
    expect(quiet.serverLog).to.match(/^==> strongroom listens on [^\n]*\n$/)
    const json = serverOf('', { BAO_LOG_FORMAT: 'json' })
    await json.start()
    await json.kill('SIGTERM')
    expect(told(json.serverLog)).to.include.members(['starting', 'started', 'stopped'])
  })

  it('is kept in a file as well, which rotates, and is opened again on SIGHUP', async () => {
    const folder = temporaryFolder()
    const server = serverOf(`log_file = "${folder}/"\n log_rotate_bytes = 400\n log_rotate_max_files = 2\n log_rotate_duration = "48h"\nlog_format = "json"`)
    await server.start()
    await server.init()
    for (let at = 0; at < 6; at++) await server.call('PUT', 'sys/unseal', { key: `YW\n${at}` })
    const live = join(folder, 'strongroom.log')
    renameSync(live, `${live}.moved`)
    server.signal('SIGHUP')
    await until(() => server.serverLog.includes('"reloaded"'))
    await server.kill('SIGTERM')
    expect(told(readFileSync(live, 'utf8')).at(-1)).to.equal('stopped')
    const names = readdirSync(folder).filter((name) => name.startsWith('strongroom-'))
    expect(names).to.have.length(2)
    for (const name of names) for (const line of readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean)) expect(() => JSON.parse(line) as unknown).to.not.throw()
  }) // prettier-ignore

  it('has the reason of a start that fails, in JSON and in its file', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'own.log')
    const listener = 'listener "tcp" { address = "127.0.0.1:0" tls_cert_file = "/no/such.crt" tls_key_file = "/no/such.key" }'
    const said = async (more: string): Promise<string> => {
      const server = serverOf(`${listener}\n${more}`)
      const failure = await server.start().then(() => '', (thrown: unknown) => (thrown as Error).message) // prettier-ignore
      expect(failure).to.match(/^the server ended/)
      return server.serverLog
    }
    const json = await said(`log_format = "json"\nlog_file = "${file}"`)
    expect(told(json)).to.deep.equal(['starting', 'start_failed'])
    expect(String(parsed(json)[1]?.['why'])).to.include('/no/such.crt (tls_cert_file): there is no such file')
    expect(told(readFileSync(file, 'utf8'))).to.deep.equal(['starting', 'start_failed'])
    const plain = await said('')
    expect(plain.match(/no\/such\.crt/g), 'told once').to.have.length(1)
    expect(await said('log_file = "/no/such/folder/x.log"')).to.match(/\/no\/such\/folder\/x\.log \(log_file\): there is no such folder; create it/)
    const inData = serverOf('')
    writeFileSync(inData.config, `${readFileSync(inData.config, 'utf8')}log_file = "${inData.data}/x.log"\n`)
    expect(await inData.start().then(() => '', () => inData.serverLog)).to.match(/folder of the storage/)
    expect(existsSync(join(inData.data, 'x.log'))).to.equal(false)
  }) // prettier-ignore

  it('continues without its file when the disk is full, and logs that once', async () => {
    const server = serverOf('log_file = "/dev/full"\nlog_format = "json"')
    await server.start()
    await server.init()
    expect((await server.unseal()).status).to.equal(200)
    await server.kill('SIGTERM')
    expect(told(server.serverLog).filter((name) => name === 'log_file_failed')).to.have.length(1)
    expect(told(server.serverLog)).to.include('unsealed')
  })

  it('logs certificates near their end, and failed handshakes at debug', async () => {
    const files = certificateFiles({ ends: 1000 })
    const server = serverOf(`log_format = "json"\nlog_level = "debug"\nlistener "tcp" { address = "127.0.0.1:0" tls_cert_file = "${files.cert}" tls_key_file = "${files.key}" }`) // prettier-ignore
    await server.start()
    const started = parsed(server.serverLog).find((line) => line['@event'] === 'started')
    const port = Number(/https:\/\/127\.0\.0\.1:(\d+)/.exec(String(started?.['addresses']))?.[1])
    const socket = connect(port, '127.0.0.1', () => socket.end('GET / HTTP/1.1\r\n\r\n'))
    socket.on('error', () => {})
    await until(() => server.serverLog.includes('"tls_failed"'))
    await server.kill('SIGTERM')
    expect(parsed(server.serverLog).find((line) => line['@event'] === 'certificate_expires')).to.include({ '@level': 'warn', file: files.cert, days: 0 }) // prettier-ignore
    expect(parsed(server.serverLog).find((line) => line['@event'] === 'tls_failed')).to.include({ '@level': 'debug', from: '127.0.0.1' }) // prettier-ignore
  })

  it('has its events in docs/operations.md', () => {
    const page = readFileSync('docs/operations.md', 'utf8')
    for (const [name, { level, when }] of Object.entries(events))
      expect(page, name).to.include(`| \`${name}\` | ${level} | ${when} |`)
  })
})
