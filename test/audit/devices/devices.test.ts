import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readFileSync, renameSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { fileDevice } from '../../../src/audit/devices/file.ts'
import { httpDevice } from '../../../src/audit/devices/http.ts'
import { DeviceOptions } from '../../../src/audit/devices/options.ts'
import { socketDevice } from '../../../src/audit/devices/socket.ts'
import { syslogDevice } from '../../../src/audit/devices/syslog.ts'
import { Fault } from '../../../src/contract/fault.ts'
import { auditDevices } from '../../../src/server/audit-devices.ts'
import { silent } from '../../../src/util/log.ts'
import { itIsAnAuditDevice } from '../../contracts/audit-device.ts'
import type { Receiver } from '../../contracts/audit-device.ts'
import { certificate, certificateFiles } from '../../support/certificate.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { brokerWith, event, round, scratch } from '../support.ts'
import { byCount, byLine, datagramReceiver, endpoint, streamReceiver } from '../receivers.ts'

const kib = 1024
const folder = temporaryFolder()
const files = certificateFiles({}, folder)
const secure = { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }
let count = 0
const place = (): string => join(folder, `s${++count}`)

async function fileReceiver(): Promise<Receiver> {
  const path = join(temporaryFolder(), 'logs', 'audit.log')
  mkdirSync(dirname(path))
  const move = async (from: string, to: string): Promise<void> => renameSync(from, to)
  return {
    options: { file_path: path },
    lines: async () => byLine(readFileSync(path, 'utf8')),
    leave: async () => move(dirname(path), `${dirname(path)}-away`),
    comeBack: async () => move(`${dirname(path)}-away`, dirname(path)),
    close: async () => {},
  }
}

/** The line inside a message of syslog. */
const bare =
  (cut: (text: string) => readonly string[], head: RegExp) =>
  (text: string): readonly string[] =>
    cut(text).map((message) => {
      expect(message).to.match(head)
      return message.replace(head, '')
    })
const modern = /^<38>1 (-|[0-9T:.-]+Z) \S+ vault \d+ audit - (?=\{)/
const legacy = /^<134>([A-Z][a-z]{2} [ \d]\d [\d:]{8} )?sr\[\d+\]: (?=\{)/

itIsAnAuditDevice('file', fileDevice, fileReceiver, { longest: 512 * kib })
itIsAnAuditDevice('socket over TCP', socketDevice, async () => streamReceiver((address) => ({ address }), byLine), {
  longest: 512 * kib,
})
itIsAnAuditDevice(
  'socket over TLS',
  socketDevice,
  async () =>
    streamReceiver((address) => ({ address, socket_type: 'tls', tls_ca_file: files.cert }), byLine, { secure }),
  { longest: 512 * kib },
)
itIsAnAuditDevice(
  'socket over a unix stream',
  socketDevice,
  async () => streamReceiver((address) => ({ address, socket_type: 'unix' }), byLine, { path: place() }),
  { longest: 512 * kib },
)
itIsAnAuditDevice(
  'socket over UDP',
  socketDevice,
  async () => {
    const receiver = await datagramReceiver((address) => ({ address, socket_type: 'udp' }))
    return { ...receiver, lines: async (wanted) => (await receiver.lines(wanted)).map((text) => text.slice(0, -1)) }
  },
  { longest: 60 * kib, deaf: true },
)
itIsAnAuditDevice(
  'syslog over TCP',
  syslogDevice,
  async () => streamReceiver((address) => ({ address, socket_type: 'tcp' }), bare(byCount, modern)),
  { longest: 512 * kib },
)
itIsAnAuditDevice(
  'syslog over a unix stream',
  syslogDevice,
  async () =>
    streamReceiver((address) => ({ address, facility: 'local0', tag: 'sr' }), bare(byLine, legacy), { path: place() }),
  { longest: 512 * kib },
)
itIsAnAuditDevice(
  'syslog over UDP',
  syslogDevice,
  async () => {
    const receiver = await datagramReceiver((address) => ({ address }))
    return {
      ...receiver,
      lines: async (wanted) => (await receiver.lines(wanted)).map((text) => text.replace(modern, '')),
    }
  },
  { longest: 60 * kib, deaf: true },
)
itIsAnAuditDevice('http', httpDevice, async () => endpoint((uri) => ({ uri })), { longest: 512 * kib })
itIsAnAuditDevice('https', httpDevice, async () => endpoint((uri) => ({ uri, tls_ca_file: files.cert }), secure), {
  longest: 512 * kib,
})

describe('audit devices that reach receivers', () => {
  const at = scratch()
  const made = (type: string, options: Readonly<Record<string, string>>, declared = true) => {
    const given = new DeviceOptions(options, declared)
    const device = (auditDevices[type] as (typeof auditDevices)[string])(given, silent)
    given.done()
    return device
  }
  const refusal = (type: string, options: Readonly<Record<string, string>>, declared = true): string => {
    try {
      made(type, options, declared)
    } catch (thrown) {
      expect(thrown).to.be.instanceOf(Fault).and.have.property('code', 'invalid_request')
      return (thrown as Fault).message
    }
    throw new Error(`it was not refused: ${JSON.stringify(options)}`)
  }

  it('refuse invalid options', () => {
    writeFileSync(at('secret'), 'x')
    const refused: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
      ['socket', {}, 'address is required'],
      ['socket', { address: '' }, 'given without a value'],
      ['socket', { address: 'nowhere' }, 'host:port'],
      ['socket', { address: 'host:0' }, 'host:port'],
      ['socket', { address: 'host:70000' }, 'host:port'],
      ['socket', { address: '::1:99' }, 'host:port'],
      ['socket', { address: 'relative', socket_type: 'unix' }, 'absolute path'],
      ['socket', { address: '/dev/log', socket_type: 'unixgram' }, 'one of: tcp'],
      ['socket', { address: 'a:1', write_timeout: '0' }, 'write_timeout'],
      ['socket', { address: 'a:1', write_timeout: '-1s' }, 'write_timeout'],
      ['socket', { address: 'a:1', write_timeout: '2h' }, 'write_timeout'],
      ['socket', { address: 'a:1', write_timeout: 'soon' }, 'write_timeout'],
      ['socket', { address: 'a:1', socket_type: 'tls', tls_skip_verify: '1' }, 'not offered'],
      ['socket', { address: 'a:1', socket_type: 'tls', tls_ca_file: 'ca.pem' }, 'absolute path'],
      ['socket', { address: 'a:1', socket_type: 'tls', tls_ca_file: at('none') }, 'ENOENT'],
      ['socket', { address: 'a:1', socket_type: 'tls', tls_cert_file: at('secret') }, 'go together'],
      ['socket', { address: 'a:1', socket_type: 'tls', tls_server_name: '127.0.0.1' }, 'not an address'],
      ['syslog', { facility: 'nonsense' }, 'one of: KERN'],
      ['syslog', { tag: 'a b' }, 'tag'],
      ['syslog', { tag: 'a\nb' }, 'tag'],
      ['syslog', { rfc: '1' }, 'rfc'],
      ['http', {}, 'uri is required'],
      ['http', { uri: 'file:///etc/passwd' }, 'http or https'],
      ['http', { uri: 'https://user:word@host/' }, 'no password'],
      ['http', { uri: 'env://NOT_SET_ANYWHERE' }, 'not set'],
      ['http', { uri: 'https://h/', headers: 'X: y' }, 'JSON'],
      ['http', { uri: 'https://h/', headers: '{"X":"y"}' }, 'list of strings'],
      ['http', { uri: 'https://h/', headers: '{"X y":["z"]}' }, 'does not allow'],
      ['http', { uri: 'https://h/', headers: '{"X":["a\\r\\nb: c"]}' }, 'does not allow'],
      ['http', { uri: 'https://h/', headers: '{"Content-Length":["1"]}' }, 'cannot be chosen'],
      ['http', { uri: 'https://h/', tls_skip_verify: 'true' }, 'not offered'],
    ]
    for (const [type, options, text] of refused)
      expect(refusal(type, options), JSON.stringify(options)).to.include(text)
  })

  it('CVE-2026-5051: read no file or variable for callers of the API, and name no path', () => {
    writeFileSync(at('word'), 'secret\n')
    const given: Readonly<Record<string, string>>[] = [
      { uri: `file://${at('word')}` },
      { uri: 'https://h/', headers: `{"X":["file://${at('word')}"]}` },
      { uri: 'https://h/', headers: '{"X":["env://HOME"]}' },
      { uri: 'https://h/', tls_ca_file: at('word') },
      { uri: 'https://h/', tls_cert_file: at('word'), tls_key_file: at('word') },
    ]
    for (const options of given) {
      expect(refusal('http', options, false)).to.include('declare the device')
      expect(refusal('http', options, false)).to.not.include(at(''))
    } // prettier-ignore
    expect(() => made('http', { uri: 'https://h/', headers: `{"X":["file://${at('word')}"]}` })).to.not.throw()
  })

  it('post to the endpoint with the configured headers, and accept 2xx only', async () => {
    const receiver = await endpoint((uri) => ({
      uri,
      headers: '{"Authorization":["env://SIEM_WORD"],"X-Two":["a","b"]}',
    }))
    process.env['SIEM_WORD'] = 'Splunk 4711'
    const device = made('http', receiver.options)
    delete process.env['SIEM_WORD']
    await device.write('{"a":1}\n{"b":2}\n')
    expect(receiver.headers[0]).to.include({
      method: 'POST',
      url: '/ingest?index=a',
      authorization: 'Splunk 4711',
      'x-two': 'a, b',
      'content-type': 'application/x-ndjson',
    })
    for (const status of [302, 400, 401, 500, 503]) {
      receiver.status = status
      const thrown = await Promise.resolve(device.write('{"c":3}\n')).catch((why: unknown) => why)
      expect(String(thrown)).to.include(String(status))
    }
    expect(receiver.headers).to.have.length(6)
    await device.close()
    await receiver.close()
  })

  it('do not send lines to a receiver whose certificate is not valid', async () => {
    const stranger = await streamReceiver(
      (address) => ({ address, socket_type: 'tls', tls_ca_file: files.cert }),
      byLine,
      {
        secure: certificate(),
      },
    )
    const other = await streamReceiver(
      (address) => ({ address, socket_type: 'tls', tls_ca_file: files.cert, tls_server_name: 'elsewhere' }),
      byLine,
      { secure },
    )
    const web = await endpoint((uri) => ({ uri }), secure)
    for (const [type, receiver] of [
      ['socket', stranger],
      ['socket', other],
      ['http', web],
    ] as const) {
      const device = made(type, receiver.options)
      expect(await Promise.resolve(device.write('{}\n')).catch((why: unknown) => why)).to.be.instanceOf(Error)
      expect(await receiver.lines(0)).to.deep.equal([])
      await device.close()
      await receiver.close()
    }
  })

  it('audit fail modes: a socket that nobody reads does not delay requests for longer than its limit', async () => {
    // Accepts, and never reads: what a hung collector looks like.
    const hung = createServer((socket) => socket.pause()).listen(0, '127.0.0.1')
    await new Promise((done) => hung.once('listening', done))
    const { broker, clock, said } = brokerWith({ socket: socketDevice })
    const options = { address: `127.0.0.1:${(hung.address() as AddressInfo).port}`, write_timeout: '3s' }
    await broker.configure([{ path: 's/', type: 'socket', description: '', local: false, options }])
    const data = Object.fromEntries(Array.from({ length: 6000 }, (_, index) => [index, 'x']))
    const big = () => event({ pure: false, ask: { data } })
    let failed: unknown
    for (let tries = 0; failed === undefined && tries < 40; tries++) {
      const asked = round(broker, big())
      const over = await Promise.race([asked.then(() => true), new Promise((done) => setTimeout(done, 200, false))])
      if (over === true) continue
      clock.advance(2999)
      expect(said).to.deep.equal([])
      clock.advance(1)
      failed = await asked.catch((why: unknown) => why)
    }
    expect(failed).to.be.instanceOf(Fault).and.have.property('code', 'internal')
    expect(said.map(({ level }) => level)).to.deep.equal(['error'])
    hung.close()
    await broker.shutdown()
  })
})
