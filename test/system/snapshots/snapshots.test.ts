import { readFileSync, readdirSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { Entry } from '../../../src/contract/storage.ts'
import { readSnapshot } from '../../../src/snapshot/read.ts'
import { measure } from '../../../src/snapshot/sums.ts'
import { snapshotFile } from '../../../src/snapshot/write.ts'
import { devServer, initialised, levelServer, openLevelServer, unseal } from '../../support/server.ts'
import type { Reply, TestServer } from '../../support/server.ts'
import { download, saved, unsealRestored, upload } from '../../support/storages/snapshot-files.ts'

const filled = async (): Promise<TestServer> => {
  const server = await openLevelServer(
    'disable_unauthed_rekey_endpoints = false\n  disable_unauthed_generate_root_endpoints = false',
  )
  await server.data('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '2' } })
  await server.data('POST', 'kv/data/app', { data: { password: 'first' } })
  return server
}
const password = async (server: TestServer): Promise<unknown> =>
  ((await server.data('GET', 'kv/data/app'))['data'] as Record<string, unknown>)['password']
const sealed = async (server: TestServer): Promise<unknown> =>
  (await server.call('GET', '/v1/sys/seal-status')).body['sealed']
/** Waits for what another part of the process is about to do. */
const until = async (holds: () => boolean): Promise<void> => {
  for (const end = Date.now() + 20_000; !holds();) {
    if (Date.now() > end) throw new Error('it did not come')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
function signal(): { readonly given: Promise<void>; readonly give: () => void } {
  let give = (): void => {}
  const given = new Promise<void>((resolve) => (give = resolve))
  return { given, give }
}
/** A file whose second part comes when the test says so. */
function inTwoParts(file: Buffer) {
  const [started, waiting] = [signal(), signal()]
  const parts = (async function* () {
    yield file.subarray(0, 2000)
    started.give()
    await waiting.given
    yield file.subarray(2000)
  })()
  return { parts, started: started.given, go: waiting.give }
}
const lines = (server: TestServer): string => readFileSync(join(server.folder, 'audit.log'), 'utf8')
const everything = (server: TestServer): string =>
  readdirSync(server.folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && one.name.startsWith('audit.log'))
    .map((one) => readFileSync(join(one.parentPath, one.name), 'utf8'))
    .join('')

describe('sys/storage/raft/snapshot', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await filled()
  })
  afterEach(async () => server.running.stop())

  it('saves a snapshot, and restores it where it was made', async () => {
    const file = await saved(server)
    const { sha256, records } = (await upload(server, file, '-verify')).body['data'] as Record<string, unknown>
    expect(lines(server)).to.include(`"sha256":"${String(sha256)}"`)
    expect(records).to.be.greaterThan(20)
    await server.data('POST', 'kv/data/app', { data: { password: 'second' } })
    const reply = await upload(server, file)
    expect(reply.status, reply.text).to.equal(200)
    expect(reply.body['data']).to.include({ verified: true, present_shares: true, shares: 3, threshold: 2, sha256 })
    expect(await sealed(server)).to.equal(true)
    expect(await unsealRestored(server)).to.include('"sealed":false')
    expect(await sealed(server)).to.equal(false)
    expect(await password(server)).to.equal('first')
    expect(everything(server)).to.include(`sys/audit/restored`)
    await server.data('POST', 'kv/data/app', { data: { password: 'third' } })
    expect(await password(server)).to.equal('third')
    await server.data('PUT', 'sys/seal')
    await unseal(server)
    expect(await password(server)).to.equal('third')
  })

  it('restores into a server that is not initialised, without a token, with the old shares', async () => {
    const file = await saved(server)
    const empty = await levelServer()
    try {
      const reply = await upload(empty, file, '', '')
      expect(reply.status, reply.text).to.equal(200)
      expect((reply.body['data'] as { next: string }).next).to.include('2 of the 3 shares')
      await unsealRestored(empty, server.shares)
      empty.token = server.token
      expect(await password(empty)).to.equal('first')
    } finally {
      await empty.running.stop()
    }
  })

  it('needs sudo to restore and to verify, and read to save; sealed it does neither', async () => {
    const file = await saved(server)
    const saver = await server.tokenWith('path "sys/storage/raft/snapshot" { capabilities = ["read"] }')
    expect((await download(server, saver)).status).to.equal(200)
    const writer = await server.tokenWith('path "sys/storage/raft/*" { capabilities = ["create", "update"] }')
    for (const more of ['', '-force', '-verify'])
      for (const token of [saver, writer, ''])
        expect((await upload(server, file, more, token)).status, more).to.equal(403)
    expect((await download(server, writer)).status).to.equal(403)
    await server.data('PUT', 'sys/seal')
    expect((await download(server)).status).to.equal(503)
    for (const more of ['', '-force', '-verify']) expect((await upload(server, file, more)).status).to.equal(503)
    await unseal(server)
    expect(await password(server)).to.equal('first')
  })

  it('refuses a snapshot of other shares, unless forced; then those shares unseal the server', async () => {
    const file = await saved(server)
    const { nonce } = (await server.call('PUT', '/v1/sys/rekey/init', { secret_shares: 1, secret_threshold: 1 })).body
    let made: Reply | undefined
    for (const key of server.shares.slice(0, 2)) made = await server.call('PUT', '/v1/sys/rekey/update', { key, nonce })
    expect(made?.body['keys']).to.have.length(1)
    const refused = await upload(server, file)
    expect(refused.status).to.equal(400)
    expect(refused.text).to.include('other shares').and.to.include('2 of the 3 shares')
    expect([await sealed(server), await password(server)]).to.deep.equal([false, 'first'])
    expect((await upload(server, file, '-verify')).body['data']).to.include({ verified: true, present_shares: false })
    expect((await upload(server, file, '-force')).body['data']).to.include({ verified: true, present_shares: false })
    expect(await unsealRestored(server)).to.include('"sealed":false')
    expect(await password(server)).to.equal('first')
  })

  it('refuses a snapshot of another cluster, unless forced', async () => {
    const other = await filled()
    try {
      await other.data('POST', 'kv/data/app', { data: { password: 'of the other' } })
      const file = await saved(other)
      for (const more of ['', '-verify']) {
        const refused = await upload(server, file, more)
        expect(refused.status).to.equal(400)
        expect(refused.text).to.include('of another cluster')
      }
      expect(await password(server)).to.equal('first')
      expect((await upload(server, file, '-force')).body['data']).to.include({ verified: false })
      await unseal(server)
      expect(await sealed(server), 'the shares of before').to.equal(true)
      expect((await upload(server, file, '', '')).status, 'what was there is not for everyone to replace').to.equal(503)
      expect(await unsealRestored(server, other.shares)).to.include('"sealed":false')
      server.token = other.token
      expect(await password(server)).to.equal('of the other')
    } finally {
      await other.running.stop()
    }
  })

  it('does not unseal a changed snapshot even with right sums, and accepts another copy then', async () => {
    const file = await saved(server)
    const found: Entry[] = []
    const { meta, mac } = await readSnapshot(Readable.from([file]), { add: (more) => void found.push(...more.map((one) => ({ ...one, value: Buffer.from(one.value) }))) }) // prettier-ignore
    const value = (at: number): Buffer => found[at]?.value as Buffer
    const at = found.findIndex((one) => one.key.startsWith('e/') && one.value.length > 100)
    value(at).writeUInt8(value(at).readUInt8(60) ^ 1, 60)
    const pages = async function* () {
      yield found
    }
    const { sha256 } = await measure(pages())
    const forged = Buffer.concat(await Readable.from(snapshotFile({ meta, sha256, entries: pages, mac: () => mac }, () => {})).toArray()) // prettier-ignore
    expect((await upload(server, forged)).text).to.include('it was changed')
    expect((await upload(server, forged, '-verify')).text).to.include('it was changed')
    const empty = await levelServer()
    try {
      expect((await upload(empty, forged, '', '')).status).to.equal(200)
      expect(await unsealRestored(empty, server.shares)).to.include('was changed. Restore another snapshot')
      expect(await unsealRestored(empty, server.shares)).to.include('was changed. Restore another snapshot')
      expect((await upload(empty, file, '', '')).status).to.equal(200)
      expect(await unsealRestored(empty, server.shares)).to.include('"sealed":false')
    } finally {
      await empty.running.stop()
    }
  })

  it('revokes all tokens of the snapshot where that is asked for, and keeps them otherwise', async () => {
    const batch = await server.tokenWith('path "kv/*" { capabilities = ["read"] }', { type: 'batch' })
    const service = await server.tokenWith('path "kv/*" { capabilities = ["read"] }')
    const file = await saved(server)
    const all = [server.token, batch, service]
    const statuses = async (): Promise<number[]> => {
      const found = []
      for (const token of all) found.push((await server.call('GET', '/v1/kv/data/app', undefined, { 'X-Vault-Token': token })).status) // prettier-ignore
      return found
    }
    await upload(server, file)
    await unsealRestored(server)
    expect(await statuses()).to.deep.equal([200, 200, 200])
    expect((await upload(server, file, '?revoke_tokens=true')).status).to.equal(200)
    await unsealRestored(server)
    expect(await statuses()).to.deep.equal([403, 403, 403])
    expect(everything(server)).to.include('"tokens":"revoked"')
    const [first, second] = server.shares
    const { nonce, otp } = (await server.call('PUT', '/v1/sys/generate-root/attempt', {})).body as Record<string, string> // prettier-ignore
    await server.call('PUT', '/v1/sys/generate-root/update', { key: first, nonce })
    const { encoded_token: encoded } = (await server.call('PUT', '/v1/sys/generate-root/update', { key: second, nonce })).body // prettier-ignore
    const decoded = await server.call('POST', '/v1/sys/decode-token', { encoded_token: encoded, otp })
    server.token = String((decoded.body['data'] as Record<string, unknown>)['token'])
    expect(await password(server)).to.equal('first')
    expect((await server.data('LIST', 'auth/token/accessors'))['keys']).to.have.length(1)
  })

  it('restores one at a time', async () => {
    const file = await saved(server)
    const { parts, started, go } = inTwoParts(file)
    const slow = upload(server, parts)
    await started
    const second = await upload(server, file)
    expect(second.status).to.equal(503)
    expect(second.text).to.include('another snapshot is being restored')
    go()
    expect((await slow).status).to.equal(200)
    await unsealRestored(server)
  })

  it('does not even seal a server that was initialised while a snapshot came without a token', async () => {
    const { parts, started, go } = inTwoParts(await saved(server))
    const empty = await levelServer()
    try {
      const slow = upload(empty, parts, '', '')
      await started
      await until(() => lines(empty).includes('sys/storage/raft/snapshot'))
      await initialised(empty)
      await unseal(empty)
      go()
      const refused = await slow
      expect([refused.status, refused.text]).to.satisfy(([status, text]: [number, string]) => status === 400 && text.includes('initialised meanwhile')) // prettier-ignore
      expect(await sealed(empty)).to.equal(false)
    } finally {
      await empty.running.stop()
    }
  })

  it('restores nothing for a token that was revoked while the snapshot came, nor after a seal', async () => {
    const file = await saved(server)
    await server.data('POST', 'kv/data/app', { data: { password: 'second' } })
    const rules = 'path "sys/storage/raft/*" { capabilities = ["update", "sudo"] }'
    const meanwhile: readonly (readonly [number, (token: string) => Promise<unknown>])[] = [
      [403, async (token) => server.data('POST', 'auth/token/revoke', { token })],
      [403, async () => server.data('POST', 'sys/policies/acl/restorer', { policy: 'path "kv/*" { capabilities = ["read"] }' })],
      [503, async () => server.data('PUT', 'sys/seal').then(async () => unseal(server))],
    ]
    for (const more of ['', '-force'])
      for (const [status, act] of meanwhile) {
        await server.data('POST', 'sys/policies/acl/restorer', { policy: rules })
        const { auth } = (await server.call('POST', '/v1/auth/token/create', { policies: ['restorer'] })).body as { auth: { client_token: string } }
        const { parts, started, go } = inTwoParts(file)
        const slow = upload(server, parts, more, auth.client_token)
        await started
        await until(() => lines(server).split(`"path":"sys/storage/raft/snapshot${more}"`).length % 2 === 0)
        await act(auth.client_token)
        go()
        expect((await slow).status).to.equal(status)
        expect([await sealed(server), await password(server)]).to.deep.equal([false, 'second'])
        expect(readdirSync(join(server.folder, 'data')).filter((name) => name.startsWith('restoring-'))).to.deep.equal([])
      }
  }) // prettier-ignore

  it('restores with the last use of a token', async () => {
    const token = await server.tokenWith('path "sys/storage/raft/*" { capabilities = ["update", "sudo"] }', { num_uses: 1 }) // prettier-ignore
    const reply = await upload(server, await saved(server), '', token)
    expect(reply.status, reply.text).to.equal(200)
  })

  it('changes nothing, and leaves nothing, when an upload is cut off', async () => {
    const file = await saved(server)
    const begun = (): number => lines(server).split('"operation":"update","mount_point":"sys/"').length
    const before = begun()
    const { hostname, port } = new URL(server.running.address)
    const socket = connect(Number(port), hostname)
    socket.write(`POST /v1/sys/storage/raft/snapshot HTTP/1.1\r\nHost: a\r\nX-Vault-Token: ${server.token}\r\nContent-Length: ${file.length}\r\n\r\n`) // prettier-ignore
    socket.write(file.subarray(0, file.length / 2))
    await until(() => begun() > before)
    socket.destroy()
    await until(() => lines(server).includes('the request was cut off'))
    expect(await password(server)).to.equal('first')
    const left = readdirSync(join(server.folder, 'data')).filter((name) => /^(restoring|snapshot)-/.test(name))
    expect(left).to.deep.equal([])
  })

  it('is not bound by the limit for bodies, but by the policy first', async () => {
    const small = await openLevelServer('max_request_size = 5000')
    try {
      for (let at = 0; at < 30; at++)
        await small.data('POST', `cubbyhole/${at}`, { value: randomBytes(1500).toString('hex') })
      const file = await saved(small)
      expect(file.length).to.be.greaterThan(30_000)
      expect((await small.call('POST', '/v1/cubbyhole/x', { value: 'x'.repeat(6000) })).status).to.equal(413)
      let asked = 0
      const endless = async function* () {
        for (;;) {
          asked++
          yield Buffer.alloc(65_536)
        }
      }
      expect((await upload(small, endless(), '', 'wrong')).status).to.equal(403)
      expect(asked).to.be.lessThan(2000)
      expect((await upload(small, file)).status).to.equal(200)
    } finally {
      await small.running.stop()
    }
  })

  it('works with a storage in memory', async () => {
    const dev = await devServer()
    try {
      await dev.data('POST', 'secret/data/a', { data: { v: 1 } })
      const file = await saved(dev)
      await dev.data('POST', 'secret/data/a', { data: { v: 2 } })
      expect((await upload(dev, file)).status).to.equal(200)
      await dev.call('PUT', '/v1/sys/unseal', { key: dev.running.unsealKey })
      expect(((await dev.data('GET', 'secret/data/a'))['data'] as Record<string, unknown>)['v']).to.equal(1)
    } finally {
      await dev.running.stop()
    }
  })
})
