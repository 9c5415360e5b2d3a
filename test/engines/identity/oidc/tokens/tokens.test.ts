import { expect } from 'chai'
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from 'jose'
import type { JSONWebKeySet } from 'jose'
import { HandClock } from '../../../../support/clock.ts'
import { inside, makeNamespace } from '../../../../support/requests/namespaces.ts'
import { devServer } from '../../../../support/server.ts'
import type { Body, TestServer } from '../../../../support/server.ts'
import { base, partsOf, person, tokenRules } from '../support.ts'
import type { Person } from '../support.ts'

describe('identity tokens', () => {
  const clock = new HandClock()
  let server: TestServer
  let anna: Person
  before(async () => {
    server = await devServer(clock)
    anna = await person(server, 'anna', tokenRules)
    await server.data('POST', `identity/entity/id/${anna.entity}`, { name: 'anna', metadata: { team: 'red' } })
  })
  after(async () => server.running.stop())

  const write = async (path: string, data: Body) => server.call('POST', `/v1/${base}/${path}`, data)
  const status = async (path: string, data: Body) => (await write(path, data)).status
  const ask = async (role: string, token = anna.token, more: Readonly<Record<string, string>> = {}) =>
    server.call('GET', `/v1/${base}/token/${role}`, undefined, { 'X-Vault-Token': token, ...more })
  const tokenOf = async (role: string): Promise<string> => {
    const { body, text } = await ask(role)
    expect((body['data'] as Body | undefined)?.['token'], text).to.be.a('string')
    return String((body['data'] as Body)['token'])
  }
  const keySet = async () =>
    (await server.call('GET', `/v1/${base}/.well-known/keys`, undefined, {})).body as unknown as JSONWebKeySet
  const verified = async (token: string) =>
    jwtVerify(token, createLocalJWKSet(await keySet()), { currentDate: new Date(clock.now()) })
  const active = async (token: string, more: Body = {}): Promise<unknown> =>
    (await server.call('POST', '/v1/identity/oidc/introspect', { token, ...more })).body['active']
  const minutes = async (count: number): Promise<void> => {
    clock.advance(count * 60_000)
    // The work of the minute has begun; a commit of our own is behind its commits.
    for (let turn = 0; turn < 20; turn++) await server.data('POST', 'sys/policies/acl/turn', { policy: `# ${turn}` })
  }

  for (const algorithm of ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])
    it(`are signed with ${algorithm}, and verified by whoever has the published keys`, async () => {
      expect(await status(`key/${algorithm}`, { algorithm, allowed_client_ids: '*' })).to.equal(204)
      expect(await status(`role/${algorithm}`, { key: algorithm, ttl: '5m' })).to.equal(204)
      const token = await tokenOf(algorithm)
      const { payload, protectedHeader } = await verified(token)
      expect(protectedHeader.alg).to.equal(algorithm)
      expect(Object.keys(protectedHeader).sort()).to.deep.equal(['alg', 'kid'])
      const { client_id: audience } = await server.data('GET', `${base}/role/${algorithm}`)
      const now = clock.now() / 1000
      expect(payload).to.deep.equal({
        iss: `${server.running.address}/v1/${base}`,
        sub: anna.entity,
        aud: audience,
        namespace: 'root',
        iat: now,
        exp: now + 300,
      })
      expect(await active(token)).to.equal(true)
    })

  it('are found by discovery alone', async () => {
    const { body, headers } = await server.call('GET', `/v1/${base}/.well-known/openid-configuration`, undefined, {})
    expect(headers['cache-control']).to.equal('max-age=3600')
    expect(body['issuer']).to.equal(`${server.running.address}/v1/${base}`)
    const keys = createRemoteJWKSet(new URL(String(body['jwks_uri'])))
    await jwtVerify(await tokenOf('ES256'), keys, {
      issuer: String(body['issuer']),
      currentDate: new Date(clock.now()),
    })
  })

  it('have the configured issuer, and those of another issuer are not active', async () => {
    const before = await tokenOf('ES256')
    const set = await write('config', { issuer: 'https://vault.example:8200' })
    expect(set.body['warnings']).to.be.an('array').with.length(1)
    expect(await server.data('GET', 'identity/oidc/config')).to.deep.equal({ issuer: 'https://vault.example:8200' })
    const token = await tokenOf('ES256')
    expect(partsOf(token)[1]['iss']).to.equal(`https://vault.example:8200/v1/${base}`)
    expect(await active(token)).to.equal(true)
    expect(await active(before)).to.equal(false)
    for (const issuer of ['nonsense', 'https://a.example/', 'https://a.example/path', 'https://u@a.example', 'ftp://a.example', 'https://a.example?x', 'https://', ' ', 'https://a b'])
      expect(await status('config', { issuer }), issuer).to.equal(400)
    expect(await status('config', {})).to.equal(204)
    expect(await server.data('GET', 'identity/oidc/config')).to.deep.equal({ issuer: 'https://vault.example:8200' })
    expect(await status('config', { issuer: '' })).to.equal(204)
    expect(await active(before)).to.equal(true)
  }) // prettier-ignore

  it('are not active when they are forged, of another audience, expired, or of an entity that is disabled or gone', async () => {
    const bob = await person(server, 'bob', tokenRules)
    await write('role/active', { key: 'ES256', client_id: 'app', ttl: 60 })
    const { body } = await ask('active', bob.token)
    const token = String((body['data'] as Body)['token'])
    expect(await active(token)).to.equal(true)
    expect(await active(token, { client_id: 'app' })).to.equal(true)
    expect(await active(token, { client_id: 'other' })).to.equal(false)
    expect((await server.call('POST', '/v1/identity/oidc/introspect', { token, client_id: '' })).status).to.equal(400)
    const [header = '', claims = '', signature = ''] = token.split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    const other = Buffer.from(JSON.stringify({ ...partsOf(token)[1], sub: anna.entity })).toString('base64url')
    for (const forged of ['', 'x', `${header}.${other}.${signature}`, `${none}.${claims}.`, `${none}.${claims}.${signature}`, `${header}.${claims}.${'A'.repeat(86)}`])
      expect(await active(forged), forged).to.equal(false)
    await server.data('POST', `identity/entity/id/${bob.entity}`, { disabled: true })
    expect(await active(token)).to.equal(false)
    await server.data('POST', `identity/entity/id/${bob.entity}`, { disabled: false })
    expect(await active(token)).to.equal(true)
    clock.advance(59_000)
    expect(await active(token)).to.equal(true)
    clock.advance(1000)
    expect(await active(token)).to.equal(false)
    const again = await ask('active', bob.token)
    await server.data('DELETE', `identity/entity/id/${bob.entity}`)
    expect(await active(String((again.body['data'] as Body)['token']))).to.equal(false)
  }) // prettier-ignore

  it('are only for clients that the key allows, and for callers with an entity of the namespace', async () => {
    await write('key/shut', { algorithm: 'EdDSA' })
    await write('role/shut', { key: 'shut', client_id: 'door' })
    expect((await ask('shut')).status).to.equal(400)
    await write('key/shut', { allowed_client_ids: 'window' })
    expect((await ask('shut')).status).to.equal(400)
    await write('key/shut', { allowed_client_ids: 'window,door' })
    expect((await ask('shut')).status).to.equal(200)
    expect((await ask('shut', 'root')).status, 'no entity').to.equal(400)
    expect((await ask('none')).status, 'no role').to.equal(400)
    expect((await ask('shut', '')).status, 'no token').to.equal(403)
    await makeNamespace(server, 'below')
    await inside(server, 'below', 'POST', `${base}/role/r`, { key: 'default' })
    const carla = await person(server, 'carla', `path "below/${base}/token/r" { capabilities = ["read"] }`)
    expect((await ask('r', carla.token, { 'X-Vault-Namespace': 'below' })).status, 'from above').to.equal(400)
  })

  it('rotate by the schedule: the next key is published before it signs, and the last one while tokens of it live', async () => {
    await write('key/turn', { algorithm: 'ES256', rotation_period: '10m', verification_ttl: '20m', allowed_client_ids: '*' })
    await write('role/turn', { key: 'turn', ttl: '20m' })
    const kidOf = (token: string): unknown => partsOf(token)[0]['kid']
    const first = await tokenOf('turn')
    const published = (await keySet()).keys.map(({ kid }) => kid)
    expect(published).to.include(kidOf(first))
    await minutes(9)
    expect(kidOf(await tokenOf('turn'))).to.equal(kidOf(first))
    await minutes(2)
    const second = await tokenOf('turn')
    expect(kidOf(second)).to.not.equal(kidOf(first))
    expect(published, 'published before').to.include(kidOf(second))
    expect(await active(first)).to.equal(true)
    await verified(first)
    clock.advance(9 * 60_000)
    // A token that could have been signed at the last moment before the rotation.
    expect((await keySet()).keys.map(({ kid }) => kid)).to.include(kidOf(first))
    await minutes(12)
    expect((await keySet()).keys.map(({ kid }) => kid)).to.not.include(kidOf(first))
    expect(await active(first)).to.equal(false)
  }) // prettier-ignore

  it('rotate by hand, with a time of its own for tokens of before', async () => {
    await write('role/hand', { key: 'ES256', ttl: '1h' })
    const kids = async () => (await keySet()).keys.map(({ kid }) => kid)
    const token = await tokenOf('hand')
    await server.data('POST', 'identity/oidc/key/ES256/rotate')
    expect(await active(token)).to.equal(true)
    expect(partsOf(await tokenOf('hand'))[0]['kid']).to.not.equal(partsOf(token)[0]['kid'])
    const next = await tokenOf('hand')
    expect(await status('key/ES256/rotate', { verification_ttl: 0 })).to.equal(204)
    expect(await kids(), 'at once').to.not.include(partsOf(next)[0]['kid'])
    expect(await active(next)).to.equal(false)
    expect(await status('key/ES256/rotate', { verification_ttl: '11d' })).to.equal(400)
    expect(await status('key/none/rotate', {})).to.equal(400)
    for (let turn = 0; turn < 110; turn++) await write('key/ES256/rotate', {})
    expect((await kids()).length, 'many by hand').to.be.lessThan(150)
  })

  it('get new keys with another algorithm, and those of before verify on', async () => {
    await write('key/change', { algorithm: 'ES256', allowed_client_ids: '*' })
    await write('role/change', { key: 'change', ttl: '1h' })
    const token = await tokenOf('change')
    await write('key/change', { algorithm: 'EdDSA' })
    expect(partsOf(await tokenOf('change'))[0]['alg']).to.equal('EdDSA')
    expect(await active(token)).to.equal(true)
    await verified(token)
  })

  it('keep their keys while something refers to them', async () => {
    await write('key/kept', { algorithm: 'EdDSA', rotation_period: '1h', verification_ttl: '1h' })
    expect(await status('role/kept', { key: 'kept' }), 'a day').to.equal(400)
    expect(await status('role/kept', { key: 'kept', ttl: '1h' })).to.equal(204)
    expect(await status('key/kept', { verification_ttl: '30m' }), 'shorter than tokens live').to.equal(400)
    const { status: refused } = await server.call('DELETE', `/v1/${base}/key/kept`)
    expect(refused).to.equal(400)
    await server.data('DELETE', `${base}/role/kept`)
    await server.data('DELETE', `${base}/key/kept`)
    expect((await server.call('GET', `/v1/${base}/key/kept`)).status).to.equal(404)
    expect((await server.call('DELETE', `/v1/${base}/key/default`)).status).to.equal(400)
    for (const change of [{ rotation_period: 59 }, { verification_ttl: '11d' }, { algorithm: 'HS256' }, { algorithm: 'none' }, { algorithm: '' }])
      expect(await status('key/kept', change), JSON.stringify(change)).to.equal(400)
    expect((await server.call('GET', `/v1/${base}/key/kept`)).status, 'none was made').to.equal(404)
  }) // prettier-ignore

  it('list keys and roles page by page', async () => {
    const { keys } = (await server.data('LIST', `${base}/key`)) as { readonly keys: readonly string[] }
    expect(keys)
      .to.include('default')
      .and.to.deep.equal([...keys].sort())
    expect((await server.data('LIST', `${base}/key?limit=2`))['keys']).to.deep.equal(keys.slice(0, 2))
    expect((await server.data('LIST', `${base}/key?after=${keys[1]}`))['keys']).to.deep.equal(keys.slice(2))
    const { keys: roles } = (await server.data('LIST', `${base}/role`)) as { readonly keys: readonly string[] }
    expect((await server.data('LIST', `${base}/role?limit=1&after=${roles[0]}`))['keys']).to.deep.equal(
      roles.slice(1, 2),
    )
  })

  it('of a namespace have an issuer of their own, which strangers find by its path once it has roles', async () => {
    await makeNamespace(server, 'team/new')
    const url = (path: string, file: string) => `/v1/${path}${base}/.well-known/${file}`
    const documents = ['keys', 'openid-configuration']
    const stranger = async (path: string, header: Readonly<Record<string, string>> = {}) =>
      server.call('GET', path, undefined, header)
    for (const file of documents)
      for (const [path, header] of [
        ['team/', {}],
        ['', { 'X-Vault-Namespace': 'team' }],
      ] as const) {
        const absent = await stranger(url(path.replace('team', 'nope'), file), header['X-Vault-Namespace'] ? { 'X-Vault-Namespace': 'nope' } : {}) // prettier-ignore
        const empty = await stranger(url(path, file), header)
        expect([empty.status, empty.text], `${path}${file}`).to.deep.equal([absent.status, absent.text])
        expect(empty.status).to.equal(403)
      }
    await inside(server, 'team', 'POST', `${base}/role/r`, { key: 'default', ttl: '1h', client_id: 'app' })
    const dora = await person(server, 'dora', tokenRules, 'team')
    const { body } = await ask('r', dora.token, { 'X-Vault-Namespace': 'team' })
    const token = String((body['data'] as Body)['token'])
    const document = (await stranger(url('team/', 'openid-configuration'))).body
    expect(document['issuer']).to.equal(`${server.running.address}/v1/team/${base}`)
    const keys = createRemoteJWKSet(new URL(String(document['jwks_uri'])))
    const { payload } = await jwtVerify(token, keys, {
      issuer: String(document['issuer']),
      audience: 'app',
      currentDate: new Date(clock.now()),
    })
    expect(payload['namespace']).to.be.a('string').and.not.equal('root')
    expect(await active(token), 'in another namespace').to.equal(false)
    const { body: there } = await server.call('POST', `/v1/team/${base}/introspect`, { token })
    expect(there['active']).to.equal(true)
  })

  it('are judged by policies: a denied role gives none', async () => {
    const rules = `${tokenRules}\npath "${base}/token/hand" { capabilities = ["deny"] }`
    const erik = await person(server, 'erik', rules)
    expect((await ask('hand', erik.token)).status).to.equal(403)
    expect((await ask('ES384', erik.token)).status).to.equal(200)
  })
})
