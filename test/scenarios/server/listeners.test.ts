import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { expect } from 'chai'
import { startServer } from '../../../src/server/start.ts'
import type { RunningServer } from '../../../src/server/start.ts'
import { certificate, certificateFiles } from '../../support/certificate.ts'
import { temporaryFolder } from '../../support/folder.ts'

const started: RunningServer[] = []

/** A server with this listener block, sealed. */
async function serve(listener: string, folder = temporaryFolder()): Promise<RunningServer> {
  const config = join(folder, 'c.hcl')
  const audit = `audit "file" "file" { options { file_path = "${folder}/audit.log" } }`
  writeFileSync(config, `storage "level" { path = "${folder}/data" }\n${listener}\n${audit}\n`)
  const server = await startServer({ config: [config], log: () => {} })
  started.push(server)
  return server
}

const refusal = async (listener: string): Promise<string> =>
  serve(listener).then(
    () => 'started',
    (thrown: unknown) => String(thrown),
  )

const tcp = (inside: string): string => `listener "tcp" {\n address = "127.0.0.1:0"\n ${inside}\n}`
const portOf = ({ listeners }: RunningServer): number => Number(listeners[0]?.split(':').at(-1))

/** Asks over what was sent first, and gives all that comes until the server hangs up. */
async function ask(port: number, bytes: string | Buffer, from = '127.0.0.1'): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from })
  let answer = ''
  socket.on('error', () => {}).on('data', (part: Buffer) => (answer += part.toString('latin1')))
  socket.write(bytes)
  await once(socket, 'close')
  return answer
}

const health = 'GET /v1/sys/seal-status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'

/** The answer over TLS, or why there is none. */
async function askTls(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  let answer = ''
  let failed = ''
  socket.on('error', (thrown) => (failed ||= thrown.message)).on('data', (part: Buffer) => (answer += part.toString()))
  let version = ''
  socket.on('secureConnect', () => (version = socket.getProtocol() ?? ''))
  socket.write(`${health}\r\n`)
  await new Promise((resolve) => socket.once('close', resolve))
  return answer === '' ? `refused: ${failed}` : `${version} ${answer}`
}

describe('a listener', () => {
  const { cert, key } = certificateFiles()
  const pair = `tls_cert_file = "${cert}" tls_key_file = "${key}"`
  afterEach(async () => {
    for (const server of started.splice(0)) await server.stop()
  })

  it('with tls_require_and_verify_client_cert responds only to clients with a certificate of those authorities', async () => {
    const ours = certificate({ name: 'client' })
    const foreign = certificate({ name: 'client' })
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'ca.pem'), ours.cert)
    const server = await serve(
      tcp(`${pair} tls_client_ca_file = "${folder}/ca.pem" tls_require_and_verify_client_cert = true`),
    )
    for (const minVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const version = { minVersion, maxVersion: minVersion }
      expect(await askTls(portOf(server), { ...ours, ...version }), minVersion).to.match(/ HTTP\/1\.1 200/)
      expect(await askTls(portOf(server), { ...foreign, ...version }), minVersion).to.match(/^refused/)
      expect(await askTls(portOf(server), version), minVersion).to.match(/^refused/)
    }
    writeFileSync(join(folder, 'ca.pem'), foreign.cert)
    await server.reload()
    expect(await askTls(portOf(server), foreign)).to.match(/ HTTP\/1\.1 200/)
    expect(await askTls(portOf(server), ours)).to.match(/^refused/)
  })

  it('uses the configured TLS versions and cipher suites, in the configured order of preference', async () => {
    const newest = await serve(tcp(`${pair} tls_min_version = "tls13"`))
    expect(await askTls(portOf(newest), { maxVersion: 'TLSv1.2' })).to.match(/^refused/)
    expect(await askTls(portOf(newest), {})).to.match(/^TLSv1\.3 /)
    const suites =
      'tls_cipher_suites = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"'
    const ciphers = 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384'
    for (const [order, chosen] of [['true', 'ECDHE-ECDSA-AES256-GCM-SHA384'], ['false', 'ECDHE-ECDSA-CHACHA20-POLY1305']] as const) {
      const older = await serve(tcp(`${pair} tls_max_version = "tls12" tls_prefer_server_cipher_suites = ${order} ${suites}`))
      expect(await askTls(portOf(older), { minVersion: 'TLSv1.3' })).to.match(/^refused/)
      expect(await askTls(portOf(older), { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).to.match(/^refused/)
      const socket = connectTls({ port: portOf(older), host: '127.0.0.1', rejectUnauthorized: false, ciphers })
      await once(socket, 'secureConnect')
      expect(socket.getCipher().name).to.equal(chosen)
      socket.destroy()
    } // prettier-ignore
  })

  it('refuses settings without effect, and plain HTTP beyond this machine without a second setting', async () => {
    const plain = (address: string, more = '') => `listener "tcp" { address = "${address}" tls_disable = true ${more} }`
    for (const address of ['0.0.0.0:0', '[::]:0', ':0', 'myhost:0', '127.1:0', '2130706433:0', '10.0.0.1:0', '[fe80::1]:0'])
      expect(await refusal(plain(address)), address).to.match(/c\.hcl:\d+: tls_disable = true on .*unsafe_allow_tls_disable_on_network/) // prettier-ignore
    for (const address of ['0.0.0.0:0', '127.0.0.1:0', '127.9.9.9:0', 'localhost:0'])
      expect(await refusal(plain(address, address.startsWith('0') ? 'unsafe_allow_tls_disable_on_network = true' : '')), address).to.equal('started') // prettier-ignore
    for (const [inside, why] of [
      [`${pair} tls_client_ca_file = "${cert}"`, /tls_client_ca_file has an effect only with/],
      [`${pair} tls_require_and_verify_client_cert = true`, /needs tls_client_ca_file/],
      [`${pair} tls_client_ca_file = "${cert}" tls_require_and_verify_client_cert = true tls_disable_client_certs = true`, /exclude each other/],
      [`${pair} tls_disable = true`, /leaves the other tls_ settings/], [`${pair} unsafe_allow_tls_disable_on_network = true`, /has an effect only with tls_disable/], ['tls_disable = true unsafe_allow_tls_disable_on_network = true', /no effect on 127/],
      [`${pair} tls_min_version = "tls13" tls_max_version = "tls12"`, /older than tls_min_version/], [`${pair} tls_cipher_suites = "RC4"`, /"RC4" is not offered/], [`${pair} tls_cipher_suites = " , "`, /tls_cipher_suites is empty/],
      [`${pair} tls_min_version = "tls13" tls_cipher_suites = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"`, /which tls_min_version excludes/], ['tls_disable = true cluster_address = "127.0.0.1:1"', /no cluster port/],
      ...['max_request_size', 'max_request_duration', 'http_read_header_timeout', 'http_read_timeout', 'http_idle_timeout'].map((name) => [`tls_disable = true ${name} = 0`, /at least 1|a second or more/] as const),
      ['tls_disable = true x_forwarded_for_hop_skips = 1', /needs x_forwarded_for_authorized_addrs/], ['tls_disable = true x_forwarded_for_authorized_addrs = " , "', /is empty/], ['tls_disable = true x_forwarded_for_authorized_addrs = ["a"]', /is not an address/],
      ['tls_disable = true proxy_protocol_behavior = "allow_authorized"', /needs proxy_protocol_authorized_addrs/], ['tls_disable = true proxy_protocol_authorized_addrs = "10.0.0.1"', /needs proxy_protocol_behavior/], ['tls_disable = true proxy_protocol_behavior = "use_always" proxy_protocol_authorized_addrs = "10.0.0.1"', /no effect/],
      ['tls_disable = true proxy_protocol_behavior = "use_always" x_forwarded_for_authorized_addrs = "10.0.0.1" x_forwarded_for_client_cert_header = "Client-Cert"', /"use_always" believes everybody/],
      ['tls_disable = true proxy_protocol_behavior = "maybe"', /is one of/], ['tls_disable = true telemetry { prefix_filter = [] }', /not a setting/], ['tls_disable = true http_write_timeout = 5', /not a setting/],
    ] as const)
      expect(await refusal(tcp(inside)), inside).to.match(why) // prettier-ignore
    for (const [setting, why] of [['cluster_addr = "https://a:1"', /no cluster port/], ['ui = true', /no web pages/], ['disable_mlock = false', /cannot be locked/], ['api_addr = ""', /not an empty one/], ['cluster_name = " "', /not an empty one/], ['max_lease_ttl = 0', /at least 1|a second or more/], ['default_lease_ttl = "0s"', /at least 1|a second or more/], ['default_lease_ttl = "2h"\nmax_lease_ttl = "1h"', /longer than/], ['pid_file = "/tmp/x"', /not a setting/], ['plugin_directory = "/tmp"', /not a setting/], ['telemetry { statsd_address = "x" }', /statsd_address: /], ['telemetry { disable_hostname = false }', /no host name/], ['telemetry { prometheus_retention_time = 0 }', /a second or more/]] as const)
      expect(await refusal(`${tcp('tls_disable = true')}\n${setting}`), setting).to.match(why) // prettier-ignore
    expect(await refusal(`${tcp('tls_disable = true')}\nui = false\ndisable_mlock = true`)).to.equal('started')
  })

  it('has the configured timeouts and maximum body size', async () => {
    const slow = await serve(tcp('tls_disable = true http_read_header_timeout = "1s" http_read_timeout = "1s" http_idle_timeout = "1s"')) // prettier-ignore
    expect(await ask(portOf(slow), 'GET /v1/sys/health HTTP/1.1\r\nX: ')).to.match(/^HTTP\/1\.1 408/)
    expect(await ask(portOf(slow), 'PUT /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{')).to.match(/^HTTP\/1\.1 408/)
    expect(await ask(portOf(slow), 'GET /v1/sys/seal-status HTTP/1.1\r\nHost: a\r\n\r\n')).to.match(/^HTTP\/1\.1 200/)
    const small = await serve(tcp('tls_disable = true max_request_size = 20'))
    const put = (body: string) => `PUT /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    expect(await ask(portOf(small), put('{"key":"aaaaaaaaaa"}'))).to.match(/^HTTP\/1\.1 400/)
    expect(await ask(portOf(small), put('{"key":"aaaaaaaaaaa"}'))).to.match(/^HTTP\/1\.1 413/)
  }) // prettier-ignore

  it('on a unix socket has the configured mode, and replaces the socket of a stopped server, but nothing else', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 's.sock')
    const listener = `listener "unix" { address = "${path}" socket_mode = "0660" socket_group = "${process.getgid?.() ?? 0}" }`
    const server = await serve(listener)
    expect(server.address).to.equal(`unix://${path}`)
    expect(statSync(path).mode & 0o777).to.equal(0o660)
    const outgoing = request({ socketPath: path, path: '/v1/sys/seal-status', method: 'GET' }).end()
    const [message] = (await once(outgoing, 'response')) as [{ readonly statusCode: number; resume(): void }]
    message.resume()
    expect(message.statusCode).to.equal(200)
    expect(await refusal(listener)).to.match(/s\.sock.*another program listens there already/)
    await server.stop()
    started.length = 0
    // What a server that was killed leaves.
    const dead = createServer().listen(path)
    await once(dead, 'listening')
    const { spawnSync } = await import('node:child_process')
    const leave = `require('net').createServer().listen('${path}2',()=>process.kill(process.pid,'SIGKILL'))`
    spawnSync(process.execPath, ['-e', leave])
    expect(existsSync(`${path}2`)).to.equal(true)
    expect(await refusal(listener.replace('s.sock', 's.sock2'))).to.equal('started')
    await new Promise((resolve) => dead.close(resolve))
    writeFileSync(path, 'precious')
    expect(await refusal(listener)).to.match(/not a socket; move it away/)
    expect(readFileSync(path, 'utf8')).to.equal('precious')
    const plain = await serve(`listener "unix" { address = "${folder}/t.sock" }`)
    expect(statSync(`${folder}/t.sock`).mode & 0o777).to.equal(0o600)
    await plain.stop()
    started.length = 0
    expect(await refusal('listener "unix" { }')).to.match(/needs an address/)
    expect(await refusal(`listener "unix" { address = "${folder}/none/s" }`)).to.match(/its folder does not exist/)
    expect(await refusal(`listener "unix" { address = "${folder}/u" socket_user = "nobody-such" }`)).to.match(/socket_user: .*has no "nobody-such"/) // prettier-ignore
  })

  describe('behind a proxy', () => {
    /** Whom the newest audit line names. */
    const heard = (folder: string): string =>
      /"remote_address":"([^"]*)"/.exec(readFileSync(join(folder, 'audit.log'), 'utf8').trim().split('\n').at(-1) ?? '')?.[1] ?? '' // prettier-ignore
    const initialise = 'PUT /v1/sys/unseal HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 14\r\n'
    const body = '\r\n{"reset":true}'

    it('believes X-Forwarded-For of listed addresses only', async () => {
      const folder = temporaryFolder()
      const listed = 'tls_disable = true x_forwarded_for_authorized_addrs = "127.0.0.1,10.0.0.0/8"'
      const strict = portOf(await serve(tcp(`${listed} x_forwarded_for_hop_skips = 1`), folder))
      const sent = (value: string) => `${initialise}X-Forwarded-For: ${value}\r\n${body}`
      expect(await ask(strict, sent('6.6.6.6, 203.0.113.7, 10.0.0.2'))).to.match(/^HTTP\/1\.1 (2|4)/)
      expect(heard(folder)).to.equal('203.0.113.7')
      expect(await ask(strict, sent('203.0.113.8\r\nX-Forwarded-For: 10.0.0.2'))).to.match(/^HTTP/)
      expect(heard(folder)).to.equal('203.0.113.8')
      expect(await ask(strict, sent('2001:DB8::7, 10.0.0.2'))).to.match(/^HTTP/)
      expect(heard(folder)).to.equal('2001:DB8::7')
      for (const value of ['203.0.113.9', 'unknown, 10.0.0.2', ' , 10.0.0.2', '203.0.113.9:80, 10.0.0.2'])
        expect(await ask(strict, sent(value)), value).to.match(/^HTTP\/1\.1 400/)
      expect(await ask(strict, initialise + body)).to.match(/^HTTP\/1\.1 400[^]*missing x-forwarded-for/)
      expect(await ask(strict, sent('203.0.113.9, 10.0.0.2'), '127.0.0.2')).to.match(
        /^HTTP\/1\.1 400[^]*not authorized/,
      )
      const other = temporaryFolder()
      const lax = portOf(await serve(tcp(`${listed} x_forwarded_for_reject_not_present = false x_forwarded_for_reject_not_authorized = false`), other)) // prettier-ignore
      expect(await ask(lax, sent('203.0.113.9'), '127.0.0.2')).to.match(/^HTTP/)
      expect(heard(other)).to.equal('127.0.0.2')
      expect(await ask(lax, initialise + body)).to.match(/^HTTP/)
      expect(heard(other)).to.equal('127.0.0.1')
    })

    const v2 = (from: readonly number[], command = 0x21): Buffer => {
      const addresses = Buffer.from([...from, ...from.map(() => 1), 0x30, 0x39, 0, 80])
      const family = from.length === 4 ? 0x11 : 0x21
      return Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a', 'hex'), Buffer.from([command, family, 0, addresses.length]), addresses]) // prettier-ignore
    }
    const asked = Buffer.from(initialise + body)
    const of = (header: string | Buffer): Buffer => Buffer.concat([Buffer.from(header), asked])

    it('believes PROXY headers of versions 1 and 2, of listed addresses only', async () => {
      const folder = temporaryFolder()
      const listed = 'tls_disable = true proxy_protocol_authorized_addrs = ["127.0.0.1"]'
      const port = portOf(await serve(tcp(`${listed} proxy_protocol_behavior = "allow_authorized"`), folder))
      for (const [header, client] of [
        ['PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n', '203.0.113.7'], ['PROXY TCP6 2001:db8::7 ::1 12345 80\r\n', '2001:db8::7'], ['PROXY UNKNOWN\r\n', '127.0.0.1'], ['', '127.0.0.1'],
        [v2([203, 0, 113, 8]), '203.0.113.8'], [v2([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]), '2001:db8::9'], [v2([203, 0, 113, 8], 0x20), '127.0.0.1'],
      ] as const) {
        expect(await ask(port, of(header)), String(header)).to.match(/^HTTP\/1\.1 (2|4)/)
        expect(heard(folder), String(header)).to.equal(client)
      } // prettier-ignore
      expect(await ask(port, of('PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n'), '127.0.0.2')).to.match(/^HTTP/)
      expect(heard(folder)).to.equal('127.0.0.2')
      const strict = portOf(await serve(tcp(`${listed} proxy_protocol_behavior = "deny_unauthorized"`)))
      expect(await ask(strict, of('PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n'), '127.0.0.2')).to.equal('')
      expect(await ask(strict, asked)).to.match(/^HTTP/)
      const all = temporaryFolder()
      const always = portOf(await serve(tcp('tls_disable = true proxy_protocol_behavior = "use_always"'), all))
      expect(await ask(always, of('PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n'), '127.0.0.2')).to.match(/^HTTP/)
      expect(heard(all)).to.equal('203.0.113.7')
    })

    it('reads a PROXY header before TLS, cut anywhere', async () => {
      const folder = temporaryFolder()
      const server = await serve(tcp(`${pair} proxy_protocol_authorized_addrs = "127.0.0.1" proxy_protocol_behavior = "allow_authorized"`), folder) // prettier-ignore
      for (const at of [1, 20, 42]) {
        const raw = connect(portOf(server), '127.0.0.1')
        const header = 'PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n'
        await new Promise((resolve) => raw.write(header.slice(0, at), () => setImmediate(resolve)))
        raw.write(header.slice(at))
        const socket = connectTls({ socket: raw, rejectUnauthorized: false })
        socket.write(asked)
        let answer = ''
        socket.on('data', (part: Buffer) => (answer += part.toString())).on('error', () => {})
        await once(socket, 'close')
        expect(answer).to.match(/^HTTP\/1\.1 (2|4)/)
        expect(heard(folder)).to.equal('203.0.113.7')
      }
    })

    it('CVE-2024-6468: a PROXY header that is garbage or half there closes its own connection, and nothing else', async () => {
      const settings = 'proxy_protocol_behavior = "allow_authorized" http_read_header_timeout = "1s"'
      const server = await serve(tcp(`tls_disable = true ${settings} proxy_protocol_authorized_addrs = "127.0.0.1"`))
      const garbage: readonly (string | Buffer)[] = [
        'PROXY', 'PROXY ', 'PROXY TCP4', 'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n', 'PROXY TCP4 ::1 ::1 1 1\r\n', 'PROXY TCP4 999.1.1.1 1.1.1.1 1 1\r\n', 'PROXY TCP4 1.2.3.4 1.2.3.4 99999 1\r\n', `PROXY ${'x'.repeat(200)}`, 'PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n\n',
        '\r\n\r\n', v2([1, 2, 3, 4]).subarray(0, 14), v2([1, 2, 3, 4]).subarray(0, 20), v2([1, 2, 3, 4], 0x31), v2([1, 2, 3, 4], 0x2f), Buffer.concat([v2([]).subarray(0, 13), Buffer.from([0x31, 0, 0])]), Buffer.concat([v2([]).subarray(0, 14), Buffer.from([0xff, 0xff])]), Buffer.alloc(64, 255), '\0', '',
      ] // prettier-ignore
      const peers = garbage.flatMap((bytes) => ['127.0.0.1', '127.0.0.2'].map(async (from) => ask(portOf(server), bytes, from))) // prettier-ignore
      for (let times = 0; times < 5; times++) expect(await ask(portOf(server), asked)).to.match(/^HTTP\/1\.1/)
      for (const answer of await Promise.all(peers)) expect(answer).to.match(/^(HTTP\/1\.1 4|$)/)
      expect(await ask(portOf(server), asked)).to.match(/^HTTP\/1\.1/)
    })
  })

  it('that cannot start names file, setting and correction; a failed reload leaves the old one', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'dir'))
    const files = certificate()
    const other = certificate()
    const place = (name: string, content: string | Buffer): string => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    const good = { cert: place('good.crt', files.cert), key: place('good.key', files.key) }
    const { createPrivateKey } = await import('node:crypto')
    const locked = createPrivateKey(files.key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }) // prettier-ignore
    const der = Buffer.from(files.cert.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    const wrong: readonly (readonly [string, string, RegExp])[] = [
      [good.cert, place('locked.key', locked), /locked\.key \(tls_key_file\): the private key is encrypted.*openssl pkey/],
      [good.cert, place('other.key', other.key), /other\.key \(tls_key_file\) is not the key of the certificate in .*good\.crt/],
      [place('c.der', der), good.key, /c\.der \(tls_cert_file\): it is DER, not PEM.*openssl x509 -inform DER/],
      [good.cert, place('k.der', Buffer.from([0x30, 1])), /k\.der \(tls_key_file\): it is DER, not PEM.*openssl pkey/],
      [join(folder, 'none/c.pem'), good.key, /none\/c\.pem \(tls_cert_file\): there is no such file/],
      [join(folder, 'dir'), good.key, /dir \(tls_cert_file\): it is a folder/], [place('empty', ''), good.key, /empty \(tls_cert_file\): it is empty; put the certificate there in PEM(?!.*-inform DER)/],
      [good.cert, place('text.key', 'secret'), /text\.key \(tls_key_file\): it is not PEM; put the private key there(?!.*-inform DER)/],
      [good.key, good.key, /good\.key \(tls_cert_file\): no certificate is in it/], [good.cert, good.cert, /good\.crt \(tls_key_file\): no private key/],
      [place('cut.crt', files.cert.replace(/M[A-Za-z0-9]/, '!!')), good.key, /cut\.crt \(tls_cert_file\)/],
    ] // prettier-ignore
    for (const [certFile, keyFile, why] of wrong)
      expect(await refusal(tcp(`tls_cert_file = "${certFile}" tls_key_file = "${keyFile}"`)), certFile + keyFile).to.match(why) // prettier-ignore
    const live = { cert: place('live.crt', files.cert), key: place('live.key', files.key) }
    const server = await serve(tcp(`tls_cert_file = "${live.cert}" tls_key_file = "${live.key}"`), folder)
    for (const [certFile, keyFile] of wrong.filter(([c]) => existsSync(c) && !c.endsWith('dir'))) {
      place('live.crt', readFileSync(certFile))
      place('live.key', readFileSync(keyFile))
      const failed = await server.reload().catch((thrown: unknown) => String(thrown))
      expect(failed, certFile + keyFile).to.match(/live\.(crt|key)/)
      expect(await askTls(portOf(server), { ca: files.cert, rejectUnauthorized: true, servername: 'localhost' })).to.match(/ 200 /) // prettier-ignore
    }
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { readonly port: number }
    expect(await refusal(`listener "tcp" { address = "127.0.0.1:${port}" tls_disable = true }`)).to.match(/127\.0\.0\.1:\d+ \(address of listener "tcp"\): another program/) // prettier-ignore
    await new Promise((resolve) => taken.close(resolve))
    chmodSync(live.key, 0o600)
  })
})
