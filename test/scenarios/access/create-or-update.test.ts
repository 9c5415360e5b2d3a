import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import type { Engine } from '../../../src/contract/engine.ts'
import { engines } from '../../../src/server/engines.ts'
import { startServer } from '../../../src/server/start.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { HeldStorage } from '../../support/storages/held-storage.ts'
import { TestServer } from '../../support/server.ts'
import type { Body, Reply } from '../../support/server.ts'

/** How a record of a route is written, seen and removed. */
interface Writing {
  readonly path: (name: string) => string
  readonly body: (mark: string) => Body
  /** Whether what is read shows the mark; by default the text of the answer holds it. */
  readonly shows?: (reply: Reply, mark: string) => boolean
  readonly read: (name: string) => string
  readonly remove: (name: string) => string
  /** What the record needs before it can be removed. */
  readonly before?: (name: string) => readonly [string, Body]
}

const plain = (mount: string): Writing => {
  const path = (name: string): string => `${mount}/${name}`
  return { path, body: (mark) => ({ mark }), read: path, remove: path }
}
const role = (name: string): string => `auth/token/roles/${name}`
const user = (name: string): string => `auth/userpass/users/${name}`
const machine = (name: string): string => `auth/approle/role/${name}`
const tokenUser = (name: string): string => `auth/jwt/role/${name}`
const trusted = (name: string): string => `auth/cert/certs/${name}`
const accountRole = (name: string): string => `auth/kubernetes/role/${name}`
const metadata = (name: string): string => `kv-2/metadata/${name}`
const authority = certificate().cert
const keyTypes: Readonly<Record<string, string>> = { first: 'chacha20-poly1305', rival: 'aes128-gcm96' }

/** Every route that wants `create` for what is not there and `update` for what is, by its place in the API. */
const writings: Readonly<Record<string, Writing>> = {
  '/cubbyhole/{path}': plain('cubbyhole'),
  '/kv-1/{path}': plain('kv-1'),
  '/generic/{path}': plain('generic'),
  '/kv-2/data/{path}': {
    path: (name) => `kv-2/data/${name}`,
    body: (mark) => ({ data: { mark } }),
    read: (name) => `kv-2/data/${name}`,
    remove: metadata,
  },
  '/kv-2/metadata/{path}': {
    path: metadata,
    body: (mark) => ({ custom_metadata: { mark } }),
    read: metadata,
    remove: metadata,
  },
  '/auth/token/roles/{role_name}': { path: role, body: (mark) => ({ path_suffix: mark }), read: role, remove: role },
  '/auth/userpass/users/{username}': {
    path: user,
    body: (mark) => ({ password: mark, token_policies: mark }),
    read: user,
    remove: user,
  },
  '/auth/approle/role/{role_name}': {
    path: machine,
    body: (mark) => ({ token_policies: mark }),
    read: machine,
    remove: machine,
  },
  '/auth/jwt/role/{name}': {
    path: tokenUser,
    body: (mark) => ({ role_type: 'jwt', user_claim: 'sub', bound_subject: 'x', token_policies: mark }),
    read: tokenUser,
    remove: tokenUser,
  },
  '/auth/kubernetes/role/{name}': {
    path: accountRole,
    body: (mark) => ({ bound_service_account_names: 'web', bound_service_account_namespaces: 'shop', audience: mark }),
    read: accountRole,
    remove: accountRole,
  },
  '/auth/cert/certs/{name}': {
    path: trusted,
    body: (mark) => ({ certificate: authority, display_name: mark }),
    read: trusted,
    remove: trusted,
  },
  '/identity/oidc/key/{name}': {
    path: (name) => `identity/oidc/key/${name}`,
    body: (mark) => ({ algorithm: 'EdDSA', allowed_client_ids: mark }),
    read: (name) => `identity/oidc/key/${name}`,
    remove: (name) => `identity/oidc/key/${name}`,
  },
  '/identity/oidc/role/{name}': {
    path: (name) => `identity/oidc/role/${name}`,
    body: (mark) => ({ key: 'default', client_id: mark }),
    read: (name) => `identity/oidc/role/${name}`,
    remove: (name) => `identity/oidc/role/${name}`,
  },
  '/identity/oidc/scope/{name}': {
    path: (name) => `identity/oidc/scope/${name}`,
    body: (mark) => ({ description: mark }),
    read: (name) => `identity/oidc/scope/${name}`,
    remove: (name) => `identity/oidc/scope/${name}`,
  },
  '/identity/oidc/assignment/{name}': {
    path: (name) => `identity/oidc/assignment/${name}`,
    body: (mark) => ({ entity_ids: mark }),
    read: (name) => `identity/oidc/assignment/${name}`,
    remove: (name) => `identity/oidc/assignment/${name}`,
  },
  '/identity/oidc/client/{name}': {
    path: (name) => `identity/oidc/client/${name}`,
    body: (mark) => ({ redirect_uris: `https://${mark}.example/` }),
    read: (name) => `identity/oidc/client/${name}`,
    remove: (name) => `identity/oidc/client/${name}`,
  },
  '/identity/oidc/provider/{name}': {
    path: (name) => `identity/oidc/provider/${name}`,
    body: (mark) => ({ allowed_client_ids: mark }),
    read: (name) => `identity/oidc/provider/${name}`,
    remove: (name) => `identity/oidc/provider/${name}`,
  },
  '/transit/encrypt/{name}': {
    path: (name) => `transit/encrypt/${name}`,
    body: (mark) => ({ plaintext: 'eA==', type: keyTypes[mark] }),
    shows: ({ body }, mark) => (body['data'] as Body)['type'] === keyTypes[mark],
    read: (name) => `transit/keys/${name}`,
    remove: (name) => `transit/keys/${name}`,
    before: (name) => [`transit/keys/${name}/config`, { deletion_allowed: true }],
  },
}

const creating = ['create', 'read', 'delete']
const updating = ['update', 'read', 'delete']

describe('a handler performs exactly the operation that the policy allowed, whatever others write in between', function () {
  this.timeout(120_000)
  // Nothing is done by itself: the next commit is the one that is raced.
  const storage = new HeldStorage()
  const log = join(temporaryFolder(), 'audit.log')
  let server: TestServer
  let count = 0

  before(async () => {
    const dev = { rootTokenId: 'root', listenAddress: '127.0.0.1:0' }
    server = new TestServer(await startServer({ dev, storage, clock: new HandClock(), log: () => {} }), '', '')
    server.token = 'root'
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await server.data('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
    await server.data('POST', 'sys/auth/cert', { type: 'cert' })
    for (const { type, kind, version } of engines({ kind: 'auth' } as Engine, {} as never))
      if (kind === 'secret' && !['cubbyhole', 'identity'].includes(type))
        await server.data('POST', `sys/mounts/${type}${version ? `-${version}` : ''}`, {
          type,
          ...(version && { options: { version } }),
        })
  })
  after(async () => server.running.stop())

  /** A caller whose policy can be replaced. */
  async function callerWith(capabilities: readonly string[]): Promise<Caller> {
    const policy = `judged-${count++}`
    const may = async (now: readonly string[]): Promise<void> => {
      await server.data('POST', `sys/policies/acl/${policy}`, {
        policy: `path "*" { capabilities = ${JSON.stringify(now)} }`,
      })
    }
    await may(capabilities)
    const { body } = await server.call('POST', '/v1/auth/token/create', {
      policies: [policy],
      no_default_policy: true,
    })
    const { client_token: token } = body['auth'] as { readonly client_token: string }
    const call = async (method: string, path: string, data?: Body): Promise<Reply> =>
      server.call(method, `/v1/${path}`, data, { 'X-Vault-Token': token })
    return { may, call }
  }

  it('covers every route whose write may be a creation', async () => {
    const { body } = await server.call('GET', '/v1/sys/internal/specs/openapi')
    const paths = Object.entries(((body['data'] ?? body) as { readonly paths: Record<string, Body> }).paths)
    const found = paths
      .filter(([, item]) => (item['post'] as Body | undefined)?.['x-vault-createSupported'] === true)
      .map(([path]) => path)
    // The mount that a development server has is one of the same kind.
    expect(found.filter((path) => !path.startsWith('/secret/'))).to.have.members(Object.keys(writings))
  })

  for (const [route, { path, body, read, remove, before, shows }] of Object.entries(writings))
    describe(route, () => {
      const holds = (reply: Reply, mark: string): boolean => shows?.(reply, mark) ?? reply.text.includes(mark)
      let name = ''
      beforeEach(() => (name = `n${count++}`))

      it('the capability create alone overwrites nothing', async () => {
        const caller = await callerWith(creating)
        const held = storage.holdNext(async () => {
          expect((await caller.call('POST', path(name), body('rival'))).status).to.be.lessThan(300)
        })
        const reply = await caller.call('POST', path(name), body('first'))
        await held
        expect(reply.status, reply.text).to.equal(403)
        expect(holds(await caller.call('GET', read(name)), 'rival')).to.equal(true)
      })

      it('the capability update alone creates nothing', async () => {
        const caller = await callerWith(creating)
        // Made otherwise for keys, so that their first use is the one that is raced.
        if (before) await server.data('POST', `transit/keys/${name}`, {})
        else expect((await caller.call('POST', path(name), body('rival'))).status).to.be.lessThan(300)
        if (before) await server.data('POST', ...before(name))
        await caller.may(updating)
        const held = storage.holdNext(async () => {
          expect((await caller.call('DELETE', remove(name))).status).to.be.lessThan(300)
        })
        const reply = await caller.call('POST', path(name), body('first'))
        await held
        expect(reply.status, reply.text).to.be.within(400, 403)
        expect((await caller.call('GET', read(name))).status).to.equal(404)
      })

      it('a request with both capabilities is judged again', async () => {
        const caller = await callerWith([...creating, 'update'])
        const held = storage.holdNext(async () => {
          expect((await caller.call('POST', path(name), body('rival'))).status).to.be.lessThan(300)
        })
        expect((await caller.call('POST', path(name), body('first'))).status).to.be.lessThan(300)
        await held
        // A key that is there is used as it is.
        expect(holds(await caller.call('GET', read(name)), before ? 'rival' : 'first')).to.equal(true)
      })

      it('is created once by many at the same time', async () => {
        const caller = await callerWith(creating)
        const replies = await Promise.all(
          Array.from({ length: 40 }, async () => caller.call('POST', path(name), body('first'))),
        )
        expect(replies.filter(({ status }) => status < 300)).to.have.length(1)
        expect(new Set(replies.map(({ status }) => status)))
          .to.include(403)
          .and.have.property('size', 2)
      })
    })

  it('a record that keeps coming and going ends in a 503, not in a wait', async () => {
    const caller = await callerWith([...creating, 'update'])
    let there = false
    const turn = async (): Promise<void> => {
      there = !there
      const reply = await server.call(there ? 'POST' : 'DELETE', '/v1/kv-1/restless', there ? { a: 1 } : undefined)
      expect(reply.status).to.equal(204)
      again()
    }
    const again = (): void => void storage.holdNext(turn)
    again()
    const reply = await caller.call('POST', 'kv-1/restless', { mine: true })
    storage.letGo()
    expect(reply.status, reply.text).to.equal(503)
  })

  it('the audit log has a request line of each decision before its effect', async () => {
    await server.data('PUT', 'sys/audit/file', { type: 'file', options: { file_path: log } })
    const caller = await callerWith([...creating, 'update'])
    const held = storage.holdNext(async () => {
      await server.data('POST', 'kv-1/told', { mark: 'rival' })
    })
    const { status } = await caller.call('POST', 'kv-1/told', { mark: 'first' })
    await held
    expect(status).to.equal(204)
    const lines = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    const mine = lines.filter(({ request, auth }) => request?.path === 'kv-1/told' && !auth?.policies?.includes('root'))
    expect(mine.map(({ type, request }) => `${type} ${request?.operation}`)).to.deep.equal([
      'request create',
      'request update',
      'response update',
    ])
    expect(new Set(mine.map(({ request }) => request?.id)).size).to.equal(1)
  })
})

interface Line {
  readonly type: string
  readonly auth?: { readonly policies?: readonly string[] }
  readonly request?: { readonly id: string; readonly path: string; readonly operation: string }
}

interface Caller {
  readonly may: (capabilities: readonly string[]) => Promise<void>
  readonly call: (method: string, path: string, data?: Body) => Promise<Reply>
}
