import { expect } from 'chai'
import type { Commit, CommitResult, Entry } from '../../src/contract/storage.ts'
import { StorageUnavailable } from '../../src/contract/storage.ts'
import { startServer } from '../../src/server/start.ts'
import { MemoryStorage } from '../../src/storage/memory.ts'
import { TestServer } from '../support/server.ts'

/** A storage that cannot be read from the moment at which a commit is in it. */
class UnreadableStorage extends MemoryStorage {
  failing = false
  failAtCommit = false

  override async get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    if (this.failing) throw new StorageUnavailable('not readable now, by the test')
    return super.get(keys)
  }

  override async commit(commit: Commit): Promise<CommitResult> {
    if (this.failAtCommit) this.failing = true
    return super.commit(commit)
  }
}

describe('a server whose mounts are stale', () => {
  it('decides no request until they could be read, and then by the stored ones', async () => {
    const storage = new UnreadableStorage()
    const running = await startServer({ dev: { rootTokenId: 'root', listenAddress: '127.0.0.1:0' }, log: () => {}, storage }) // prettier-ignore
    const server = new TestServer(running, '', '')
    server.token = 'root'
    try {
      await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
      await server.data('PUT', 'kv/a', { v: '1' })
      const { body } = await server.call('POST', '/v1/auth/token/create', {})
      const token = (body['auth'] as { readonly client_token: string }).client_token
      const status = async (path: string): Promise<number> =>
        (await server.call('GET', `/v1/${path}`, undefined, { 'X-Vault-Token': token })).status
      expect(await status('kv/a')).to.equal(200)
      storage.failAtCommit = true
      await server.call('DELETE', '/v1/sys/mounts/kv')
      const refused = await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })
      expect([refused.status, refused.text]).to.satisfy(([code, text]: [number, string]) => code === 503 && text.includes('try again')) // prettier-ignore
      // Monitoring goes on.
      expect((await server.call('GET', '/v1/sys/seal-status')).status).to.equal(200)
      // What needs a token cannot be judged, and is not open to everyone as it is while the server is sealed.
      const snapshot = '/v1/sys/storage/raft/snapshot'
      for (const [method, path] of [
        ['GET', snapshot],
        ['POST', snapshot],
        ['POST', `${snapshot}-force`],
        ['PUT', '/v1/sys/seal'],
      ] as const)
        // prettier-ignore
        expect((await server.call(method, path, undefined, {})).text, path).to.include('try again')
      expect((await server.call('GET', '/v1/sys/seal-status')).body['sealed']).to.equal(false)
      storage.failAtCommit = false
      storage.failing = false
      expect([await status('auth/token/lookup-self'), await status('kv/a')]).to.deep.equal([200, 404])
    } finally {
      await running.stop()
    }
  })
})
