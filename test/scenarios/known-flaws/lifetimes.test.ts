import { expect } from 'chai'
import * as fc from 'fast-check'
import { HandClock } from '../../support/clock.ts'
import { inside, makeNamespace } from '../../support/requests/namespaces.ts'
import { devServer, openLevelServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface Auth {
  readonly client_token: string
  readonly lease_duration: number
  readonly accessor: string
}

describe('known flaws: lifetimes and leases', function () {
  this.timeout(60_000)
  const clock = new HandClock()
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
  })
  after(async () => server.running.stop())

  const post = async (path: string, data: unknown, token = 'root'): Promise<Reply> =>
    server.call('POST', `/v1/${path}`, data, { 'X-Vault-Token': token })
  const made = async (body: Body, path = 'create'): Promise<Auth> => {
    const { status, text, body: told } = await post(`auth/token/${path}`, { policies: ['default'], ...body })
    if (status !== 200) throw new Error(text)
    return told['auth'] as Auth
  }
  const lives = async (token: string): Promise<boolean> =>
    (await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })).status === 200

  it('CVE-2021-32923: however a token is renewed, it ends at its limit, to the millisecond, and never has a life of zero', async () => {
    const limit = 20_000
    await server.data('POST', 'auth/token/roles/capped', { token_explicit_max_ttl: '20s', renewable: true })
    const kinds: readonly (readonly [path: string, body: Body])[] = [
      ['create', { ttl: '10s', explicit_max_ttl: '20s' }],
      ['create', { period: '10s', explicit_max_ttl: '20s' }],
      ['create/capped', { ttl: '10s' }],
    ]
    const increments = [undefined, 0, '0', '0s', 1, '1s', '19s', '20s', '1h', '768h']
    const ways = ['auth/token/renew-self', 'auth/token/renew', 'auth/token/renew-accessor', 'sys/leases/renew'] as const
    const plan = fc.record({
      kind: fc.constantFrom(...kinds),
      // Near the end, and at it: half a second, a millisecond, nothing.
      stops: fc.array(fc.constantFrom(3000, 9500, 9999, 500, 499, 1, 0), { minLength: 1, maxLength: 8 }),
      increment: fc.constantFrom(...increments),
      way: fc.nat(ways.length - 1),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ kind: [path, body], stops, increment, way }) => {
        const { client_token: token, accessor } = await made(body, path)
        const begun = clock.now()
        const what = JSON.stringify([path, body, stops, increment, ways[way]])
        for (const stop of stops) {
          clock.advance(stop)
          const more = increment === undefined ? {} : { increment }
          const { keys } = (await server.call('LIST', `/v1/sys/leases/lookup/auth/token/${path}`)).body['data'] as { readonly keys: readonly string[] } ?? { keys: [] } // prettier-ignore
          const lease = `auth/token/${path}/${keys?.at(-1) ?? 'none'}`
          const named = [{}, { token }, { accessor }, { lease_id: lease }][way] as Body
          const reply = await post(ways[way] as string, { ...named, ...more }, way === 0 ? token : 'root')
          const left = begun + limit - clock.now()
          const isOver = left <= 0
          if (reply.status === 200 && way < 3) {
            const { lease_duration: granted } = reply.body['auth'] as Auth
            expect(granted, `${what} ${left}`).to.be.within(isOver ? 0 : 1, Math.max(1, Math.ceil(left / 1000)))
          }
          if (isOver) expect(await lives(token), `${what} ${left}`).to.equal(false)
        }
        clock.advance(begun + limit - clock.now() > 0 ? begun + limit - clock.now() : 0)
        expect(await lives(token), what).to.equal(false)
      }),
      { numRuns: 60, seed: 32_923 },
    )
  })

  it('0.11.3: mounts and roles with any letters in their names: their leases are found, listed and revoked', async () => {
    const names = ['a.b', '.a', 'a.', 'a-b', 'a_b', '~a', 'a~b', 'a b', '100%', 'a%2eb', 'a+b', 'a*b', 'ü', '日本', 'a:b', 'a@b', 'a=b', 'a,b', 'a&b', "a'b", 'a"b', 'a(b)', 'a;b', 'a!b', 'a$b', 'a\\b', 'a?b', 'a#b'] // prettier-ignore
    const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    let tried = 0
    for (const name of names) {
      const path = encodeURIComponent(name)
      const mounted = await post(`sys/auth/${path}`, { type: 'userpass' })
      const role = await post(`auth/token/roles/${path}`, { allowed_policies: 'default' })
      const tokens: string[] = []
      if (mounted.status === 204) {
        await post(`auth/${path}/users/u`, { password_hash: hash })
        const { body, text } = await server.call('POST', `/v1/auth/${path}/login/u`, { password: 'U*U' }, {})
        expect(body, text).to.have.property('auth')
        tokens.push((body['auth'] as Auth).client_token)
      }
      if (role.status === 204) tokens.push((await made({}, `create/${path}`)).client_token)
      for (const token of tokens) expect(await lives(token), name).to.equal(true)
      if (mounted.status === 204) expect((await post(`sys/leases/revoke-prefix/auth/${path}`, {})).status, name).to.equal(204)
      if (role.status === 204) expect((await post(`sys/leases/revoke-prefix/auth/token/create/${path}`, {})).status, name).to.equal(204)
      for (const token of tokens) expect(await lives(token), name).to.equal(false)
      // A mount that goes takes the leases of its logins along.
      if (mounted.status === 204) {
        const { body } = await server.call('POST', `/v1/auth/${path}/login/u`, { password: 'U*U' }, {})
        expect((await server.call('DELETE', `/v1/sys/auth/${path}`)).status, name).to.equal(204)
        expect(await lives((body['auth'] as Auth).client_token), name).to.equal(false)
        expect((await server.call('LIST', `/v1/sys/leases/lookup/auth/${path}/login`)).status, name).to.equal(404)
      }
      tried += tokens.length
    }
    expect(tried).to.be.greaterThan(30)
  }) // prettier-ignore
})

describe('known flaws: removal with a mount, a namespace, a token', () => {
  it('CVE-2019-18616, CVE-2020-7220: takes all tokens, leases and data along, also when it is made again', async () => {
    const server = await openLevelServer()
    await makeNamespace(server, 'team/inner')
    const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
    const tokens: string[] = []
    const login = async (namespace: string): Promise<string> => {
      await inside(server, namespace, 'POST', 'sys/auth/people', { type: 'userpass' })
      await inside(server, namespace, 'POST', 'auth/people/users/u', { password_hash: hash })
      const headers: Record<string, string> = namespace === '' ? {} : { 'X-Vault-Namespace': namespace }
      const { body, text } = await server.call('POST', '/v1/auth/people/login/u', { password: 'U*U' }, headers)
      if (!body['auth']) throw new Error(text)
      return (body['auth'] as Auth).client_token
    }
    for (const namespace of ['', 'team', 'team/inner']) {
      tokens.push(await login(namespace))
      await inside(server, namespace, 'POST', 'sys/mounts/kv', { type: 'kv' })
      await inside(server, namespace, 'POST', 'kv/x', { a: namespace })
      await inside(server, namespace, 'POST', 'sys/mounts/transit', { type: 'transit' })
      await inside(server, namespace, 'POST', 'transit/keys/k', {})
    }
    const counted = async (): Promise<number> =>
      Number(((await server.data('GET', 'sys/internal/counters/tokens'))['counters'] as { readonly service_tokens: Body }).service_tokens['total']) // prettier-ignore
    const before = await counted()
    // A namespace is emptied first, in the background; until it is gone, asking again says so.
    for (const [above, name] of [['team', 'inner'], ['', 'team']] as const)
      for (let at = 0; at < 200; at++) {
        await inside(server, above, 'DELETE', `sys/namespaces/${name}`).catch(() => undefined)
        if (await inside(server, above, 'GET', `sys/namespaces/${name}`).then(() => false, () => true)) break
      }
    expect((await server.call('GET', '/v1/sys/namespaces/team')).status).to.equal(404)
    await server.data('DELETE', 'sys/auth/people')
    await server.data('DELETE', 'sys/mounts/kv')
    const works = async (token: string, headers: Readonly<Record<string, string>> = {}): Promise<number> =>
      (await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token, ...headers })).status
    const all = [{}, { 'X-Vault-Namespace': 'team' }, { 'X-Vault-Namespace': 'team/inner' }]
    for (const token of tokens) for (const headers of all) expect(await works(token, headers)).to.equal(403)
    // The same names again: nothing of what was there.
    await makeNamespace(server, 'team/inner')
    for (const namespace of ['', 'team', 'team/inner']) {
      await inside(server, namespace, 'POST', 'sys/mounts/kv', { type: 'kv' })
      const again = await inside(server, namespace, 'GET', 'kv/x').then(() => true, () => false)
      expect(again, namespace).to.equal(false)
      if (namespace === '') continue
      await inside(server, namespace, 'POST', 'sys/mounts/transit', { type: 'transit' })
      expect(await inside(server, namespace, 'GET', 'transit/keys/k').then(() => true, () => false), namespace).to.equal(false)
    }
    for (const token of tokens) for (const headers of all) expect(await works(token, headers)).to.equal(403)
    expect(before).to.be.greaterThan(0)
    expect((await server.call('LIST', '/v1/sys/leases/lookup/auth/people/login')).status).to.equal(404)
    await server.running.stop()
  }) // prettier-ignore
})
