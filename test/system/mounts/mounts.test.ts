import { expect } from 'chai'
import { openLevelServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const day = 86_400

describe('sys/mounts, over HTTP', () => {
  let server: TestServer
  const tune = async (change: Readonly<Record<string, unknown>>): Promise<number> =>
    (await server.call('POST', '/v1/sys/mounts/m/tune', change)).status
  const settings = async (): Promise<Readonly<Record<string, unknown>>> =>
    (await server.call('GET', '/v1/sys/mounts/m/tune')).body['data'] as Readonly<Record<string, unknown>>

  beforeEach(async () => {
    server = await openLevelServer()
    await server.call('POST', '/v1/sys/mounts/m', { type: 'kv' })
  })
  afterEach(async () => server.running.stop())

  it('a TTL given as "" changes nothing, "system" takes the server\'s own, and the default is shown as set', async () => {
    await tune({ default_lease_ttl: '1h', max_lease_ttl: '2h' })
    expect(await tune({ default_lease_ttl: '', max_lease_ttl: '' })).to.equal(204)
    expect(await settings()).to.include({ default_lease_ttl: 3600, max_lease_ttl: 7200 })
    await tune({ default_lease_ttl: 'system' })
    expect(await settings()).to.include({ default_lease_ttl: 32 * day, max_lease_ttl: 7200 })
  })

  it('says which mount is missing, in the words that clients know', async () => {
    const said = async (path: string, body: object): Promise<unknown> =>
      (await server.call('POST', `/v1/sys/${path}`, body)).body['errors']
    const missing = (path: string): string[] => [`tune of path "${path}" failed: no mount entry found`]
    expect(await said('mounts/none/tune', {})).to.deep.equal(missing('none/'))
    expect(await said('auth/none/tune', {})).to.deep.equal(missing('auth/none/'))
    expect(await said('remount', { from: 'none', to: 'other' })).to.deep.equal(['no matching mount at "none/"'])
    expect(await said('policies/acl/x', { policy: '' })).to.deep.equal(["'policy' parameter not supplied or empty"])
  })

  it('plugin_version is refused, empty or null as well: it would have no effect', async () => {
    for (const value of ['', null, 'v1.0.0']) expect(await tune({ plugin_version: value }), String(value)).to.equal(400)
  })

  it('offers no type that cannot be enabled', async () => {
    const refusal = async (path: string, type: string): Promise<string> => {
      const reply = await server.call('POST', `/v1/sys/${path}/x`, { type })
      expect(reply.status, reply.text).to.equal(400)
      return String((reply.body['errors'] as readonly string[])[0])
    }
    const offer = / this server has: (.*)$/.exec(await refusal('mounts', 'bogus'))?.[1] ?? ''
    for (const type of offer.split(', ')) {
      expect((await server.call('POST', `/v1/sys/mounts/of-${type}`, { type })).status, type).to.equal(204)
    }
    expect(await refusal('auth', 'bogus')).to.not.match(/\btoken\b/)
    for (const type of ['system', 'cubbyhole']) expect(await refusal('mounts', type)).to.include('built in')
  })

  it('force_no_cache is chosen when a mount is made, not later', async () => {
    expect(await tune({ force_no_cache: true })).to.equal(204)
    expect(await settings()).to.include({ force_no_cache: false })
  })

  it('a refused change changes nothing', async () => {
    await tune({ default_lease_ttl: '1h', max_lease_ttl: '2h' })
    const before = await settings()
    for (const change of [
      { default_lease_ttl: '3h' },
      { max_lease_ttl: '30m' },
      { max_lease_ttl: '-1s' },
      { description: 'x', default_lease_ttl: 'soon' },
      { description: 'x', listing_visibility: 'everybody' },
      { description: 'x', options: { version: '7' } },
      { description: 'x', token_type: 'batch' },
    ])
      expect(await tune(change), JSON.stringify(change)).to.equal(400)
    expect(await settings()).to.deep.equal(before)
  })

  it('the type "plugin" is the older way to name an engine, and needs the name', async () => {
    expect((await server.call('POST', '/v1/sys/mounts/p', { type: 'plugin', plugin_name: 'kv' })).status).to.equal(204)
    expect((await server.call('GET', '/v1/sys/mounts/p')).body['data']).to.include({ type: 'kv' })
    expect((await server.call('POST', '/v1/sys/mounts/q', { type: 'plugin' })).status).to.equal(400)
  })

  it('CVE-2020-25594: without rights, existing mounts answer like missing ones', async () => {
    const { auth } = (
      await server.call('POST', '/v1/auth/token/create', { policies: ['none'], no_default_policy: true })
    ).body as { readonly auth: { readonly client_token: string } }
    for (const headers of [{}, { 'X-Vault-Token': 'unknown' }, { 'X-Vault-Token': auth.client_token }])
      for (const verb of ['GET', 'LIST', 'POST', 'DELETE']) {
        const [there, absent] = [
          await server.call(verb, '/v1/m/a', undefined, headers),
          await server.call(verb, '/v1/n/a', undefined, headers),
        ]
        expect(there.status, verb).to.equal(403)
        expect([absent.status, absent.body], verb).to.deep.equal([there.status, there.body])
      }
  })

  it('0.8.3: the storage cannot be read through sys/raw, not even by root', async () => {
    for (const path of ['sys/raw', 'sys/raw/core/keyring', 'sys/raw/sys/policy/default'])
      for (const verb of ['GET', 'LIST', 'PUT', 'DELETE'])
        expect((await server.call(verb, `/v1/${path}`, verb === 'PUT' ? { value: 'x' } : undefined)).status).to.equal(
          404,
        )
  })
})

describe('sys/policies/acl, over HTTP', () => {
  let server: TestServer
  const path = '/v1/sys/policies/acl/f'
  const policy = 'path "kv/x" { capabilities = ["read"] }'
  const patch = async (change: Readonly<Record<string, unknown>>): Promise<number> => {
    const headers = { 'X-Vault-Token': server.token, 'Content-Type': 'application/merge-patch+json' }
    return (await server.call('PATCH', path, change, headers)).status
  }
  const version = async (): Promise<unknown> => {
    const { data } = (await server.call('GET', path)).body as { readonly data: Readonly<Record<string, unknown>> }
    return data['version']
  }

  before(async () => {
    server = await openLevelServer()
    await server.call('POST', path, { policy, cas_required: true, cas: -1 })
  })
  after(async () => server.running.stop())

  it('a patch names its changes, so that it needs no cas; one that is given must fit', async () => {
    expect(await patch({ policy })).to.equal(200)
    expect(await patch({ policy, cas: 1 })).to.equal(400)
    expect(await patch({ policy, cas: 2 })).to.equal(200)
    expect(await version()).to.equal(3)
  })

  it('cas −1 says that the policy exists already, any other wrong one that it is not the current version', async () => {
    const said = async (cas: number): Promise<unknown> =>
      (await server.call('POST', path, { policy, cas })).body['errors']
    expect(String(await said(-1))).to.contain('exists already')
    expect(await said(1)).to.deep.equal(['check-and-set parameter did not match the current version'])
    expect(await version()).to.equal(3)
  })

  it('0.10.1: a policy counts for tokens that exist from its writing on, and no longer than it is there', async () => {
    const { auth } = (await server.call('POST', '/v1/auth/token/create', { policies: ['later'] })).body as {
      readonly auth: { readonly client_token: string }
    }
    const status = async (): Promise<number> =>
      (await server.call('GET', '/v1/sys/mounts', undefined, { 'X-Vault-Token': auth.client_token })).status
    expect(await status()).to.equal(403)
    await server.call('POST', '/v1/sys/policies/acl/later', { policy: 'path "sys/mounts" { capabilities = ["read"] }' })
    expect(await status()).to.equal(200)
    await server.call('DELETE', '/v1/sys/policies/acl/later')
    expect(await status()).to.equal(403)
  })
})
