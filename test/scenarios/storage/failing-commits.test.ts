import { expect } from 'chai'
import { startServer } from '../../../src/server/start.ts'
import { FailingStorage } from '../../support/storages/failing-storage.ts'
import type { Failure } from '../../support/storages/failing-storage.ts'
import { TestServer } from '../../support/server.ts'
import type { Reply } from '../../support/server.ts'

/** A change, how its effect is seen, and how it is taken back. `%` is a name that no other round has. */
interface Change {
  readonly what: string
  readonly request: readonly [method: string, path: string, body?: unknown]
  readonly seen: readonly [method: string, path: string, body?: unknown]
  /** Done before, so that there is something to change. */
  readonly first?: readonly (readonly [method: string, path: string, body?: unknown])[]
}

const changes: readonly Change[] = [
  { what: 'a policy', request: ['PUT', 'sys/policies/acl/%', { policy: 'path "a" { capabilities = ["read"] }' }], seen: ['GET', 'sys/policies/acl/%'] },
  { what: 'no policy', first: [['PUT', 'sys/policies/acl/%', { policy: 'path "b" { capabilities = ["list"] }' }]], request: ['DELETE', 'sys/policies/acl/%'], seen: ['GET', 'sys/policies/acl/%'] },
  { what: 'a mount', request: ['POST', 'sys/mounts/%', { type: 'kv' }], seen: ['GET', 'sys/mounts/%'] },
  { what: 'a tuned mount', first: [['POST', 'sys/mounts/%', { type: 'kv' }]], request: ['POST', 'sys/mounts/%/tune', { description: 'new' }], seen: ['GET', 'sys/mounts/%'] },
  { what: 'a moved mount', first: [['POST', 'sys/mounts/%', { type: 'kv' }]], request: ['POST', 'sys/remount', { from: '%', to: '%-moved' }], seen: ['GET', 'sys/mounts/%-moved'] },
  { what: 'no mount', first: [['POST', 'sys/mounts/%', { type: 'kv' }], ['POST', '%/a', { a: 'b' }]], request: ['DELETE', 'sys/mounts/%'], seen: ['GET', 'sys/mounts/%'] },
  { what: 'a token role', request: ['POST', 'auth/token/roles/%', { renewable: true }], seen: ['GET', 'auth/token/roles/%'] },
  { what: 'a token', request: ['POST', 'auth/token/create', { id: 'id-%', policies: ['default'], ttl: '1h' }], seen: ['POST', 'auth/token/lookup', { token: 'id-%' }] },
  { what: 'no token', first: [['POST', 'auth/token/create', { id: 'id-%' }]], request: ['POST', 'auth/token/revoke', { token: 'id-%' }], seen: ['POST', 'auth/token/lookup', { token: 'id-%' }] },
  { what: 'no token under a prefix', first: [['POST', 'auth/token/roles/%', {}], ['POST', 'auth/token/create/%', { id: 'id-%' }]], request: ['PUT', 'sys/leases/revoke-prefix/auth/token/create/%', {}], seen: ['POST', 'auth/token/lookup', { token: 'id-%' }] },
  { what: 'a secret', request: ['POST', 'secret/data/%', { data: { a: '1' } }], seen: ['GET', 'secret/data/%'] },
  { what: 'a second version', first: [['POST', 'secret/data/%', { data: { a: '1' } }]], request: ['POST', 'secret/data/%', { data: { a: '2' } }], seen: ['GET', 'secret/data/%'] },
  { what: 'a destroyed version', first: [['POST', 'secret/data/%', { data: { a: '1' } }]], request: ['PUT', 'secret/destroy/%', { versions: [1] }], seen: ['GET', 'secret/data/%'] },
  { what: 'no secret', first: [['POST', 'secret/data/%', { data: { a: '1' } }]], request: ['DELETE', 'secret/metadata/%'], seen: ['GET', 'secret/metadata/%'] },
  { what: 'a cubbyhole', request: ['POST', 'cubbyhole/%', { a: 'b' }], seen: ['GET', 'cubbyhole/%'] },
  { what: 'a transit key', request: ['POST', 'transit/keys/%', {}], seen: ['GET', 'transit/keys/%'] },
  { what: 'a rotated key', first: [['POST', 'transit/keys/%', {}]], request: ['POST', 'transit/keys/%/rotate', {}], seen: ['GET', 'transit/keys/%'] },
  { what: 'a key made by encrypting', request: ['POST', 'transit/encrypt/%', { plaintext: 'YQ==' }], seen: ['GET', 'transit/keys/%'] },
  { what: 'a rotated barrier', request: ['PUT', 'sys/rotate', {}], seen: ['GET', 'sys/key-status'] },
] // prettier-ignore

/** What stays the same from one round to the next: no names, times, ids or counts. */
const shape = ({ status, text }: Reply, name: string): string =>
  `${status} ${text}`
    .replaceAll(name, '%')
    .replace(/"(?:request_id|uuid|accessor|id)":"[^"]*"/g, '')
    .replace(/"\d{4}-\d\d-\d\dT[^"]*"|\d{6,}/g, 'T')
    .replace(/"(?:term|encryptions|ttl|creation_ttl|oldest_version)":\d+/g, '')

describe('a storage that fails', () => {
  let server: TestServer
  const storage = new FailingStorage()
  before(async () => {
    const running = await startServer({
      dev: { rootTokenId: 'root', listenAddress: '127.0.0.1:0' },
      storage,
      log: () => {},
    })
    server = new TestServer(running, '', '')
    server.token = 'root'
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(async () => server.running.stop())

  let round = 0
  const ask = async ([method, path, body]: Change['request'], name: string): Promise<Reply> => {
    const filled = JSON.stringify(body ?? {}).replaceAll('%', name)
    return server.call(method, `/v1/${path.replaceAll('%', name)}`, method === 'GET' ? undefined : filled)
  }
  /** Makes what comes before, does the change while the storage fails as planned, and says what is seen then. */
  const tried = async (change: Change, plan: (Failure | undefined)[]) => {
    const name = `n${++round}`
    for (const request of change.first ?? []) expect((await ask(request, name)).status).to.be.lessThan(300)
    const before = shape(await ask(change.seen, name), name)
    const commits = storage.commits
    storage.plan = plan
    const reply = await ask(change.request, name)
    storage.plan = []
    const used = storage.commits - commits
    return { name, before, reply, used, seen: shape(await ask(change.seen, name), name) }
  }

  for (const change of changes)
    it(`${change.what}: all or nothing at each of its commits, a clear response, and the next try works`, async () => {
      const clean = await tried(change, [])
      expect(clean.reply.status, clean.reply.text).to.be.lessThan(300)
      expect(clean.used).to.be.greaterThan(0)
      for (const failure of ['refused', 'lost', 'done'] as const)
        for (let at = 0; at < clean.used; at++) {
          const { reply, seen, before, name } = await tried(change, [
            ...Array.from({ length: at }, () => undefined),
            failure,
          ])
          const what = `${failure} at commit ${at + 1}: ${reply.status} ${reply.text}`
          expect(seen, what).to.be.oneOf([before, clean.seen])
          if (reply.status < 300) expect(seen, what).to.equal(clean.seen)
          else {
            expect(reply.status, what).to.be.within(500, 503)
            expect(reply.text, what).to.not.match(/stack|\.js/)
          }
          if (seen === before && seen !== clean.seen) {
            expect((await ask(change.request, name)).status, `again, after ${what}`).to.be.lessThan(300)
            expect(shape(await ask(change.seen, name), name), `again, after ${what}`).to.equal(clean.seen)
          }
        }
    })
})
