import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface Auth {
  readonly client_token: string
  readonly entity_id: string
  readonly policies: readonly string[]
  readonly token_policies: readonly string[]
  readonly identity_policies?: readonly string[]
}

const authOf = ({ status, text, body }: Reply): Auth => {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return body['auth'] as Auth
}

/** The published test vector of bcrypt for `U*U`, which is cheap to compare. */
const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

describe('identity of logins', () => {
  let server: TestServer
  let accessor: string
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/other', { type: 'userpass' })
    accessor = String((await server.data('GET', 'sys/auth/userpass'))['accessor'])
    for (const policy of ['own', 'extra'])
      await server.data('PUT', `sys/policies/acl/${policy}`, {
        policy: `path "secret/data/${policy}" { capabilities = ["read"] }\npath "auth/token/*" { capabilities = ["update"] }`,
      })
  })
  after(async () => server.running.stop())

  const as = async (token: string, method: string, path: string, data?: Body) =>
    server.call(method, `/v1/${path}`, data, { 'X-Vault-Token': token })
  const user = async (name: string, mount = 'userpass') =>
    server.data('POST', `auth/${mount}/users/${name}`, { password_hash: hash, token_policies: 'own' })
  const tryLogin = async (name: string, mount = 'userpass') =>
    server.call('POST', `/v1/auth/${mount}/login/${name}`, { password: 'U*U' }, {})
  const login = async (name: string, mount?: string) => authOf(await tryLogin(name, mount))
  const entity = async (id: string) => server.data('GET', `identity/entity/id/${id}`)
  const set = async (id: string, data: Body) => server.data('POST', `identity/entity/id/${id}`, data)
  const self = async (token: string) => as(token, 'GET', 'auth/token/lookup-self')

  it('the first makes an entity, which later ones find', async () => {
    await user('anna')
    const first = await login('anna')
    expect(first.entity_id).to.match(/^[0-9a-f-]{36}$/)
    expect((await login('ANNA')).entity_id).to.equal(first.entity_id)
    const { aliases, name, policies } = await entity(first.entity_id)
    expect(name).to.match(/^entity_[0-9a-f]{8}\.root$/)
    expect(policies).to.deep.equal([])
    expect(aliases).to.have.length(1)
    expect((aliases as readonly Body[])[0]).to.include({
      name: 'anna',
      mount_accessor: accessor,
      mount_path: 'auth/userpass/',
      mount_type: 'userpass',
    })
    expect((await self(first.client_token)).body['data']).to.include({ entity_id: first.entity_id })
    await server.data('POST', 'identity/entity', { name: 'second of the counted' })
    const counters = (await server.data('GET', 'sys/internal/counters/entities'))['counters']
    expect(counters).to.deep.equal({ entities: { total: 2 } })
  })

  it('many first ones at once make one entity', async () => {
    await user('crowd')
    const replies = await Promise.all(Array.from({ length: 30 }, async () => login('crowd')))
    expect(new Set(replies.map((auth) => auth.entity_id)).size).to.equal(1)
    const { keys } = await server.data('LIST', 'identity/entity-alias/id')
    const all = await Promise.all(
      (keys as readonly string[]).map(async (id) => server.data('GET', `identity/entity-alias/id/${id}`)),
    )
    expect(all.filter(({ name }) => name === 'crowd')).to.have.length(1)
  })

  it('CVE-2022-40186: the same name on two mounts are two entities', async () => {
    await user('twin')
    await user('twin', 'other')
    const [one, other] = [await login('twin'), await login('twin', 'other')]
    expect(one.entity_id).to.not.equal(other.entity_id)
    const [alias] = (await entity(one.entity_id))['aliases'] as readonly Body[]
    await server.data('POST', `identity/entity-alias/id/${String(alias?.['id'])}`, { custom_metadata: { a: 'b' } })
    const [foreign] = (await entity(other.entity_id))['aliases'] as readonly Body[]
    expect(foreign?.['custom_metadata']).to.deep.equal({})
  })

  it('a token has the policies of its entity besides its own, and shows both', async () => {
    await user('berta')
    const { entity_id: id } = await login('berta')
    await set(id, { policies: ['Extra', 'own'] })
    const auth = await login('berta')
    expect(auth.token_policies).to.deep.equal(['default', 'own'])
    expect(auth.identity_policies).to.deep.equal(['extra', 'own'])
    expect(auth.policies).to.deep.equal(['default', 'extra', 'own'])
    const { policies, identity_policies: ofIdentity } = (await self(auth.client_token)).body['data'] as Body
    expect(policies).to.deep.equal(['default', 'own'])
    expect(ofIdentity).to.deep.equal(['extra', 'own'])
    const child = authOf(await as(auth.client_token, 'POST', 'auth/token/create', {}))
    expect(child).to.deep.include({ entity_id: id, identity_policies: ['extra', 'own'] })
    const orphan = authOf(await as(auth.client_token, 'POST', 'auth/token/create-orphan', {}))
    expect(orphan.entity_id).to.equal('')
    expect(orphan.policies).to.deep.equal(['default', 'own'])
    const renewed = authOf(await as(auth.client_token, 'POST', 'auth/token/renew-self', {}))
    expect(renewed).to.deep.include({ entity_id: id, identity_policies: ['extra', 'own'] })
  })

  it('0.9.2: a disabled entity cannot log in, and its tokens are refused until it is enabled', async () => {
    await user('carl')
    const { client_token: token, entity_id: id } = await login('carl')
    await server.data('POST', 'sys/auth/userpass/tune', { token_type: 'batch' })
    const { client_token: batch } = await login('carl')
    await server.data('POST', 'sys/auth/userpass/tune', { token_type: 'default-service' })
    expect((await self(batch)).status).to.equal(200)
    await set(id, { disabled: true })
    expect((await self(token)).status).to.equal(403)
    expect((await self(batch)).status).to.equal(403)
    expect((await tryLogin('carl')).status).to.equal(403)
    await set(id, { disabled: false })
    expect((await self(token)).status).to.equal(200)
    await login('carl')
  })

  it('a removed entity takes its tokens along, and the next login makes another', async () => {
    await user('dora')
    const { client_token: token, entity_id: id } = await login('dora')
    await server.data('DELETE', `identity/entity/id/${id}`)
    expect((await self(token)).status).to.equal(403)
    const again = await login('dora')
    expect(again.entity_id).to.not.equal(id)
    expect((await self(again.client_token)).status).to.equal(200)
  })

  it('CVE-2024-9180, CVE-2025-5999, CVE-2025-54996: no entity gives root, however it is written', async () => {
    await user('evil')
    const { entity_id: id } = await login('evil')
    for (const policies of [
      'root',
      ' root ',
      'ROOT',
      'Root',
      'root\t',
      'own,root',
      ['root'],
      ['own', ' Root'],
      'response-wrapping',
    ])
      for (const path of ['identity/entity', `identity/entity/id/${id}`, 'identity/entity/name/evil']) {
        const reply = await server.call('POST', `/v1/${path}`, { ...(path === 'identity/entity' && { id }), policies })
        expect(reply.status, `${path} ${JSON.stringify(policies)}`).to.equal(400)
      }
    expect((await entity(id))['policies']).to.deep.equal([])
    expect((await login('evil')).policies).to.deep.equal(['default', 'own'])
  })

  it('the removal of a mount removes its aliases, not the entities', async () => {
    await server.data('POST', 'sys/auth/gone', { type: 'userpass' })
    await user('emil', 'gone')
    const { entity_id: id } = await login('emil', 'gone')
    const [alias] = (await entity(id))['aliases'] as readonly Body[]
    await server.data('DELETE', 'sys/auth/gone')
    expect((await entity(id))['aliases']).to.deep.equal([])
    expect((await server.call('GET', `/v1/identity/entity-alias/id/${String(alias?.['id'])}`)).status).to.equal(404)
  })

  it('CVE-2026-46405: a refused login leaves no token, lease, accessor or entity', async () => {
    await server.data('POST', 'auth/userpass/users/far', { password_hash: hash, token_bound_cidrs: '10.1.2.3' })
    await user('gone')
    await set((await login('gone')).entity_id, { disabled: true })
    const left = async () => [
      await server.data('GET', 'sys/internal/counters/entities'),
      (await server.data('LIST', 'auth/token/accessors'))['keys'],
      (await server.call('LIST', '/v1/sys/leases/lookup/auth/userpass/login/far')).status,
      (await server.data('LIST', 'sys/leases/lookup/auth/userpass/login/gone'))['keys'],
    ]
    const before = await left()
    expect((await tryLogin('gone')).status).to.equal(403)
    expect((await tryLogin('far')).status).to.equal(403)
    expect((await server.call('POST', '/v1/auth/userpass/login/anna', { password: 'x' }, {})).status).to.equal(400)
    expect(await left()).to.deep.equal(before)
    expect(before[2]).to.equal(404)
  })

  it('an entity alias of a token role: allowed names only, letter case does not count', async () => {
    await server.data('POST', 'auth/token/roles/r', {
      allowed_policies: 'own',
      allowed_entity_aliases: ['Ann', 'team-*'],
    })
    const create = async (role: string, alias: string) =>
      server.call('POST', `/v1/auth/token/create/${role}`, { entity_alias: alias })
    const { entity_id: id, client_token: token } = authOf(await create('r', 'ann'))
    expect(authOf(await create('r', 'ANN')).entity_id).to.equal(id)
    expect(authOf(await create('r', 'team-9')).entity_id).to.not.be.oneOf(['', id])
    expect((await create('r', 'bob')).status).to.equal(400)
    await server.data('POST', 'auth/token/roles/none', { allowed_policies: 'own' })
    expect((await create('none', 'ann')).status).to.equal(400)
    expect((await server.call('POST', '/v1/auth/token/create', { entity_alias: 'ann' })).status).to.equal(400)
    await set(id, { disabled: true })
    expect((await create('r', 'ann')).status).to.equal(403)
    expect((await self(token)).status).to.equal(403)
  })
})
