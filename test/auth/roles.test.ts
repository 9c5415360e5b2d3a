import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import type { Body, TestServer } from '../support/server.ts'

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

  it("a longer maximum of the role does not lift the token's own, nor the other way round", async () => {
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

  it('a role without the default policy hands out none of it, by whatever way', async () => {
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
})
