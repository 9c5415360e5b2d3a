import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openLevelServer } from '../../support/server.ts'
import type { Reply, TestServer } from '../../support/server.ts'
import { saved, upload } from '../../support/storages/snapshot-files.ts'

const recover = async (
  server: TestServer,
  file: Uint8Array,
  query: Readonly<Record<string, string>>,
  token = server.token,
): Promise<Reply> => upload(server, file, `-recover?${new URLSearchParams(query).toString()}`, token)

const status = async (server: TestServer, path: string): Promise<number> =>
  (await server.call('GET', `/v1/${path}`)).status
const plain = Buffer.from('hello').toString('base64')

/** Rules that allow a recovery as such. */
const sudo = 'path "sys/storage/raft/snapshot-recover" { capabilities = ["update", "sudo"] }'

describe('sys/storage/raft/snapshot-recover', () => {
  let server: TestServer
  let file: Buffer

  /** A server with a secret of each version of KV, a key, and the same in a namespace; and its snapshot. */
  before(async () => {
    server = await openLevelServer()
    await server.data('POST', 'sys/mounts/old', { type: 'kv', options: { version: '1' } })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '2' } })
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/gone', { type: 'kv', options: { version: '1' } })
    await server.data('POST', 'gone/a', { is: 'gone' })
    await server.data('POST', 'sys/namespaces/team')
    await server.data('POST', 'team/sys/mounts/kv', { type: 'kv', options: { version: '2' } })
    await server.data('POST', 'old/a/b', { password: 'plain', port: 1 })
    for (const at of [1, 2, 3]) await server.data('POST', 'kv/data/a/b', { data: { at } })
    await server.data('POST', 'kv/metadata/a/b', { custom_metadata: { owner: 'anna' }, max_versions: 7 })
    await server.data('POST', 'kv/destroy/a/b', { versions: [1] })
    for (let at = 1; at <= 25; at++) await server.data('POST', 'kv/data/long', { data: { at } })
    for (const at of [1, 2]) await server.data('POST', 'kv/data/older', { data: { at } })
    await server.data('POST', 'team/kv/data/a', { data: { of: 'team' } })
    await server.data('POST', 'transit/keys/orders')
    await server.data('POST', 'transit/keys/orders/rotate')
    file = await saved(server)
  })
  after(async () => server.running.stop())

  const ciphertext = async (): Promise<string> =>
    String((await server.data('POST', 'transit/encrypt/orders', { plaintext: plain, key_version: 1 }))['ciphertext'])
  const decrypts = async (text: string, key = 'orders'): Promise<boolean> =>
    (await server.call('POST', `/v1/transit/decrypt/${key}`, { ciphertext: text })).status === 200

  it('recovers a secret of KV version 2 with all versions and its metadata, and nothing else', async () => {
    const before = await server.data('GET', 'kv/metadata/a/b')
    await server.data('POST', 'kv/data/long', { data: { at: 'later' } })
    await server.data('DELETE', 'kv/metadata/a/b')
    expect(await status(server, 'kv/data/a/b')).to.equal(404)
    const reply = await recover(server, file, { path: 'kv/data/a/b' })
    expect(reply.status, reply.text).to.equal(200)
    expect(reply.body['data']).to.include({ from: 'kv/data/a/b', to: 'kv/data/a/b', replaced: false })
    expect(await server.data('GET', 'kv/metadata/a/b')).to.deep.equal(before)
    expect((await server.data('GET', 'kv/data/a/b?version=2'))['data']).to.deep.equal({ at: 2 })
    expect(await status(server, 'kv/data/a/b?version=1')).to.equal(404)
    expect((await server.data('GET', 'kv/data/long'))['data']).to.deep.equal({ at: 'later' })
    await server.data('POST', 'kv/data/a/b', { data: { at: 4 } })
    expect((await server.data('GET', 'kv/data/a/b?version=2'))['data']).to.deep.equal({ at: 2 })
  })

  it('recovers to another path, and one version as the newest', async () => {
    expect((await recover(server, file, { path: 'kv/data/long', to: 'kv/data/copy' })).status).to.equal(200)
    expect((await server.data('GET', 'kv/metadata/copy'))['current_version']).to.equal(25)
    for (const at of [16, 20, 25])
      expect((await server.data('GET', `kv/data/copy?version=${at}`))['data']).to.deep.equal({ at })
    const one = { path: 'kv/metadata/a/b', to: 'kv/data/one', version: '2' }
    expect((await recover(server, file, one)).status).to.equal(200)
    expect((await server.data('GET', 'kv/data/one'))['data']).to.deep.equal({ at: 2 })
    expect((await recover(server, file, { ...one, version: '3', force: 'true' })).status).to.equal(200)
    const { data, metadata } = await server.data('GET', 'kv/data/one')
    expect([data, (metadata as { version: number }).version]).to.deep.equal([{ at: 3 }, 2])
  })

  it('recovers a secret of KV version 1, and one in a namespace, also into another one', async () => {
    await server.data('DELETE', 'old/a/b')
    expect((await recover(server, file, { path: 'old/a/b' })).status).to.equal(200)
    expect(await server.data('GET', 'old/a/b')).to.deep.equal({ password: 'plain', port: 1 })
    await server.data('DELETE', 'team/kv/metadata/a')
    expect((await recover(server, file, { path: 'team/kv/data/a' })).status).to.equal(200)
    expect((await server.data('GET', 'team/kv/data/a'))['data']).to.deep.equal({ of: 'team' })
    expect((await recover(server, file, { path: 'team/kv/data/a', to: 'kv/data/from-team' })).status).to.equal(200)
    expect((await server.data('GET', 'kv/data/from-team'))['data']).to.deep.equal({ of: 'team' })
  })

  it('recovers a key that was destroyed, with all versions, and a copy of it beside it', async () => {
    const text = await ciphertext()
    await server.data('POST', 'transit/keys/orders/config', { deletion_allowed: true })
    await server.data('DELETE', 'transit/keys/orders')
    expect(await decrypts(text)).to.equal(false)
    expect((await recover(server, file, { path: 'transit/keys/orders' })).status).to.equal(200)
    expect(await decrypts(text)).to.equal(true)
    expect((await server.data('GET', 'transit/keys/orders'))['latest_version']).to.equal(2)
    expect((await recover(server, file, { path: 'transit/keys/orders', to: 'transit/keys/copy' })).status).to.equal(200)
    expect(await decrypts(text, 'copy')).to.equal(true)
    await server.data('POST', 'transit/keys/copy/config', { deletion_allowed: true })
    await server.data('DELETE', 'transit/keys/copy')
    expect(await decrypts(text)).to.equal(true)
  })

  it('replaces nothing unless it is told to, and then all of it', async () => {
    await server.data('POST', 'kv/data/from-team', { data: { later: true } })
    const cases = { 'kv/data/long': 'kv/data/from-team', 'old/a/b': 'old/a/b', 'transit/keys/orders': 'transit/keys/orders' } // prettier-ignore
    for (const [path, to] of Object.entries(cases)) {
      const refused = await recover(server, file, { path, to })
      expect([refused.status, refused.text], path).to.satisfy(([code, text]: [number, string]) => code === 400 && text.includes('already')) // prettier-ignore
    }
    expect((await server.data('GET', 'kv/data/from-team'))['data']).to.deep.equal({ later: true })
    for (const [path, to] of Object.entries(cases)) {
      const reply = await recover(server, file, { path, to, force: 'true' })
      expect(reply.body['data'], reply.text).to.include({ replaced: true, to })
    }
    expect((await server.data('GET', 'kv/data/from-team'))['data']).to.deep.equal({ at: 25 })
  })

  it('asks the policies about the very paths that are written, and read when they go elsewhere', async () => {
    const may = async (rules: string, query: Readonly<Record<string, string>>): Promise<boolean> => {
      const { status: code, text } = await recover(server, file, query, await server.tokenWith(rules))
      expect(code, text).to.be.oneOf([200, 403])
      return code === 200
    }
    const rule = (path: string, ...can: string[]): string => `path "${path}" { capabilities = ${JSON.stringify(can)} }`
    const whole = [rule('kv/data/p1', 'create'), rule('kv/metadata/p1', 'create')]
    const source = [rule('kv/data/a/b', 'read'), rule('kv/metadata/a/b', 'read')]
    const query = { path: 'kv/data/a/b', to: 'kv/data/p1' }
    const all = [sudo, ...whole, ...source]
    for (const without of all)
      expect(await may(all.filter((one) => one !== without).join('\n'), query), without).to.equal(false)
    expect(await may(all.join('\n'), query)).to.equal(true)
    expect(await may(all.join('\n'), { ...query, force: 'true' }), 'create is not update').to.equal(false)
    // To its own path: whoever may not read it does not see it.
    await server.data('DELETE', 'kv/metadata/a/b')
    const own = [sudo, rule('kv/data/a/b', 'create'), rule('kv/metadata/a/b', 'create')]
    expect(await may(own.slice(0, 2).join('\n'), { path: 'kv/data/a/b' })).to.equal(false)
    expect(await may(own.join('\n'), { path: 'kv/data/a/b' })).to.equal(true)
    // Rules about parameters see what is written.
    const only = (at: number) => `path "kv/data/p2" { capabilities = ["create"]\n allowed_parameters = { data = [{ at = ${at} }] } }` // prettier-ignore
    const version = { path: 'kv/data/a/b', to: 'kv/data/p2', version: '3' }
    expect(await may([sudo, source[0], only(2)].join('\n'), version)).to.equal(false)
    expect(await may([sudo, source[0], only(3)].join('\n'), version)).to.equal(true)
    // All versions are written, not only the newest one.
    const few = (...at: number[]) => `path "kv/data/p4" { capabilities = ["create"]\n allowed_parameters = { data = [${at.map((one) => `{ at = ${one} }`).join()}] } }` // prettier-ignore
    const older = [sudo, ...source, rule('kv/metadata/p4', 'create')]
    const all4 = { path: 'kv/data/older', to: 'kv/data/p4' }
    expect(await may([...older, rule('kv/data/older', 'read'), rule('kv/metadata/older', 'read'), few(2)].join('\n'), all4)).to.equal(false) // prettier-ignore
    expect(await may([...older, rule('kv/data/older', 'read'), rule('kv/metadata/older', 'read'), few(1, 2)].join('\n'), all4)).to.equal(true) // prettier-ignore
    const key = { path: 'transit/keys/orders', to: 'transit/keys/p3' }
    // The key may not leave the server: a copy of it could be made exportable.
    const rights = [sudo, rule('transit/restore/p3', 'update'), rule('transit/backup/orders', 'read'), rule('transit/keys/orders/config', 'update')] // prettier-ignore
    for (const without of rights)
      expect(await may(rights.filter((one) => one !== without).join('\n'), key), without).to.equal(false)
    expect(await may(rights.join('\n'), key)).to.equal(true)
  })

  it('refuses paths that are not in the snapshot, of another type, or of no secret and no key', async () => {
    await server.data('POST', 'sys/mounts/later', { type: 'kv', options: { version: '2' } })
    const cases: readonly (readonly [Readonly<Record<string, string>>, number, string])[] = [
      [{ path: 'kv/data/nothing' }, 400, 'the snapshot has nothing at kv/data/nothing'],
      [{ path: 'kv/data/a/b', to: 'kv/data/x', version: '9' }, 400, 'no version 9'],
      [{ path: 'kv/data/a/b', to: 'kv/data/x', version: '1' }, 400, 'was destroyed'],
      [{ path: 'kv/data/a/b', to: 'kv/data/x', version: '0' }, 400, 'counts from 1'],
      [{ path: 'old/a/b', to: 'old/c', version: '1' }, 400, 'have no versions'],
      [{ path: 'transit/keys/orders', to: 'transit/keys/x', version: '1' }, 400, 'all its versions'],
      [{ path: 'later/data/x' }, 400, 'the snapshot has no mount at later/data/x'],
      [{ path: 'kv/data/a/b', to: 'old/x' }, 400, 'kv version 2, and the one at old/x is of type kv version 1'],
      [{ path: 'kv/data/a/b', to: 'nowhere/x' }, 400, 'nothing is mounted at nowhere/x'],
      [{ path: 'kv/data/a/b', to: 'sys/mounts/x' }, 400, 'of type system'],
      [{ path: 'kv/data/a/b', to: 'kv/undelete/x' }, 400, 'such as data/app/db'],
      [{ path: 'kv/data/a/b/', to: 'kv/data/x' }, 400, 'names no secret'],
      [{ path: 'kv/data/../data/a/b' }, 400, 'the path is not one'],
      [{ path: 'kv/data/a/b', to: '../../etc/passwd' }, 400, 'the path is not one'],
      [{ path: `kv/data/${'x'.repeat(2000)}` }, 400, '1024 bytes'],
      [{ path: 'kv/data/a/b', to: '' }, 400, 'to'],
      [{ to: 'kv/data/x' }, 400, "'path' must be supplied"],
      [{ path: 'nonamespace/kv/data/a' }, 400, 'nothing is mounted'],
    ]
    for (const [query, code, text] of cases) {
      const reply = await recover(server, file, query)
      expect([reply.status, reply.text], JSON.stringify(query)).to.satisfy(([status_, said]: [number, string]) => status_ === code && said.includes(text)) // prettier-ignore
    }
    expect(await status(server, 'kv/data/x')).to.equal(404)
  })

  it('asks the policies of the end of the upload, not those of its begin', async () => {
    await server.data('POST', 'sys/policies/acl/recoverer', { policy: `${sudo}\npath "old/*" { capabilities = ["create", "update", "read"] }` }) // prettier-ignore
    const { auth } = (await server.call('POST', '/v1/auth/token/create', { policies: ['recoverer'] })).body as unknown as { auth: { client_token: string } } // prettier-ignore
    const audited = (): string => readFileSync(join(server.folder, 'audit.log'), 'utf8')
    const asked = (): number => audited().split('"path":"sys/storage/raft/snapshot-recover"').length
    for (const act of [
      async () => server.data('POST', 'sys/policies/acl/recoverer', { policy: sudo }),
      async () => server.data('POST', 'auth/token/revoke', { token: auth.client_token }),
    ]) {
      const before = asked()
      const parts = (async function* () {
        yield file.subarray(0, 2000)
        while (asked() === before) await new Promise((resolve) => setTimeout(resolve, 5))
        await act()
        yield file.subarray(2000)
      })()
      const query = new URLSearchParams({ path: 'old/a/b', to: 'old/late' })
      expect((await upload(server, parts, `-recover?${query.toString()}`, auth.client_token)).status).to.equal(403)
    }
    expect(await status(server, 'old/late')).to.equal(404)
  })

  it('says why it asks for a mount that is gone, and reads nothing of a locked namespace', async () => {
    await server.data('DELETE', 'sys/mounts/gone')
    const query = { path: 'gone/a', to: 'old/from-gone' }
    const refused = await recover(server, file, query)
    expect([refused.status, refused.text]).to.satisfy(([code, text]: [number, string]) => code === 400 && text.includes('gone/ is not mounted any more')) // prettier-ignore
    await server.data('POST', 'sys/mounts/gone', { type: 'kv', options: { version: '1' } })
    expect((await recover(server, file, query)).status).to.equal(200)
    expect(await server.data('GET', 'old/from-gone')).to.deep.equal({ is: 'gone' })
    const { unlock_key: unlock } = await server.data('POST', 'sys/namespaces/api-lock/lock/team')
    const locked = await recover(server, file, { path: 'team/kv/data/a', to: 'kv/data/of-locked' })
    expect([locked.status, locked.text]).to.satisfy(([code, text]: [number, string]) => code === 503 && text.includes('locked')) // prettier-ignore
    await server.data('POST', 'sys/namespaces/api-lock/unlock/team', { unlock_key: unlock })
  })

  it('refuses a snapshot of another cluster, a changed one, and none', async () => {
    const other = await openLevelServer()
    try {
      await other.data('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '2' } })
      const refused = await recover(other, file, { path: 'kv/data/a/b' })
      expect(refused.status).to.equal(400)
      expect(refused.text).to.include('of another cluster').and.include('this server does not have its keys')
      expect(await status(other, 'kv/data/a/b')).to.equal(404)
    } finally {
      await other.running.stop()
    }
    const changed = Buffer.from(file)
    const middle = Math.floor(file.length / 2)
    changed.writeUInt8(changed.readUInt8(middle) ^ 1, middle)
    for (const wrong of [changed, file.subarray(0, file.length - 100), Buffer.from('x')])
      expect((await recover(server, wrong, { path: 'kv/data/a/b', force: 'true' })).status).to.equal(400)
  })

  it('leaves lines in the audit log that name both paths, before anything is changed', async () => {
    await recover(server, file, { path: 'old/a/b', to: 'old/noted' })
    const lines = readFileSync(join(server.folder, 'audit.log'), 'utf8').split('\n')
    const line = lines.filter((one) => one.includes('sys/audit/recovery')).at(-1)
    const { request } = JSON.parse(line ?? '{}') as { request: { data: Readonly<Record<string, string>> } }
    expect(request.data).to.include({ from: 'old/a/b', to: 'old/noted' })
    const asked = lines.filter((one) => one.includes(`"id":"${request.data['request']}"`))
    expect(asked.map((one) => (JSON.parse(one) as { type: string }).type)).to.deep.equal(['request', 'response'])
    expect(lines.join('')).not.to.include('"password":"plain"')
  })

  it('goes on after the keyring and the root key were rotated', async () => {
    await server.data('POST', 'sys/rotate')
    await server.data('POST', 'sys/rotate/root')
    expect((await recover(server, file, { path: 'old/a/b', to: 'old/after' })).status).to.equal(200)
    expect(await server.data('GET', 'old/after')).to.deep.equal({ password: 'plain', port: 1 })
  })
})
