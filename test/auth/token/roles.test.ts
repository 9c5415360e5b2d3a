import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

describe('token roles', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())

  const create = async (path: string, wish: Body, token = server.token) => {
    const { body, text, status } = await server.call('POST', `/v1/auth/token/${path}`, wish, { 'X-Vault-Token': token })
    expect(status, text).to.equal(200)
    return body['auth'] as {
      readonly client_token: string
      readonly policies: readonly string[]
      readonly lease_duration: number
    }
  }

  it('the shorter maximum of role and token applies', async () => {
    await server.data('POST', 'auth/token/roles/long', { token_explicit_max_ttl: '10h', allowed_policies: 'default' })
    const own = await create('create/long', { ttl: '5m', explicit_max_ttl: '10m' })
    expect((await create('renew', { token: own.client_token, increment: '9h' })).lease_duration).to.be.within(590, 600)
    await server.data('POST', 'auth/token/roles/short', { token_explicit_max_ttl: '10m', allowed_policies: 'default' })
    const capped = await create('create/short', { ttl: '5m', explicit_max_ttl: '9h' })
    expect((await create('renew', { token: capped.client_token, increment: '9h' })).lease_duration).to.be.within(
      590,
      600,
    )
  })

  it('tokens created by a bound token have the same bound addresses, with or without a parent', async () => {
    const all = 'capabilities = ["create", "update", "sudo"]'
    await server.data('POST', 'sys/policies/acl/maker', { policy: `path "auth/token/*" { ${all} }` })
    await server.data('POST', 'auth/token/roles/here', { token_bound_cidrs: '127.0.0.0/8', allowed_policies: 'maker' })
    const { client_token: maker } = await create('create/here', { policies: ['maker'] })
    for (const [path, more] of [
      ['create', {}],
      ['create', { no_parent: true }],
      ['create-orphan', {}],
      ['create-orphan', { type: 'batch' }],
    ] as const) {
      const { client_token: token } = await create(path, { policies: ['default'], ...more }, maker)
      const told = await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })
      expect((told.body['data'] as Body)['bound_cidrs'], `${path} ${JSON.stringify(more)}`).to.deep.equal([
        '127.0.0.0/8',
      ])
    }
  })

  it('a role without the default policy never gives it', async () => {
    const parent = await create('create', { policies: ['root'], ttl: '1h' })
    for (const limits of [
      {},
      { allowed_policies: 'default,a' },
      { disallowed_policies: 'b' },
      { allowed_policies_glob: '*' },
    ]) {
      await server.data('POST', 'auth/token/roles/bare', { token_no_default_policy: true, ...limits })
      const child = await create('create/bare', { policies: ['a'] }, parent.client_token)
      expect(child.policies, JSON.stringify(limits)).to.deep.equal(['a'])
    }
    await server.data('PUT', 'sys/policies/acl/maker', {
      policy: 'path "auth/token/create*" { capabilities = ["update"] }',
    })
    const maker = await create('create', { policies: ['maker'] })
    expect(maker.policies).to.deep.equal(['default', 'maker'])
    await server.data('POST', 'auth/token/roles/heir', { token_no_default_policy: true, disallowed_policies: 'b' })
    expect((await create('create/heir', {}, maker.client_token)).policies).to.deep.equal(['maker'])
    expect((await create('create', { no_default_policy: true }, maker.client_token)).policies).to.deep.equal(['maker'])
  })

  it('the shorter of two periods and maxima applies, with a warning', async () => {
    const bounds = { token_period: '30m', token_explicit_max_ttl: '1h', allowed_policies: 'default' }
    await server.data('POST', 'auth/token/roles/both', bounds)
    const made = async (wish: Body) => server.call('POST', '/v1/auth/token/create/both', wish)
    const shorter = await made({ period: '10m', explicit_max_ttl: '5m' })
    expect(shorter.body['auth']).to.include({ lease_duration: 300 })
    expect(shorter.body['warnings']).to.have.length(3)
    const longer = await made({ period: '9h', explicit_max_ttl: '9h' })
    expect(longer.body['auth']).to.include({ lease_duration: 1800 })
    expect(longer.body['warnings']).to.have.length(2)
  })

  it('older names lose against newer ones, and a maximum beyond that of the mount gives a warning', async () => {
    const { body } = await server.call('POST', '/v1/auth/token/roles/old', {
      period: 60,
      token_period: 120,
      bound_cidrs: '1.2.3.4',
      token_bound_cidrs: '5.6.7.8',
      token_explicit_max_ttl: '900h',
    })
    expect(body['warnings']).to.have.length(3)
    expect(await server.data('GET', 'auth/token/roles/old')).to.include({ token_period: 120, period: 0 })
  })

  it('refuses a path suffix that is short or has "..", and batch tokens with a parent', async () => {
    for (const wish of [
      { path_suffix: 'x' },
      { path_suffix: 'a..b' },
      { path_suffix: '!!!' },
      { token_type: 'batch', renewable: false },
    ])
      expect((await server.call('POST', '/v1/auth/token/roles/bad', wish)).status, JSON.stringify(wish)).to.equal(400)
    expect((await server.call('GET', '/v1/auth/token/roles/bad')).status).to.equal(404)
  })

  it('no role hands out a policy that cannot be assigned, or the default policy that it denies', async () => {
    await server.data('POST', 'auth/token/roles/inner', { allowed_policies: 'response-wrapping' })
    await server.data('POST', 'auth/token/roles/denies', { disallowed_policies: 'default' })
    expect((await server.call('POST', '/v1/auth/token/create/inner', {})).status).to.equal(400)
    const parent = await create('create', { policies: ['default'] })
    const { status } = await server.call(
      'POST',
      '/v1/auth/token/create/denies',
      {},
      { 'X-Vault-Token': parent.client_token },
    )
    expect(status).to.equal(403)
    expect((await server.call('POST', '/v1/auth/token/create/denies', { policies: ['default'] })).status).to.equal(400)
  })

  it('without sudo nobody gets a period or a parentless token, whatever the role or the path is', async () => {
    await server.data('PUT', 'sys/policies/acl/plain', {
      policy: 'path "auth/token/create*" { capabilities = ["update"] }',
    })
    await server.data('POST', 'auth/token/roles/free', { allowed_policies: 'plain' })
    const { client_token } = await create('create', { policies: ['plain'] })
    for (const [path, wish] of [
      ['create/free', { period: '1h' }],
      ['create', { period: '1h' }],
      ['create', { no_parent: true }],
      ['create-orphan', { no_parent: true }],
    ] as const) {
      const { status } = await server.call('POST', `/v1/auth/token/${path}`, wish, { 'X-Vault-Token': client_token })
      expect(status, path).to.equal(400)
    }
  })

  it('a token bound to other addresses has no effect on public routes either', async () => {
    await server.data('POST', 'auth/token/roles/far', { token_bound_cidrs: '10.0.0.0/8', allowed_policies: 'default' })
    const { client_token: far } = await create('create/far', {})
    const mounts = async (token: string) =>
      server.call('GET', '/v1/sys/internal/ui/mounts', undefined, { 'X-Vault-Token': token })
    expect((await mounts((await create('create', { policies: ['default'] })).client_token)).status).to.equal(200)
    expect((await mounts(far)).status).to.equal(403)
  })
})
