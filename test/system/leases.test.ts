import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

describe('sys/leases, over HTTP', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await devServer()
  })
  afterEach(async () => server.running.stop())

  const create = async (more: object = {}): Promise<string> => {
    const { body } = await server.call('POST', '/v1/auth/token/create-orphan', {
      policies: ['default'],
      ttl: '1h',
      ...more,
    })
    return (body['auth'] as { client_token: string }).client_token
  }
  const lives = async (token: string): Promise<boolean> =>
    (await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })).status === 200
  const leaseOf = async (): Promise<string> => {
    const { keys } = (await server.data('LIST', 'sys/leases/lookup/auth/token/create-orphan')) as { keys: string[] }
    return `auth/token/create-orphan/${keys[0] ?? ''}`
  }

  it('CVE-2026-45808: a lease in the body and in the path is authorised and revoked alike; older names do not exist', async () => {
    for (const call of [
      async (lease: string) => server.call('PUT', '/v1/sys/leases/revoke', { lease_id: lease }),
      async (lease: string) => server.call('PUT', `/v1/sys/leases/revoke/${lease}`),
      async (lease: string) => server.call('PUT', `/v1/sys/leases/revoke-prefix/${lease}`),
      async (lease: string) => server.call('PUT', `/v1/sys/leases/revoke/${lease}`, { lease_id: lease }),
    ]) {
      const token = await create()
      expect((await call(await leaseOf())).status).to.equal(204)
      expect(await lives(token)).to.equal(false)
    }
    // A policy judged the path: what the body says cannot lead to another lease.
    const spared = await create()
    const other = { lease_id: await leaseOf() }
    expect((await server.call('PUT', '/v1/sys/leases/revoke/other', other)).status).to.equal(400)
    expect((await server.call('PUT', '/v1/sys/leases/renew/other', other)).status).to.equal(400)
    expect(await lives(spared)).to.equal(true)
    await server.call('PUT', '/v1/sys/leases/revoke', other)
    for (const old of ['renew', 'revoke', 'revoke-prefix/a', 'revoke-force/a'])
      expect((await server.call('PUT', `/v1/sys/${old}`, { lease_id: 'a' })).status, old).to.equal(404)
    // The lease of a token is renewed as a token only, by either spelling.
    await create()
    const lease = await leaseOf()
    for (const reply of [
      await server.call('PUT', '/v1/sys/leases/renew', { lease_id: lease, increment: 60 }),
      await server.call('PUT', `/v1/sys/leases/renew/${lease}`, { increment: 60 }),
    ])
      expect(reply.text).to.match(/the lease of a token/)
  })

  it('revoking by prefix needs sudo, and so does listing', async () => {
    const token = await create()
    const headers = {
      'X-Vault-Token': await server.tokenWith('path "sys/*" { capabilities = ["read", "update", "list"] }'),
    }
    for (const [verb, path] of [
      ['PUT', 'revoke-prefix/auth/token/create-orphan'],
      ['PUT', 'revoke-force/auth/token/create-orphan'],
      ['LIST', 'lookup'],
      ['LIST', 'lookup/auth/token'],
      ['GET', '?type=irrevocable'],
    ] as const)
      expect(
        (await server.call(verb, `/v1/sys/leases/${path}`.replace('/?', '?'), undefined, headers)).status,
        path,
      ).to.equal(403)
    expect(await lives(token)).to.equal(true)
  })

  it('of 200 that end one lease at once each succeeds, and one use of a token is one use', async () => {
    const token = await create({ num_uses: 1 })
    const lease = await leaseOf()
    const ended = await Promise.all(
      Array.from({ length: 200 }, async () => server.call('PUT', '/v1/sys/leases/revoke', { lease_id: lease })),
    )
    expect(new Set(ended.map(({ status }) => status))).to.deep.equal(new Set([204]))
    expect(await lives(token)).to.equal(false)
  })

  it('0.6.4: the lease of a token is removed at its last use', async () => {
    const token = await create({ num_uses: 2 })
    expect(await leaseOf()).to.match(/[0-9a-f]{64}$/)
    expect([await lives(token), await lives(token), await lives(token)]).to.deep.equal([true, true, false])
    expect((await server.call('LIST', '/v1/sys/leases/lookup/auth/token/create-orphan')).status).to.equal(404)
  })

  it('refuses unknown leases, a wrong type, and a wrong limit', async () => {
    for (const [path, body] of [
      ['lookup', { lease_id: '../../x' }],
      ['lookup', { lease_id: 'a/' }],
      ['lookup', { lease_id: ['a'] }],
      ['renew', { lease_id: 'a', increment: -1 }],
      ['revoke', { lease_id: null }],
      ['revoke', { lease_id: 'a', sync: 'maybe' }],
    ] as const)
      expect((await server.call('PUT', `/v1/sys/leases/${path}`, body)).status, JSON.stringify(body)).to.equal(400)
    for (const query of ['/count', '/count?type=all', '', '?type=irrevocable&limit=0', '?type=irrevocable&limit=x'])
      expect((await server.call('GET', `/v1/sys/leases${query}`)).status, query).to.equal(400)
    expect(await server.data('GET', 'sys/leases?type=Irrevocable&limit=none')).to.deep.equal({
      lease_count: 0,
      leases: [],
    })
  })

  it('an endless token has a lease without an end', async () => {
    const { keys } = (await server.data('LIST', 'sys/leases/lookup/auth/token/create')) as { keys: string[] }
    const lease = { lease_id: `auth/token/create/${keys[0] ?? ''}` }
    expect(await server.data('PUT', 'sys/leases/lookup', lease)).to.include({
      expire_time: null,
      ttl: 0,
      renewable: false,
    })
    const renewed = await server.call('PUT', '/v1/sys/leases/renew', lease)
    expect(renewed.body['errors']).to.deep.equal(['lease is not renewable'])
  })
})
