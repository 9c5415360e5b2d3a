import { cpSync, readdirSync, rmSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { changeRaw, rawRecords } from '../../support/storages/raw-records.ts'
import type { Raw } from '../../support/storages/raw-records.ts'
import { levelServer, openLevelServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

/** Two states of the storage of a stopped server, before and after something was done. */
interface States {
  readonly before: Raw
  readonly after: Raw
  /** Keys that change whatever is done. */
  readonly restless: ReadonlySet<string>
}

const errorOf = (reply: Reply): string => (reply.body['errors'] as readonly string[] | undefined)?.[0] ?? ''
const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.compare(a, b) === 0

/** Records that were made, removed or changed between two states. */
function differing(a: Raw, b: Raw): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((key) => !same(a.get(key), b.get(key)))
}

const isRecord = (key: string): boolean => key.startsWith('e/')

describe('single records that somebody removed or put back while the server was away', function () {
  this.timeout(180_000)
  let server: TestServer
  const data = (): string => join(server.folder, 'data')

  before(async () => {
    server = await openLevelServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  })
  after(async () => stop())

  let up = true
  const stop = async (): Promise<void> => {
    if (up) await server.running.stop()
    up = false
  }
  const stopped = async (): Promise<Raw> => {
    await stop()
    return rawRecords(data())
  }
  const open = async (more: Body = {}): Promise<Reply> => {
    await stop()
    server = await again(server)
    up = true
    let reply = await server.call('GET', '/v1/sys/seal-status')
    for (const key of server.shares.slice(0, 2)) reply = await server.call('PUT', '/v1/sys/unseal', { key, ...more })
    return reply
  }
  const again = async ({ folder, shares, token }: TestServer): Promise<TestServer> => {
    const next = await levelServer(folder)
    next.shares = shares
    next.token = token
    return next
  }

  /** What `act` changes on the disk, beside what every start and stop changes. */
  const states = async (act: () => Promise<unknown>): Promise<States> => {
    const first = await stopped()
    await open()
    const before = await stopped()
    await open()
    await act()
    const after = await stopped()
    await open()
    return { before, after, restless: new Set(differing(first, before)) }
  }

  /** Tampers with the stopped server's disk, tries, and puts everything as it was before it goes on. */
  const tampered = async (
    changes: ReadonlyMap<string, Uint8Array | undefined>,
    look: (reply: Reply) => Promise<void>,
  ): Promise<void> => {
    expect(changes.size, 'the test changes something').to.be.greaterThan(0)
    await stop()
    const { folder } = server
    const safe = temporaryFolder()
    cpSync(folder, safe, { recursive: true })
    await changeRaw(data(), changes)
    try {
      await look(await open())
    } finally {
      await stop()
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
      cpSync(safe, folder, { recursive: true })
      const reply = await open()
      expect(reply.body, 'opens again when everything is as it was').to.include({ sealed: false })
    }
  }

  const isRefused =
    (folder: string) =>
    async (reply: Reply): Promise<void> => {
      expect(errorOf(reply), reply.text).to.include('stays sealed').and.include(folder).and.include('Restore a backup')
      const status = await server.call('GET', '/v1/sys/seal-status')
      expect(status.body).to.include({ sealed: true })
    }

  /** Records that `act` made. */
  const made = ({ before, after }: States) => [...after.keys()].filter((key) => isRecord(key) && !before.has(key))
  /** What removes them. */
  const without = (keys: readonly string[]) => new Map(keys.map((key) => [key, undefined] as const))
  /** What puts all that `act` changed back to what it was, but not what counts commits, lines and records. */
  const undone = ({ before, after, restless }: States) =>
    new Map(
      differing(before, after)
        .filter((key) => isRecord(key) && !restless.has(key))
        .map((key) => [key, before.get(key)] as const),
    )

  it('an audit device', async () => {
    const path = join(server.folder, 'second.log')
    const both = await states(async () => server.data('PUT', 'sys/audit/second', { type: 'file', options: { file_path: path } })) // prettier-ignore
    await tampered(without(made(both)), isRefused('core/audit'))
    for (const key of made(both)) await tampered(without([key]), isRefused('core/audit'))
    await server.data('DELETE', 'sys/audit/second')
  })

  it('a policy: an older version, and none', async () => {
    await server.data('PUT', 'sys/policies/acl/staff', { policy: 'path "secret/*" { capabilities = ["read"] }' })
    const both = await states(async () =>
      server.data('PUT', 'sys/policies/acl/staff', { policy: 'path "secret/*" { capabilities = ["deny"] }' }),
    )
    const changes = undone(both)
    expect(changes.size).to.equal(1)
    await tampered(changes, isRefused('core/policy'))
    await tampered(without([...changes.keys()]), isRefused('core/policy'))
  })

  it('a mount, a quota, the lock of a namespace', async () => {
    const mount = await states(async () => server.data('POST', 'sys/mounts/other', { type: 'transit' }))
    const table = made(mount)
    expect(table).to.have.length(1)
    await tampered(without(table), isRefused('mounts'))
    const quota = await states(async () => server.data('POST', 'sys/quotas/rate-limit/all', { rate: 100_000 }))
    await tampered(without(made(quota)), isRefused('core/quota'))
    await server.data('POST', 'sys/namespaces/team')
    const lock = await states(async () => server.data('POST', 'sys/namespaces/api-lock/lock/team'))
    await tampered(undone(lock), isRefused('core/namespace'))
  })

  it('a revoked token is not revived, in any way: its record, all of its records, a use', async () => {
    const create = async (more: Body = {}): Promise<string> => {
      const reply = await server.call('POST', '/v1/auth/token/create', { policies: ['default'], ttl: '1h', ...more })
      return (reply.body['auth'] as { readonly client_token: string }).client_token
    }
    const self = async (token: string): Promise<Reply> =>
      server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })
    const [revoked, other] = [await create(), await create()]
    const both = await states(async () => server.data('POST', 'auth/token/revoke', { token: revoked }))
    expect(undone(both).size).to.be.at.least(5)
    await tampered(undone(both), async (reply) => {
      expect(reply.body).to.include({ sealed: false })
      const answer = await self(revoked)
      expect(answer.status).to.equal(500)
      expect(errorOf(answer)).to.include('put back outside strongroom')
      expect((await self(other)).status).to.equal(200)
    })
    const counted = await create({ num_uses: 3 })
    const use = await states(async () => self(counted))
    await tampered(undone(use), async () => void expect((await self(counted)).status).to.equal(500))
  })

  it('a token that was made is not forgotten by its accessor', async () => {
    let accessor = ''
    const both = await states(async () => {
      const reply = await server.call('POST', '/v1/auth/token/create', { policies: ['default'] })
      accessor = String((reply.body['auth'] as Body)['accessor'])
    })
    await tampered(without(made(both)), async () => {
      expect((await server.call('POST', '/v1/auth/token/lookup-accessor', { accessor })).status).to.equal(500)
      expect((await server.call('LIST', '/v1/auth/token/accessors')).status).to.equal(500)
    })
  })

  it('a role and a key: a limit that was lowered again, a version that was destroyed', async () => {
    await server.data('POST', 'auth/token/roles/narrow', { allowed_policies: ['default', 'staff'] })
    const role = await states(async () => server.data('POST', 'auth/token/roles/narrow', { allowed_policies: ['default'] })) // prettier-ignore
    await tampered(undone(role), async () => {
      expect((await server.call('POST', '/v1/auth/token/create/narrow', { policies: ['staff'] })).status).to.equal(500)
      expect((await server.call('GET', '/v1/auth/token/roles/narrow')).status).to.equal(500)
    })
    await server.data('POST', 'transit/keys/orders')
    const plaintext = Buffer.from('old').toString('base64')
    const { ciphertext } = await server.data('POST', 'transit/encrypt/orders', { plaintext })
    await server.data('POST', 'transit/keys/orders/rotate')
    const limit = await states(async () => server.data('POST', 'transit/keys/orders/config', { min_decryption_version: 2 })) // prettier-ignore
    await tampered(undone(limit), async () => {
      const answer = await server.call('POST', '/v1/transit/decrypt/orders', { ciphertext })
      expect(answer.status).to.equal(500)
      expect(answer.text).to.not.include(plaintext)
    })
  })

  it('metadata of a secret', async () => {
    await server.data('POST', 'secret/data/db', { data: { password: 'one' } })
    const both = await states(async () => server.data('DELETE', 'secret/data/db'))
    await tampered(undone(both), async () => void expect((await server.call('GET', '/v1/secret/data/db')).status).to.equal(500)) // prettier-ignore
  })

  it('the seal and the keyring: old shares open nothing after a rekey', async () => {
    const old = server.shares
    let fresh: readonly string[] = []
    const both = await states(async () => {
      const { nonce } = await server.data('PUT', 'sys/rotate/root/init', { secret_shares: 3, secret_threshold: 2 })
      for (const key of old.slice(0, 2)) {
        const answer = await server.data('PUT', 'sys/rotate/root/update', { nonce, key })
        fresh = (answer['keys'] as readonly string[] | undefined) ?? fresh
      }
      server.shares = fresh
      expect(fresh).to.have.length(3)
    })
    const plain = ['seal', 'keyring'].map((key) => [key, both.before.get(key)] as const)
    await tamperedSealed(new Map(plain), old, fresh)
  })

  const tamperedSealed = async (
    changes: ReadonlyMap<string, Uint8Array | undefined>,
    old: readonly string[],
    fresh: readonly string[],
  ): Promise<void> => {
    const now = await stopped()
    await changeRaw(data(), changes)
    server.shares = old
    await isRefused('seal and keyring')(await open())
    await stop()
    await changeRaw(data(), new Map([...changes.keys()].map((key) => [key, now.get(key)] as const)))
    server.shares = fresh
    expect((await open()).body).to.include({ sealed: false })
  }

  it('the digests themselves: removed, put back alone, put back with the records', async () => {
    const both = await states(async () => server.data('POST', 'transit/keys/another'))
    const digests = differing(both.before, both.after).filter((key) => key.startsWith('d'))
    expect(digests).to.include('digest')
    await tampered(without(['digest']), isRefused('digests'))
    await tampered(new Map([['digest', both.before.get('digest')]]), isRefused('core'))
    const buckets = digests.filter((key) => key !== 'digest')
    await tampered(new Map(buckets.map((key) => [key, both.before.get(key)])), isRefused('digests of buckets'))
    await tampered(
      new Map([...undone(both), ...digests.map((key) => [key, both.before.get(key)] as const)]),
      isRefused('core'),
    )
  })

  it('damage that an operator accepts by its code unseals the server, and becomes the valid state', async () => {
    await server.data('PUT', 'sys/policies/acl/gone', { policy: 'path "a" {}' })
    const both = await states(async () => server.data('PUT', 'sys/policies/acl/lost', { policy: 'path "a" {}' }))
    await tampered(without(made(both)), async (reply) => {
      expect(errorOf(reply)).to.include('accept-storage=check')
      const told = errorOf(await open({ accept_storage: 'check' }))
      const code = /accept-storage=([0-9a-f]{16}) /.exec(told)?.[1]
      expect((await open({ accept_storage: '0123456789abcdef' })).status).to.equal(400)
      expect((await open({ accept_storage: code })).body).to.include({ sealed: false })
      expect((await open()).body).to.include({ sealed: false })
      const lines = readFileSync(join(server.folder, 'audit.log'), 'utf8').split('\n')
      const about = lines.filter((line) => line.includes('"path":"sys/audit/accepted"') && line.includes(String(code)))
      expect(about).to.have.length(1)
      expect(about[0]).to.include('stored records were removed')
      expect((await server.call('GET', '/v1/sys/policies/acl/lost')).status).to.equal(404)
      expect((await server.call('GET', '/v1/sys/policies/acl/gone')).status).to.equal(200)
    })
  })
})
