import { expect } from 'chai'
import { defineEngine } from '../../../src/contract/engine.ts'
import { f } from '../../../src/contract/field.ts'
import { routesOf } from '../../../src/contract/route.ts'
import { noTokenParams } from '../../../src/contract/token-params.ts'
import { newToken } from '../../../src/contract/wire/returns.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface State {
  readonly groups: Map<string, readonly string[]>
}
const { write } = routesOf<State>()
const name = { name: f.string('Who logs in.').or('') }

/** A login method without proof, whose users are in the groups that were set last. */
const club = defineEngine<State>({
  type: 'club',
  kind: 'auth',
  about: 'Users with groups, for tests.',
  start: () => ({ groups: new Map() }),
  renew: ({ groups }, data) => ({
    maxTtl: 0,
    period: 0,
    explicitMaxTtl: 0,
    groupAliases: groups.get(String(data['name'])) ?? [],
  }),
  routes: [
    write('set/:name', {
      about: 'Set the groups of a user.',
      fields: { ...name, groups: f.list('The groups.').or([]) },
      handle: ({ engine }, { name: user, groups }) => {
        engine.groups.set(user, groups)
        return {}
      },
    }),
    write('login/:name', {
      about: 'Log in.',
      access: 'public',
      fields: name,
      returns: newToken,
      handle: ({ engine }, { name: user }) => {
        const groupAliases = engine.groups.get(user)
        const login = { ...noTokenParams, alias: { name: user }, displayName: user, metadata: null, renewable: true }
        return { login: { ...login, data: { name: user }, ...(groupAliases && { groupAliases }) } }
      },
    }),
  ],
})

describe('external groups', () => {
  let server: TestServer
  let accessor: string
  before(async () => {
    server = await devServer(undefined, { engines: () => [club] })
    for (const path of ['club', 'elsewhere']) await server.data('POST', `sys/auth/${path}`, { type: 'club' })
    accessor = String((await server.data('GET', 'sys/auth/club'))['accessor'])
    await server.data('PUT', 'sys/policies/acl/renew', { policy: 'path "auth/token/*" { capabilities = ["update"] }' })
  })
  after(async () => server.running.stop())

  const set = async (user: string, ...groups: readonly string[]) =>
    server.data('POST', `auth/club/set/${user}`, { groups })
  const authOf = ({ status, text, body }: Reply): Body => {
    if (status !== 200) throw new Error(`${status} ${text}`)
    return body['auth'] as Body
  }
  const login = async (user: string, mount = 'club') =>
    authOf(await server.call('POST', `/v1/auth/${mount}/login/${user}`, {}, {}))
  const group = async (groupName: string, more: Body = {}) =>
    String(
      (
        await server.data('POST', 'identity/group', {
          name: groupName,
          type: 'external',
          policies: `of-${groupName}`,
          ...more,
        })
      )['id'],
    )
  const alias = async (aliasName: string, canonical_id: string, mount_accessor = accessor) =>
    String((await server.data('POST', 'identity/group-alias', { name: aliasName, canonical_id, mount_accessor }))['id'])
  const membersOf = async (id: string) => (await server.data('GET', `identity/group/id/${id}`))['member_entity_ids']
  const policiesOf = async ({ client_token: token }: Body) => {
    const self = await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': String(token) })
    return (self.body['data'] as Body)['identity_policies']
  }

  it('CVE-2020-10660: follow each login and each renewal; removed memberships end at once', async () => {
    const [red, blue] = [await group('red'), await group('blue')]
    const above = await server.data('POST', 'identity/group', {
      name: 'above',
      policies: 'of-above',
      member_group_ids: [red],
    })
    await alias('r', red)
    await alias('b', blue)
    await set('anna', 'r', 'unknown', '')
    const first = await login('anna')
    expect(first['identity_policies']).to.deep.equal(['of-above', 'of-red'])
    expect(await membersOf(red)).to.deep.equal([first['entity_id']])
    await set('anna', 'b')
    const second = await login('anna')
    expect(second['identity_policies']).to.deep.equal(['of-blue'])
    expect(await policiesOf(first)).to.deep.equal(['of-blue'])
    await set('anna', 'r', 'b')
    const renewed = authOf(await server.call('POST', '/v1/auth/token/renew', { token: first['client_token'] }))
    expect(renewed['identity_policies']).to.deep.equal(['of-above', 'of-blue', 'of-red'])
    await set('anna')
    await server.data('POST', 'auth/token/renew', { token: first['client_token'] })
    expect(await policiesOf(second)).to.equal(undefined)
    expect(await membersOf(red)).to.equal(null)
    await server.data('DELETE', `identity/group/id/${String(above['id'])}`)
  })

  it('follow the renewals of tokens whose entity was merged into another one', async () => {
    const id = await group('merged')
    await alias('m', id)
    await set('emil', 'm')
    const auth = await login('emil')
    const { id: other } = await server.data('POST', 'identity/entity', {})
    await server.data('POST', 'identity/entity/merge', { from_entity_ids: auth['entity_id'], to_entity_id: other })
    expect(await membersOf(id)).to.deep.equal([other])
    await set('emil')
    await server.data('POST', 'auth/token/renew', { token: auth['client_token'] })
    expect(await membersOf(id)).to.equal(null)
    expect(await policiesOf(auth)).to.equal(undefined)
  })

  it('of one mount are not those of another, and a login that names none changes none', async () => {
    const here = await group('here')
    await alias('same', here)
    await set('berta', 'same')
    const { entity_id: id } = await login('berta')
    await server.data('POST', 'identity/entity-alias', {
      name: 'berta',
      mount_accessor: String((await server.data('GET', 'sys/auth/elsewhere'))['accessor']),
      canonical_id: id,
    })
    await server.data('POST', 'auth/elsewhere/set/berta', { groups: ['other'] })
    expect((await login('berta', 'elsewhere'))['entity_id']).to.equal(id)
    expect(await membersOf(here)).to.deep.equal([id])
    await server.data('POST', 'auth/elsewhere/set/stranger', { groups: ['same'] })
    expect((await login('stranger', 'elsewhere'))['identity_policies']).to.equal(undefined)
  })

  it('CVE-2020-10660: have no members any more when their alias changes or goes', async () => {
    const id = await group('moving')
    const aliasId = await alias('before', id)
    await set('carl', 'before')
    const auth = await login('carl')
    expect(await policiesOf(auth)).to.deep.equal(['of-moving'])
    await server.data('POST', `identity/group-alias/id/${aliasId}`, {
      name: 'after',
      mount_accessor: accessor,
      canonical_id: id,
    })
    expect(await policiesOf(auth)).to.equal(undefined)
    expect(await membersOf(id)).to.equal(null)
    await set('carl', 'after')
    await login('carl')
    expect(await policiesOf(auth)).to.deep.equal(['of-moving'])
    await server.data('DELETE', `identity/group-alias/id/${aliasId}`)
    expect(await policiesOf(auth)).to.equal(undefined)
    expect(await membersOf(id)).to.equal(null)
  })

  it('have no alias and no members any more when the mount is removed', async () => {
    await server.data('POST', 'sys/auth/closing', { type: 'club' })
    const closing = String((await server.data('GET', 'sys/auth/closing'))['accessor'])
    const id = await group('closing')
    const aliasId = await alias('x', id, closing)
    await server.data('POST', 'auth/closing/set/dora', { groups: ['x'] })
    await login('dora', 'closing')
    expect(await membersOf(id)).to.have.length(1)
    await server.data('DELETE', 'sys/auth/closing')
    expect(await membersOf(id)).to.equal(null)
    expect((await server.call('GET', `/v1/identity/group-alias/id/${aliasId}`)).status).to.equal(404)
  })
})
