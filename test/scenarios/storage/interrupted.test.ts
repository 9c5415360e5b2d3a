import { expect } from 'chai'
import { diesAtEveryCommit } from '../../support/storages/interrupted.ts'
import type { Body, TestServer } from '../../support/server.ts'

const fill = async (server: TestServer, count: number, path: (n: number) => string, body: (n: number) => Body) => {
  for (let from = 0; from < count; from += 20)
    await Promise.all(
      Array.from({ length: Math.min(20, count - from) }, async (_, at) =>
        server.data('POST', path(from + at), body(from + at)),
      ),
    )
}
const read = async (server: TestServer, path: string) => {
  const { status, body } = await server.call('GET', `/v1/${path}`)
  return status === 200 ? body['data'] : status
}
const mountPaths = async (server: TestServer) => Object.keys(await server.data('GET', 'sys/mounts')).toSorted()
const token = async (server: TestServer, as: string, body: Body = {}) => {
  const reply = await server.call('POST', '/v1/auth/token/create', body, { 'X-Vault-Token': as })
  return (reply.body['auth'] as { readonly client_token: string }).client_token
}
const lives = async (server: TestServer, tokens: readonly string[]) =>
  Promise.all(
    tokens.map(async (one) => {
      const headers = { 'X-Vault-Token': one }
      return (await server.call('GET', '/v1/auth/token/lookup-self', undefined, headers)).status === 200
    }),
  )

describe('a server that dies in the middle of its work, at every commit', function () {
  this.timeout(300_000)

  it('removes a mount with all it holds, or has not begun', async () => {
    const deaths = await diesAtEveryCommit({
      prepare: async (server) => {
        await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
        await fill(
          server,
          250,
          (n) => `kv/folder-${n % 3}/${n}`,
          () => ({ a: 1 }),
        )
      },
      run: async (server) => server.call('DELETE', '/v1/sys/mounts/kv'),
      look: async (server) => [await mountPaths(server), await read(server, 'kv/folder-0/0')],
    })
    expect(deaths).to.be.greaterThan(3)
  })

  it('removes a role of approle with all its secret ids, or has not begun', async () => {
    const ids = (server: TestServer) => server.call('GET', '/v1/auth/approle/role/web/secret-id?list=true')
    await diesAtEveryCommit({
      prepare: async (server) => {
        await server.data('POST', 'sys/auth/approle', { type: 'approle' })
        await server.data('POST', 'auth/approle/role/web', { role_id: 'web' })
        const path = () => 'auth/approle/role/web/custom-secret-id'
        await fill(server, 120, path, (n) => ({ secret_id: `s${n}`, ttl: '1h' }))
      },
      run: async (server) => {
        await server.call('DELETE', '/v1/auth/approle/role/web')
        await server.call('POST', '/v1/auth/approle/tidy/secret-id', {})
      },
      look: async (server) => [
        (await server.call('GET', '/v1/auth/approle/role/web')).status,
        (await ids(server)).status,
        (await server.call('POST', '/v1/auth/approle/login', { role_id: 'web', secret_id: 's7' }, {})).status,
      ],
    })
  })

  it('moves a mount, and it is in one place', async () => {
    await diesAtEveryCommit({
      prepare: async (server) => {
        await server.data('POST', 'sys/mounts/here', { type: 'kv' })
        await server.data('POST', 'here/x', { a: 1 })
      },
      run: async (server) => server.call('POST', '/v1/sys/remount', { from: 'here', to: 'there' }),
      look: async (server) => [await mountPaths(server), await read(server, 'here/x'), await read(server, 'there/x')],
    })
  })

  it('gives a store versions without losing a secret', async () => {
    const count = 6
    const deaths = await diesAtEveryCommit({
      prepare: async (server) => {
        await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
        await fill(
          server,
          count,
          (n) => `kv/f/${n}`,
          (n) => ({ n }),
        )
      },
      run: async (server) => server.call('POST', '/v1/sys/mounts/kv/tune', { options: { version: '2' } }),
      look: async (server) => {
        const old = await Promise.all(Array.from({ length: count }, async (_, n) => read(server, `kv/f/${n}`)))
        const now = await Promise.all(
          Array.from({ length: count }, async (_, n) => {
            const found = await read(server, `kv/data/f/${n}`)
            return typeof found === 'object' ? (found as Body)['data'] : found
          }),
        )
        const mounts = await server.data('GET', 'sys/mounts')
        return { old, now, options: (mounts['kv/'] as Body)['options'] }
      },
    })
    expect(deaths).to.be.greaterThan(count)
  })

  it('revokes a token with its children, and removes their data', async () => {
    let tree: string[] = []
    const deaths = await diesAtEveryCommit({
      prepare: async (server) => {
        const top = await token(server, server.token, { policies: ['root'], ttl: '300h' })
        tree = [top]
        for (const parent of [top, top]) {
          const child = await token(server, parent, { ttl: '200h' })
          tree.push(child, await token(server, child, { ttl: '200h' }))
        }
        for (const one of tree) await server.call('POST', '/v1/cubbyhole/kept', { a: 1 }, { 'X-Vault-Token': one })
      },
      run: async (server) => server.call('POST', '/v1/auth/token/revoke', { token: tree[0] }),
      look: async (server) => lives(server, tree),
    })
    expect(deaths).to.be.greaterThan(4)
  })

  it('ends all leases under a prefix', async () => {
    let tokens: string[] = []
    const deaths = await diesAtEveryCommit({
      prepare: async (server) => {
        await server.data('POST', 'auth/token/roles/app', { allowed_policies: 'default', orphan: true })
        const made = Array.from({ length: 4 }, async () => {
          const { body } = await server.call('POST', '/v1/auth/token/create/app', { ttl: '300h' })
          return (body['auth'] as { readonly client_token: string }).client_token
        })
        tokens = await Promise.all(made)
      },
      run: async (server) => server.call('PUT', '/v1/sys/leases/revoke-prefix/auth/token/create/app'),
      look: async (server) => lives(server, tokens),
    })
    expect(deaths).to.be.greaterThan(4)
  })
})
