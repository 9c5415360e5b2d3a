import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import { S3Server } from '../../support/services/s3-server.ts'
import type { Misdeed } from '../../support/services/s3-server.ts'
import { SchedulingServer, keptIn } from '../../support/storages/scheduled.ts'
import { upload } from '../../support/storages/snapshot-files.ts'

const day = 86_400
const path = 'sys/storage/raft/snapshot-auto/config/s3'
const secret = 'wJalrXUtnFEMI/K7MDENG'
const answers =
  (method: string, status: number, text: string, headers: Readonly<Record<string, string>> = {}): Misdeed =>
  (request, response) => {
    // prettier-ignore
    if (request.method !== method) return false
    response.writeHead(status, headers).end(text)
    return true
  }

describe('scheduled snapshots in a bucket', () => {
  let store: S3Server
  let made: SchedulingServer
  let settings: Readonly<Record<string, unknown>>
  before(async () => {
    store = await S3Server.start()
    made = await SchedulingServer.unsealed(undefined)
    settings = { storage_type: 'aws-s3', interval: '24h', retain: 2, path_prefix: 'vault/prod', aws_s3_bucket: 'backups', aws_s3_region: 'eu-central-1', aws_s3_endpoint: store.address, aws_s3_force_path_style: true, aws_access_key_id: 'AKIDEXAMPLE', aws_secret_access_key: secret } // prettier-ignore
  })
  after(async () => {
    await made.server.running.stop()
    await store.stop()
  })
  afterEach(() => (store.misdeed = () => false))

  it('are kept there, and the credentials are never shown', async () => {
    await made.configure('s3', settings)
    const status = await made.after(10, 's3', (one) => keptIn(one).length === 1)
    const [key = ''] = store.objects.keys()
    expect(key).to.equal(`/backups/vault/prod/${keptIn(status)[0]}`)
    expect(status['last_snapshot_url']).to.equal(`${store.address}${key}`)
    expect((await upload(made.server, store.objects.get(key) as Buffer, '-verify')).status).to.equal(200)
    const read = await made.server.call('GET', `/v1/${path}`)
    expect(read.body['data']).to.include({ aws_access_key_id: 'AKIDEXAMPLE', aws_s3_disable_tls: true, path_prefix: 'vault/prod/' }) // prettier-ignore
    expect(read.text + made.logged.join()).to.not.include(secret)
    await made.after(day, 's3', (one) => keptIn(one).length === 2)
    await made.after(day, 's3', ({ last_success: good }) => String(good).startsWith('2030-01-03'))
    expect(store.objects.size).to.equal(2)
  })

  const hangs: Misdeed = ({ method }) => method === 'PUT'
  const misdeeds: readonly (readonly [what: string, misdeed: Misdeed, why: RegExp])[] = [
    ['refuses', answers('POST', 403, '<Error><Code>AccessDenied</Code><Message>no</Message></Error>'), /^the store refused it \(status 403, AccessDenied\): check the credentials/],
    ['is another server', answers('POST', 200, '<html>welcome</html>'), /does not answer as S3 does/],
    ['sends elsewhere', answers('POST', 301, '', { Location: 'http://169.254.169.254/' }), /^the store sends elsewhere \(status 301\)/],
    ['fails for a part', answers('PUT', 500, 'a'.repeat(100_000)), /too long/],
    ['fails at the end, with status 200', (request, response) => request.method === 'POST' && !String(request.url).includes('uploads') && !!response.end('<Error><Code>InternalError</Code></Error>'), /did not complete the upload \(InternalError\)/],
    ['gives back other bytes', answers('GET', 200, 'others'), /gave back other bytes \(6\) than it got \(\d+\)/],
    ['does not have it', answers('GET', 404, '<Error><Code>NoSuchKey</Code></Error>'), /status 404, NoSuchKey/],
    ['breaks off', (request, response) => {
      if (request.method !== 'GET') return false
      response.writeHead(200, { 'Content-Length': 10_000 }).write('abc')
      setImmediate(() => response.destroy())
      return true
    }, /broke off/],
    ['hangs up', ({ method, socket }) => method === 'PUT' && !!socket.destroy(), /no response \(ECONNRESET\)/],
  ] // prettier-ignore
  for (const [what, misdeed, why] of misdeeds)
    it(`fail when the store ${what}: older ones stay, and the next try comes soon`, async () => {
      const before = [...store.objects.keys()]
      store.misdeed = misdeed
      const failed = await made.after(day, 's3', ({ consecutive_errors: errors }) => errors === 1)
      expect(failed['last_snapshot_error']).to.match(why)
      store.misdeed = () => false
      expect(before).to.include.members(keptIn(failed).map((name) => `/backups/vault/prod/${name}`))
      for (const key of before) expect([...store.objects.keys()]).to.include(key)
      expect([...store.objects.keys()], 'nothing unfinished').to.have.length(before.length)
      expect(made.events('backup_failed').at(-1)?.['why']).to.match(why)
      await made.after(60, 's3', ({ consecutive_errors: errors }) => errors === 0)
      expect(store.objects.size).to.equal(2)
    })

  it('fail when the store is silent', async () => {
    store.misdeed = hangs
    const requests = store.requests.length
    made.clock.advance(day * 1000)
    while (!store.requests.slice(requests).some((one) => one.startsWith('PUT'))) await new Promise((resolve) => setTimeout(resolve, 5)) // prettier-ignore
    expect((await made.status('s3'))['snapshot_url']).to.match(/^http.*\/vault\/prod\/strongroom-/)
    const failed = await made.after(120, 's3', ({ consecutive_errors: errors }) => errors === 1)
    expect(failed['last_snapshot_error']).to.equal('the store: no response within 120 seconds')
    store.misdeed = () => false
    await made.after(60, 's3', ({ consecutive_errors: errors }) => errors === 0)
  })

  it('tell of an old one that cannot be removed, and remove it later', async () => {
    store.misdeed = answers('DELETE', 403, '<Error><Code>AccessDenied</Code></Error>')
    const status = await made.after(day, 's3', (one) => keptIn(one).length === 3)
    expect(status).to.include({ consecutive_errors: 0, last_snapshot_error: '' })
    expect(made.events('backup_not_removed')).to.have.length(1)
    store.misdeed = () => false
    await made.after(day, 's3', (one) => keptIn(one).length === 2)
    expect(store.objects.size).to.equal(2)
  })

  for (const method of ['POST', 'PUT'])
    it(`do not hold up a seal while the store is silent at ${method}, and are made up after the unseal`, async () => {
      store.misdeed = (request) => request.method === method
      const requests = store.requests.length
      made.clock.advance(day * 1000)
      while (!store.requests.slice(requests).some((one) => one.startsWith(method))) await new Promise((resolve) => setTimeout(resolve, 5)) // prettier-ignore
      await made.server.data('PUT', 'sys/seal')
      store.misdeed = () => false
      expect(made.events('backup_failed').at(-1)?.['why']).to.not.include('sealed')
      for (const key of made.server.shares.slice(0, 2)) await made.server.call('PUT', '/v1/sys/unseal', { key })
      const before = (await made.status('s3'))['last_success']
      const status = await made.after(10, 's3', ({ last_success: good }) => good !== before)
      expect(status['consecutive_errors']).to.equal(0)
    })

  it('are kept in a store with a certificate of its own CA, and in no other', async () => {
    const [own, other] = [certificate(), certificate()]
    const secure = await S3Server.start(own)
    const more = { ...settings, path_prefix: 'tls', aws_s3_endpoint: secure.address }
    await made.configure('tls', { ...more, aws_s3_ca_cert: other.cert })
    const failed = await made.after(10, 'tls', ({ consecutive_errors: errors }) => errors === 1)
    expect(failed['last_snapshot_error']).to.match(
      /^the store: no response \((?:DEPTH_ZERO_SELF_SIGNED_CERT|CERT_SIGNATURE_FAILURE)/,
    )
    await made.configure('tls', { aws_s3_ca_cert: own.cert })
    await made.after(10, 'tls', (one) => keptIn(one).length === 1)
    await made.server.data('DELETE', 'sys/storage/raft/snapshot-auto/config/tls')
    await secure.stop()
  })

  it('are refused for addresses and names that cannot be', async () => {
    const write = async (more: object) => made.server.call('POST', `/v1/${path}2`, { ...settings, path_prefix: 'two', ...more })
    for (const more of [
      { aws_s3_endpoint: 'http://store.example' },
      { aws_s3_endpoint: 'http://169.254.169.254' },
      { aws_s3_endpoint: 'https://169.254.169.254' },
      { aws_s3_endpoint: 'ftp://store.example' },
      { aws_s3_endpoint: 'https://u:p@store.example' },
      { aws_s3_endpoint: 'https://store.example/?a' },
      { aws_s3_endpoint: '' , aws_s3_disable_tls: true },
      { aws_s3_force_path_style: false },
      { aws_s3_bucket: '' }, { aws_s3_bucket: '../a' }, { aws_s3_bucket: 'a/b' }, { aws_s3_bucket: 'A' },
      { aws_s3_region: '' }, { aws_s3_region: 'a.b' },
      { aws_access_key_id: '' }, { aws_secret_access_key: '' }, { aws_access_key_id: 'a\nb' }, { aws_session_token: 'a b' },
      { aws_s3_kms_key: 'k' }, { aws_s3_enable_kms: true, aws_s3_server_side_encryption: true },
      { aws_s3_ca_cert: 'none' }, { aws_s3_ca_cert: '' },
      { path_prefix: '../a' }, { path_prefix: 'a/../b' }, { path_prefix: 'a?b' },
    ]) {
      const { status, text } = await write(more)
      expect([status, text.includes(secret)], JSON.stringify(more)).to.deep.equal([400, false])
    }
    expect((await write({ path_prefix: '/vault/prod/' })).text).to.include('has the same path_prefix')
    expect((await write({ aws_s3_endpoint: 'store.example:9000', aws_s3_kms_key: 'k', aws_s3_enable_kms: true })).status).to.equal(204)
    expect((await made.server.data('GET', `${path}2`))).to.include({ aws_s3_endpoint: 'https://store.example:9000', aws_s3_enable_kms: true, aws_s3_server_side_encryption: false })
    await made.server.data('DELETE', `${path}2`)
  }) // prettier-ignore
})
