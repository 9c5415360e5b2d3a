import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { EncryptedBarrier } from '../../../src/barrier/barrier.ts'
import type { SealRecord } from '../../../src/contract/seal.ts'
import type { View } from '../../../src/contract/view.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { RootKeySeal } from '../../../src/seal/root-key-seal.ts'
import { startServer } from '../../../src/server/start.ts'
import { MemoryStorage } from '../../../src/storage/memory.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { TestServer } from '../../support/server.ts'
import type { Body, Reply } from '../../support/server.ts'

type Json = Readonly<Record<string, unknown>>

/** Values that other releases, or somebody else, may have left in a member. */
const strange: readonly unknown[] = [undefined, null, true, -1, 1.5, 1e300, '', 'x', [], ['x', 5], {}, { x: [] }]

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value === 'object' ? 'object' : typeof value

/** A kind of record: how one is made, where it lies, and a request that reads it. */
interface Kind {
  readonly about: string
  make(name: string): Promise<unknown>
  folder(): string
  read(name: string): Promise<Reply>
  /** Members that may be absent, or null. */
  readonly loose: readonly string[]
}

describe('records that no release would have written', function () {
  this.timeout(180_000)
  const storage = new MemoryStorage()
  const clock = new HandClock()
  const lines: string[] = []
  const tokens = new Map<string, { readonly token: string; readonly id: string }>()
  let server: TestServer
  let config = ''

  const start = async (): Promise<void> => {
    const running = await startServer({ config: [config], storage, clock, log: (line) => void lines.push(line) })
    const next = new TestServer(running, '', config)
    Object.assign(next, server && { shares: server.shares, token: server.token })
    server = next
  }
  const unseal = async (): Promise<Reply> => server.call('PUT', '/v1/sys/unseal', { key: server.shares[0] })
  /** Works on the records of the server while it is stopped, below the API and above the encryption. */
  const below = async (work: (view: View) => Promise<void>): Promise<void> => {
    await server.running.stop()
    const barrier = new EncryptedBarrier({ storage, clock, random: randomBytes })
    const seal = new RootKeySeal(randomBytes)
    const record = (await seal.record(storage)) as SealRecord
    const combined = await seal.combine(record, [Buffer.from(server.shares[0] ?? '', 'hex')])
    expect(combined && (await barrier.unseal(combined.root))).to.equal(true)
    await work(barrier.view(''))
    barrier.seal()
    await start()
  }
  const mount = new Map<string, string>()

  const kinds: readonly Kind[] = [
    {
      about: 'metadata of secrets',
      make: async (name) => server.data('POST', `kv2/data/${name}`, { data: { a: 1 } }),
      folder: () => `mount/${mount.get('kv2/')}/key/`,
      read: async (name) => server.call('GET', `/v1/kv2/metadata/${name}`),
      loose: ['custom'],
    },
    {
      about: 'transit keys',
      make: async (name) => server.data('POST', `transit/keys/${name}`),
      folder: () => `mount/${mount.get('transit/')}/key/`,
      read: async (name) => server.call('POST', `/v1/transit/encrypt/${name}`, { plaintext: 'eA==' }),
      loose: ['backedUp', 'restored', 'size', 'kdf'],
    },
    {
      about: 'roles of tokens',
      make: async (name) => server.data('POST', `auth/token/roles/${name}`, { token_num_uses: 3, period: 60 }),
      folder: () => `mount/${mount.get('token/')}/role/`,
      read: async (name) => server.call('POST', `/v1/auth/token/create/${name}`),
      loose: ['allowedEntityAliases', 'oldBoundCidrs'],
    },
    {
      about: 'policies',
      make: async (name) => server.data('POST', `sys/policies/acl/${name}`, { policy: 'path "a" { capabilities = ["read"] }', cas: -1 }), // prettier-ignore
      folder: () => 'core/policy/acl/',
      read: async (name) => server.call('GET', `/v1/sys/policies/acl/${name}`),
      loose: ['modified', 'expiration'],
    },
    {
      about: 'password policies',
      make: async (name) => server.data('POST', `sys/policies/password/${name}`, { policy: 'length = 9\nrule "charset" { charset = "ab" }' }), // prettier-ignore
      folder: () => 'core/policy/password/',
      read: async (name) => server.call('GET', `/v1/sys/policies/password/${name}`),
      loose: [],
    },
    {
      about: 'tokens',
      make: async (name) => {
        const { body } = await server.call('POST', '/v1/auth/token/create', { ttl: '1h', num_uses: 5, policies: ['default'], display_name: name }) // prettier-ignore
        tokens.set(name, { token: String((body['auth'] as Body)['client_token']), id: '' })
      },
      folder: () => 'core/token/id/',
      read: async (name) =>
        server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': tokens.get(name)?.token ?? '' }),
      loose: ['meta', 'parent', 'role', 'lastRenewedAt'],
    },
  ]

  before(async () => {
    const folder = temporaryFolder()
    config = join(folder, 'strongroom.hcl')
    writeFileSync(
      config,
      `storage "level" { path = "${folder}/data" }\nlistener "tcp" {\n address = "127.0.0.1:0"\n tls_disable = true\n}\n`,
    )
    await start()
    const made = await server.call('PUT', '/v1/sys/init', { secret_shares: 1, secret_threshold: 1 })
    Object.assign(server, { shares: made.body['keys'], token: String(made.body['root_token']) })
    await unseal()
    await server.data('POST', 'sys/mounts/kv2', { type: 'kv', options: { version: '2' } })
    await server.data('POST', 'sys/mounts/kv1', { type: 'kv' })
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await below(async (view) => {
      for (const name of await view.list('mounts/')) {
        const { path, uuid } = (await view.get(`mounts/${name}`)) as { readonly path: string; readonly uuid: string }
        mount.set(path, uuid)
      }
    })
    await unseal()
  })
  after(async () => server.running.stop())

  for (const kind of kinds)
    it(`are an error, never absent, and harm nothing else: ${kind.about}`, async () => {
      await kind.make('whole')
      expect((await kind.read('whole')).status).to.equal(200)
      let names: string[] = []
      const expected = new Map<string, { readonly member: string; readonly value: unknown; readonly wrong: boolean }>()
      let first: Json = {}
      await below(async (view) => {
        names = await view.list(kind.folder())
        const last = kind.about === 'tokens' ? await newest(view, kind.folder(), names) : 'whole'
        first = (await view.get(kind.folder() + last)) as Json
      })
      await unseal()
      const cases = [...Object.keys(first), ''].flatMap((member) => strange.map((value) => ({ member, value })))
      const before = new Set(names)
      for (const at of cases.keys()) await kind.make(`c${at}`)
      await below(async (view) => {
        const added = (await view.list(kind.folder())).filter((name) => !before.has(name))
        for (const [at, { member, value }] of cases.entries()) {
          const place =
            kind.folder() + (kind.about === 'tokens' ? await ofToken(view, kind.folder(), added, at) : `c${at}`)
          const whole = (await view.get(place)) as Json
          const changed = member === '' ? (value ?? null) : { ...whole, [member]: value }
          await view.put(place, changed)
          const loose = kind.loose.includes(member) && (value === undefined || value === null)
          const wrong = !loose && whole[member] !== null && kindOf(value) !== kindOf(whole[member])
          expected.set(`c${at}`, { member, value, wrong: member === '' || (wrong && member in whole) })
        }
      })
      expect((await unseal()).body, 'the others can be used').to.include({ sealed: false })
      const logged = lines.length
      for (const [name, { member, value, wrong }] of expected) {
        const reply = await kind.read(name)
        const what = `${member} is ${JSON.stringify(value)}: ${reply.text}`
        if (wrong) expect(reply.status, what).to.equal(500)
        else expect(reply.status, what).to.be.oneOf([200, 500, ...(kind.about === 'tokens' ? [403] : [])])
        if (reply.status === 500) expect(reply.text, what).to.match(/cannot be used.*Restore it from a backup/)
      }
      expect(lines.slice(logged).filter((line) => line.includes('[ERROR]')).length).to.be.greaterThan(20)
      expect((await kind.read('whole')).status, 'a whole one still works').to.equal(200)
    })

  /** Tokens lie under keyed hashes: the one whose display name or order tells. */
  async function newest(view: View, folder: string, names: readonly string[]): Promise<string> {
    for (const name of names) if (((await view.get(folder + name)) as Json)['numUses'] === 5) return name
    throw new Error('no such token')
  }
  async function ofToken(view: View, folder: string, names: readonly string[], at: number): Promise<string> {
    for (const name of names)
      if (((await view.get(folder + name)) as Json | null)?.['displayName'] === `token-c${at}`) return name
    throw new Error('no such token')
  }
})
