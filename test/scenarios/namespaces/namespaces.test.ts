import { expect } from 'chai'
import { ask, inside, makeNamespace, tokenIn } from '../../support/requests/namespaces.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const everything = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"] }'

describe('namespaces', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())

  const at = async (namespace: string, method: string, path: string, body?: unknown, token = 'root'): Promise<Reply> =>
    ask(server, { header: namespace, prefix: '' }, token, method, path, body)
  const warnings = ({ body }: Reply): unknown => body['warnings']
  const auth = ({ body }: Reply): Body => body['auth'] as Body
  const gone = async (namespace: string, name: string): Promise<void> => {
    while ((await at(namespace, 'GET', `sys/namespaces/${name}`)).status !== 404) await new Promise(setImmediate)
  }

  it('CVE-2026-55775: no name can be mistaken for something else', async () => {
    const names = [
      'root', 'ROOT', 'Root', 'sys', 'SYS', 'audit', 'auth', 'cubbyhole', 'identity', 'api-lock', 'unseal', 'seal', 'a*', '*', '+', 'a+b',
      'a%20b', 'a%09b', '%E2%80%AE', '%C2%A0', '%00', 'a%2Fb', 'a/b', '%2E', '%2E%2E', ('x'.repeat(129)),
    ] // prettier-ignore
    for (const name of names) {
      const reply = await at('', 'POST', `sys/namespaces/${name}`, {})
      expect(reply.status, `${name}: ${reply.text}`).to.equal(400)
    }
    for (const name of ['..', '.']) {
      const reply = await at('', 'POST', `sys/namespaces/${name}`, {})
      expect(reply.status, name).to.be.oneOf([307, 400, 404, 405])
    }
    expect((await at('', 'POST', 'sys/namespaces', {})).status).to.equal(405)
    for (const empty of ['/', '//', '/%20', '/%09', '/%00', '/%2F', '/%C2%A0', '/%EF%BB%BF', '//root', '/x/', '/x//y'])
      for (const method of ['POST', 'PUT', 'PATCH']) {
        const { status } = await at('', method, `sys/namespaces${empty}`, {})
        expect(status, `${method} ${empty}`).to.be.oneOf([307, 400, 403, 404, 405])
      }
    for (const data of [{ path: '' }, { name: '' }, { path: 'root' }, { path: '/' }])
      expect((await at('', 'POST', 'sys/namespaces/', data)).status, JSON.stringify(data)).to.be.within(400, 405)
    expect((await at('', 'GET', 'sys/namespaces?list=true')).status).to.equal(404)
  })

  it('CVE-2026-55775: no spelling of a header leads to another namespace', async () => {
    await makeNamespace(server, 'spelt/in')
    const names = ['spelt//in', 'spelt/./in', 'spelt/../spelt', '..', '.', 'spelt/in/..', 'SPELT', 'spelt%2Fin', 'spelt/root', 'root/spelt', 'spelt\\in', 'spelt in'] // prettier-ignore
    for (const name of names) expect((await at(name, 'GET', 'sys/mounts')).status, name).to.equal(404)
    for (const name of ['spelt', '/spelt', 'spelt/', '/spelt/', ' spelt '])
      expect((await at(name, 'GET', 'sys/namespaces/in')).status, name).to.equal(200)
  })

  it('notes that are given as an empty list are none, as in every map', async () => {
    const made = await at('', 'POST', 'sys/namespaces/unnoted', { custom_metadata: [] })
    expect([made.status, (made.body['data'] as Body)['custom_metadata']]).to.deep.equal([200, {}])
    expect((await at('', 'POST', 'sys/namespaces/unnoted', { custom_metadata: ['a'] })).status).to.equal(400)
    await at('', 'DELETE', 'sys/namespaces/unnoted')
    await gone('', 'unnoted')
  })

  it('its path belongs to it: neither a mount nor another namespace can have it', async () => {
    await makeNamespace(server, 'taken')
    await inside(server, '', 'POST', 'sys/mounts/mounted/here', { type: 'kv' })
    for (const path of ['taken', 'taken/kv', 'taken/a/b'])
      expect((await at('', 'POST', `sys/mounts/${path}`, { type: 'kv' })).status).to.equal(400)
    expect((await at('', 'POST', 'sys/remount', { from: 'mounted/here', to: 'taken/x' })).status).to.equal(400)
    expect((await at('', 'POST', 'sys/namespaces/mounted', {})).status).to.equal(400)
    expect((await at('', 'POST', 'sys/mounts/takenaway', { type: 'kv' })).status).to.equal(204)
    const both = await Promise.all([
      at('', 'POST', 'sys/namespaces/race', {}),
      at('', 'POST', 'sys/mounts/race', { type: 'kv' }),
      at('', 'POST', 'sys/namespaces/race', {}),
      at('', 'POST', 'sys/mounts/race/x', { type: 'kv' }),
    ])
    const made = both.map(({ status }) => status < 300)
    expect(made.filter((one) => one).length, String(made)).to.be.oneOf([1, 2])
    expect(made[0] || made[2]).to.not.equal(made[1] || made[3])
  })

  it('many simultaneous creations create one', async () => {
    const made = await Promise.all(Array.from({ length: 30 }, async () => at('', 'POST', 'sys/namespaces/once', {})))
    expect(made.map(({ status }) => status)).to.deep.equal(Array(30).fill(200))
    expect(new Set(made.map(({ body }) => (body['data'] as Body)['uuid'])).size).to.equal(1)
    expect(Object.keys(await inside(server, 'once', 'GET', 'sys/mounts')).sort()).to.deep.equal([
      'cubbyhole/',
      'identity/',
      'sys/',
    ])
  })

  it('notes about it are strings, few and short; a write replaces them, a patch changes them', async () => {
    const write = async (method: string, metadata: unknown): Promise<Reply> =>
      server.call(method, '/v1/sys/namespaces/noted', { custom_metadata: metadata }, {
        'X-Vault-Token': 'root',
        'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      }) // prettier-ignore
    expect((await write('PATCH', { a: 'b' })).status, 'absent').to.equal(404)
    await write('POST', { a: 'b', c: 'd' })
    await write('PATCH', { a: null, e: 'f' })
    expect((await inside(server, '', 'GET', 'sys/namespaces/noted'))['custom_metadata']).to.deep.equal({
      c: 'd',
      e: 'f',
    })
    const odd = [5, 'x', [5], { a: 5 }, { a: { b: 1 } }, { a: ['b'] }, { '': 'x' }, { a: 'x'.repeat(513) }, Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`n${n}`, 'x']))] // prettier-ignore
    for (const metadata of odd)
      for (const method of ['POST', 'PATCH'])
        expect((await write(method, metadata)).status, `${method} ${JSON.stringify(metadata)}`).to.equal(400)
    expect((await write('POST', { a: null })).status).to.equal(400)
    await write('PATCH', null)
    expect((await inside(server, '', 'GET', 'sys/namespaces/noted'))['custom_metadata']).to.deep.equal({})
  })

  it('from above a token is made with sudo only, with policies of the namespace, never with root', async () => {
    await makeNamespace(server, 'child')
    const plain = await tokenIn(server, '', 'path "child/auth/token/create*" { capabilities = ["update"] }')
    const sudo = await tokenIn(server, '', 'path "child/auth/token/create*" { capabilities = ["update", "sudo"] }')
    const create = async (body: unknown, token = 'root'): Promise<Reply> =>
      at('child', 'POST', 'auth/token/create', body, token)
    expect((await create({}, plain.client_token)).status).to.equal(400)
    const made = auth(await create({}, sudo.client_token))
    expect([made['policies'], made['orphan']]).to.deep.equal([['default'], false])
    expect(String(made['accessor'])).to.match(/^\w{24}\.\w{6}$/)
    for (const policies of [['root'], [' ROOT '], ['Root', 'x']]) {
      for (const token of ['root', sudo.client_token]) expect((await create({ policies }, token)).status).to.equal(400)
    }
    expect((await create({ id: 'chosen' })).status).to.equal(400)
    // What is called the same below is not the same.
    await inside(server, '', 'PUT', 'sys/policies/acl/both', { policy: 'path "secret/*" { capabilities = ["read"] }' })
    const both = auth(await create({ policies: ['both'] }))
    expect((await at('', 'GET', 'secret/data/x', undefined, String(both['client_token']))).status).to.equal(403)
    // It ends with the token that made it.
    await inside(server, '', 'POST', 'auth/token/revoke', { token: sudo.client_token })
    expect(
      (await at('child', 'GET', 'auth/token/lookup-self', undefined, String(made['client_token']))).status,
    ).to.equal(403)
  })

  it('inside, nobody can become root, nor more than the policies there allow', async () => {
    await makeNamespace(server, 'ward')
    const admin = await tokenIn(server, 'ward', everything)
    const create = async (body: unknown) => at('ward', 'POST', 'auth/token/create', body, admin.client_token)
    for (const policies of [['root'], ['ROOT '], ['default', 'root']])
      expect((await create({ policies })).status).to.equal(400)
    for (const name of ['root', 'Root', ' root']) {
      const asked = { policy: everything }
      expect(
        (await at('ward', 'PUT', `sys/policies/acl/${encodeURIComponent(name)}`, asked, admin.client_token)).status,
      ).to.equal(400)
    }
    expect(
      (await at('ward', 'POST', 'sys/policies/acl/all', { policy: everything }, admin.client_token)).status,
    ).to.equal(204)
    const made = String(auth(await create({ policies: ['all'] }))['client_token'])
    for (const [namespace, path] of [
      ['', 'sys/mounts'],
      ['', 'ward/../sys/mounts'],
      ['child', 'sys/mounts'],
      ['', 'child/sys/mounts'],
    ] as const)
      // prettier-ignore
      expect((await at(namespace, 'GET', path, undefined, made)).status).to.be.oneOf([403, 307])
    for (const path of ['create-orphan', 'create'])
      expect((await at('', 'POST', `auth/token/${path}`, {}, made)).status).to.equal(403)
  })

  it('a batch token knows its namespace, and ends with it', async () => {
    await makeNamespace(server, 'brief')
    await inside(server, 'brief', 'POST', 'sys/mounts/kv', { type: 'kv' })
    const { client_token: token } = await tokenIn(server, 'brief', everything, { type: 'batch' })
    expect((await at('brief', 'GET', 'sys/mounts', undefined, token)).status).to.equal(200)
    expect((await at('', 'GET', 'sys/mounts', undefined, token)).status).to.equal(403)
    await inside(server, '', 'DELETE', 'sys/namespaces/brief')
    expect((await at('', 'GET', 'auth/token/lookup-self', undefined, token)).status).to.equal(403)
    await gone('', 'brief')
    await makeNamespace(server, 'brief')
    expect((await at('brief', 'GET', 'sys/mounts', undefined, token)).status).to.equal(403)
  })

  it('a cubbyhole is the token’s own, also where the token works in a namespace below', async () => {
    await makeNamespace(server, 'drawer/inner')
    const rules = everything
    const { client_token: mine } = await tokenIn(server, 'drawer', rules)
    const { client_token: yours } = await tokenIn(server, 'drawer', rules)
    expect((await at('drawer/inner', 'PUT', 'cubbyhole/k', { x: 'mine' }, mine)).status).to.equal(204)
    expect((await at('drawer', 'GET', 'cubbyhole/k', undefined, mine)).status).to.equal(200)
    for (const token of [yours, 'root'])
      for (const namespace of ['', 'drawer', 'drawer/inner'])
        expect((await at(namespace, 'GET', 'cubbyhole/k', undefined, token)).status).to.be.oneOf([403, 404])
    expect((await at('', 'GET', 'cubbyhole/k', undefined, mine)).status).to.equal(403)
  })

  it('a wrapped response is unwrapped once, by its own token from anywhere, or by a caller with the right to unwrap', async () => {
    await makeNamespace(server, 'parcel')
    await inside(server, 'parcel', 'POST', 'sys/mounts/kv', { type: 'kv' })
    await inside(server, 'parcel', 'POST', 'kv/x', { in: 'parcel' })
    const wrap = async (): Promise<string> => {
      const reply = await server.call('GET', '/v1/parcel/kv/x', undefined, {
        'X-Vault-Token': 'root',
        'X-Vault-Wrap-TTL': '60',
      })
      return (reply.body['wrap_info'] as { readonly token: string }).token
    }
    for (const namespace of ['parcel', '', 'drawer']) {
      const token = await wrap()
      const opened = await at(namespace, 'POST', 'sys/wrapping/unwrap', undefined, token)
      expect([opened.status, opened.body['data']], namespace).to.deep.equal([200, { in: 'parcel' }])
      expect((await at(namespace, 'POST', 'sys/wrapping/unwrap', undefined, token)).status).to.equal(400)
    }
    const { client_token: other } = await tokenIn(server, 'drawer', everything)
    const token = await wrap()
    expect((await at('parcel', 'POST', 'sys/wrapping/unwrap', { token }, other)).status, 'may not act there').to.equal(
      403,
    )
    expect((await at('parcel', 'GET', 'kv/x', undefined, token)).status, 'a wrapping token reads nothing').to.equal(403)
    const kept = await wrap()
    expect((await at('', 'POST', 'sys/wrapping/lookup', { token: kept }, '')).status).to.equal(200)
    await inside(server, '', 'DELETE', 'sys/namespaces/parcel')
    expect((await at('', 'POST', 'sys/wrapping/unwrap', { token: kept })).status, 'gone with its namespace').to.equal(
      400,
    )
  })

  it('locked, it answers nobody but to unlock: by its key, or with sudo', async () => {
    await makeNamespace(server, 'vaulted/in/deep')
    await makeNamespace(server, 'beside')
    const admin = await tokenIn(server, 'vaulted', everything)
    const plain = await tokenIn(server, 'vaulted', 'path "sys/namespaces/api-lock/*" { capabilities = ["update"] }')
    const wrapped = await server.call('GET', '/v1/vaulted/sys/mounts', undefined, {
      'X-Vault-Token': 'root',
      'X-Vault-Wrap-TTL': '60',
    })
    const parcel = (wrapped.body['wrap_info'] as { readonly token: string }).token
    const key = String((await inside(server, 'vaulted', 'POST', 'sys/namespaces/api-lock/lock', {}))['unlock_key'])
    for (const namespace of ['vaulted', 'vaulted/in', 'vaulted/in/deep'])
      for (const token of ['root', admin.client_token, ''])
        for (const [method, path] of [
          ['GET', 'sys/mounts'],
          ['POST', 'auth/token/create'],
          ['GET', 'sys/internal/ui/mounts'],
          ['GET', 'auth/token/lookup-self'],
          ['POST', 'sys/namespaces/api-lock/lock'],
          ['POST', 'sys/wrapping/lookup'],
          ['GET', 'nothing/here'],
        ] as const) {
          // prettier-ignore
          const reply = await at(namespace, method, path, method === 'POST' ? {} : undefined, token)
          if (token === '') {
            const open = path === 'sys/internal/ui/mounts' ? 200 : 403
            expect(reply.status, `${namespace} ${path}: ${reply.text}`).to.equal(open)
            expect(reply.text).to.not.match(/lock|vaulted/)
            continue
          }
          expect(reply.status, `${namespace} ${path} ${token}: ${reply.text}`).to.equal(503)
          expect(reply.text).to.include('"vaulted/\\" must be unlocked'.replace('"v', '\\"v'))
        }
    // Nor do its tokens and what is wrapped in it work from elsewhere.
    for (const path of ['lookup-self', 'lookup'])
      expect(
        (
          await at(
            '',
            path === 'lookup' ? 'POST' : 'GET',
            `auth/token/${path}`,
            path === 'lookup' ? {} : undefined,
            admin.client_token,
          )
        ).status,
      ).to.equal(503)
    expect((await at('', 'POST', 'auth/token/lookup', { token: admin.client_token })).status).to.equal(503)
    expect((await at('', 'POST', 'sys/wrapping/unwrap', { token: parcel })).status).to.equal(503)
    expect((await at('beside', 'GET', 'sys/mounts')).status).to.equal(200)
    expect((await at('', 'GET', 'sys/seal-status', undefined, '')).status).to.equal(200)
    expect((await at('', 'POST', 'sys/namespaces/api-lock/lock/vaulted/in', {})).status, 'in a locked one').to.equal(
      400,
    )
    expect((await at('', 'POST', 'sys/namespaces/api-lock/unlock/vaulted/in', { unlock_key: key })).status).to.equal(
      400,
    )
    for (const unlock_key of ['wrong', '', key.slice(0, -1), `${key}x`])
      expect(
        (await at('vaulted', 'POST', 'sys/namespaces/api-lock/unlock', { unlock_key }, plain.client_token)).status,
      ).to.equal(400)
    expect((await at('vaulted', 'POST', 'sys/namespaces/api-lock/unlock', { unlock_key: key }, '')).status).to.equal(
      403,
    )
    expect(
      (await at('vaulted', 'POST', 'sys/namespaces/api-lock/unlock', { unlock_key: key }, plain.client_token)).status,
    ).to.equal(204)
    expect((await at('vaulted/in', 'GET', 'sys/mounts', undefined, admin.client_token)).status).to.equal(200)
    expect(
      (await at('vaulted', 'POST', 'sys/namespaces/api-lock/unlock', { unlock_key: key }, plain.client_token)).status,
      'twice',
    ).to.equal(400)
    await inside(server, '', 'POST', 'sys/namespaces/api-lock/lock/vaulted/in', {})
    expect((await at('vaulted', 'GET', 'sys/mounts')).status).to.equal(200)
    const opened = await at('vaulted', 'POST', 'sys/namespaces/api-lock/unlock/in', {}, admin.client_token)
    expect([opened.status, warnings(opened)]).to.deep.equal([200, ['Namespace unlocked using sudo capabilities']])
    for (const path of ['', '/', '/none'])
      expect((await at('', 'POST', `sys/namespaces/api-lock/lock${path}`, {})).status).to.be.oneOf([400, 404])
  })

  it('its removal removes everything in it for good; a new one of the same name is empty', async () => {
    await makeNamespace(server, 'short/inner')
    expect((await at('', 'DELETE', 'sys/namespaces/short')).status, 'not while there is one inside').to.equal(400)
    await inside(server, 'short', 'DELETE', 'sys/namespaces/inner')
    await gone('short', 'inner')
    await inside(server, 'short', 'POST', 'sys/mounts/kv', { type: 'kv' })
    await inside(server, 'short', 'POST', 'kv/x', { a: 'b' })
    const { client_token: token, accessor } = await tokenIn(server, 'short', everything)
    const removed = await at('', 'DELETE', 'sys/namespaces/short')
    expect([removed.status, removed.body['data']]).to.deep.equal([200, { status: 'in-progress' }])
    expect((await at('short', 'GET', 'kv/x')).body).to.deep.equal({ errors: ['namespace not found'] })
    expect((await at('', 'GET', 'short/kv/x')).status).to.equal(404)
    expect((await at('', 'GET', 'auth/token/lookup-self', undefined, token)).status).to.equal(403)
    await gone('', 'short')
    await makeNamespace(server, 'short')
    expect((await at('short', 'GET', 'sys/mounts', undefined, token)).status).to.equal(403)
    expect((await at('short', 'POST', 'auth/token/lookup-accessor', { accessor })).status).to.equal(400)
    expect((await at('short', 'GET', 'kv/x')).status).to.equal(404)
    expect(Object.keys(await inside(server, 'short', 'GET', 'sys/mounts')).sort()).to.deep.equal([
      'cubbyhole/',
      'identity/',
      'sys/',
    ])
    const absent = await at('', 'DELETE', 'sys/namespaces/nothing')
    expect([absent.status, absent.body['data']]).to.deep.equal([200, null])
  })

  it('quotas: for a mount in it, for it as a whole, and for those below if it lets them', async () => {
    await makeNamespace(server, 'busy/below')
    await inside(server, 'busy', 'POST', 'sys/mounts/kv', { type: 'kv' })
    const quota = async (name: string, body: Body): Promise<Reply> =>
      at('', 'POST', `sys/quotas/rate-limit/${name}`, body)
    const burst = async (namespace: string, path: string): Promise<number> => {
      const all = await Promise.all(Array.from({ length: 4 }, async () => at(namespace, 'GET', path)))
      return all.filter(({ status }) => status === 429).length
    }
    await quota('one', { path: 'busy/kv', rate: 1, interval: '1h' })
    expect(await burst('busy', 'kv/x')).to.equal(3)
    expect(await burst('busy', 'sys/mounts')).to.equal(0)
    expect((await inside(server, '', 'GET', 'sys/quotas/rate-limit/one'))['path']).to.equal('busy/kv/')
    await quota('all', { path: 'busy/', rate: 1, interval: '1h' })
    expect(await burst('busy', 'sys/mounts')).to.equal(3)
    expect(await burst('busy/below', 'sys/mounts'), 'not inherited').to.equal(0)
    await quota('all', { path: 'busy', rate: 1, interval: '1h', inheritable: true })
    expect(await burst('busy/below', 'sys/mounts')).to.equal(3)
    expect(await burst('beside', 'sys/mounts')).to.equal(0)
    expect((await quota('bad', { path: 'busy/nothing', rate: 1 })).status).to.equal(400)
    for (const name of ['below', 'busy']) {
      await inside(server, name === 'below' ? 'busy' : '', 'DELETE', `sys/namespaces/${name}`).catch(() => {})
      if (name === 'below') await inside(server, '', 'DELETE', 'sys/quotas/rate-limit/all')
    }
  })
})
