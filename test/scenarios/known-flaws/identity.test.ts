import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface Auth {
  readonly client_token: string
  readonly entity_id: string
  readonly policies: readonly string[]
}

/** Values that would make a path wider, or another one. */
const hostile = [
  '*', '+', 'a*', '+a', 'a/b', '/', '../x', '..', '.', '{{identity.entity.id}}', '{{', '}}', 'a"b', '"]}', 'a\nb', 'x/*', '+/+', '%2f', '*"] }',
] // prettier-ignore

describe('known flaws: identity and templates, over HTTP', () => {
  const clock = new HandClock()
  const key = jwtKey()
  let server: TestServer
  const accessors: Record<string, string> = {}
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    for (const mount of ['one', 'two']) {
      await server.data('POST', `sys/auth/${mount}`, { type: 'jwt' })
      await server.data('POST', `auth/${mount}/config`, { jwt_validation_pubkeys: key.pem })
      await server.data('POST', `auth/${mount}/role/r`, { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app', claim_mappings: { team: 'team' }, token_policies: 'tpl' }) // prettier-ignore
      accessors[mount] = String((await server.data('GET', `sys/auth/${mount}`))['accessor'])
    }
    for (const path of ['any', 'other', 'x/y', 'deep/er/x']) await server.data('PUT', `kv/${path}`, { v: 1 })
  })
  after(async () => server.running.stop())

  const tryLogin = async (mount: string, sub: string, more: Body = {}): Promise<Reply> => {
    const now = Math.floor(clock.now() / 1000)
    const token = jwt({ sub, aud: 'app', iat: now, exp: now + 300, ...more }, key)
    return server.call('POST', `/v1/auth/${mount}/login`, { role: 'r', jwt: token }, {})
  }
  const login = async (...how: Parameters<typeof tryLogin>): Promise<Auth> => {
    const { status, text, body } = await tryLogin(...how)
    if (status !== 200) throw new Error(text)
    return body['auth'] as Auth
  }
  const template = async (expression: string): Promise<void> => {
    const rule = (path: string): string => `path "${path}" { capabilities = ["read", "list"] }\n`
    await server.data('PUT', 'sys/policies/acl/tpl', { policy: rule(`kv/${expression}`) + rule(`kv/${expression}/*`) })
  }
  const reads = async (token: string, ...paths: readonly string[]): Promise<number[]> => {
    const statuses: number[] = []
    for (const path of paths)
      statuses.push((await server.call('GET', `/v1/kv/${path}`, undefined, { 'X-Vault-Token': token })).status)
    return statuses
  }
  const probes = ['any', 'other', 'x/y', 'deep/er/x', 'a/b', '', 'a'] as const
  const nothing = async (token: string, what: string): Promise<void> => {
    expect(await reads(token, ...probes), what).to.deep.equal(probes.map(() => 403))
    expect((await server.call('LIST', '/v1/kv/', undefined, { 'X-Vault-Token': token })).status, what).to.equal(403)
  }

  it('CVE-2026-5006: no name and no metadata of entities, aliases and groups makes a path wider', async () => {
    for (const value of hostile) {
      const what = JSON.stringify(value)
      const name = await tryLogin('one', value)
      // A name with a control character is no name at all.
      if (value.includes('\n')) {
        expect(name.status, what).to.be.within(400, 499)
        continue
      }
      const { client_token: token, entity_id: id } = name.body['auth'] as Auth
      await server.data('POST', `identity/entity/id/${id}`, { name: value, metadata: { k: value } })
      const group = String((await server.data('POST', 'identity/group', { name: value, metadata: { k: value }, member_entity_ids: [id] }))['id']) // prettier-ignore
      const [alias] = (await server.data('GET', `identity/entity/id/${id}`))['aliases'] as readonly Body[]
      await server.data('POST', `identity/entity-alias/id/${String(alias?.['id'])}`, { custom_metadata: { k: value } })
      for (const expression of [
        'identity.entity.name',
        'identity.entity.metadata.k',
        `identity.entity.aliases.${accessors['one']}.name`,
        `identity.entity.aliases.${accessors['one']}.custom_metadata.k`,
        `identity.groups.ids.${group}.name`,
        `identity.groups.ids.${group}.metadata.k`,
      ]) {
        await template(`{{${expression}}}`)
        await nothing(token, `${expression} ${what}`)
        await template(`deep/{{${expression}}}/x`)
        await nothing(token, `${expression} ${what}`)
      }
      const team = await login('two', 'claims', { team: value })
      await template(`{{identity.entity.aliases.${accessors['two']}.metadata.team}}`)
      await nothing(team.client_token, `a claim ${what}`)
      await server.data('DELETE', `identity/group/id/${group}`)
      await server.data('DELETE', `identity/entity/id/${id}`)
    }
    const { client_token: token } = await login('two', 'plain', { team: 'any' })
    await template(`{{identity.entity.aliases.${accessors['two']}.metadata.team}}`)
    expect(await reads(token, 'any', 'other')).to.deep.equal([200, 403])
  })

  it('CVE-2021-43998: of two names on one mount, each login has its own value, and no entity has two', async () => {
    await template(`{{identity.entity.aliases.${accessors['one']}.name}}`)
    const [first, second] = [await login('one', 'any'), await login('one', 'other')]
    expect(await reads(first.client_token, 'any', 'other')).to.deep.equal([200, 403])
    expect(await reads(second.client_token, 'any', 'other')).to.deep.equal([403, 200])
    for (const name of ['other', 'third']) {
      const body = { name, mount_accessor: accessors['one'], canonical_id: first.entity_id }
      expect((await server.call('POST', '/v1/identity/entity-alias', body)).status, name).to.be.oneOf([200, 204, 400])
    }
    const merge = { from_entity_ids: [second.entity_id], to_entity_id: first.entity_id }
    await server.call('POST', '/v1/identity/entity/merge', { ...merge, force: true })
    // Whatever became of it: a template never takes one name for the other.
    for (const { client_token: token } of [first, second, await login('one', 'any'), await login('one', 'other')]) {
      const [any, other] = await reads(token, 'any', 'other')
      expect([any, other], 'both at once').to.not.deep.equal([200, 200])
    }
    const again = await login('one', 'other')
    expect((await reads(again.client_token, 'any'))[0], 'the name of the first').to.equal(403)
  })

  it('CVE-2022-40186: of one name on two mounts, metadata of a login stays with its own alias', async () => {
    const [one, two] = [await login('one', 'twin', { team: 'red' }), await login('two', 'twin', { team: 'blue' })]
    expect(one.entity_id).to.not.equal(two.entity_id)
    const metadata = async ({ entity_id: id }: Auth, mount: string): Promise<unknown> => {
      const aliases = (await server.data('GET', `identity/entity/id/${id}`))['aliases'] as readonly Body[]
      return aliases.filter((alias) => alias['mount_accessor'] === accessors[mount]).map((alias) => alias['metadata'])
    }
    const team = (name: string) => [{ role: 'r', team: name }]
    expect([await metadata(one, 'one'), await metadata(two, 'two')]).to.deep.equal([team('red'), team('blue')])
    await login('two', 'twin', { team: 'green' })
    expect([await metadata(one, 'one'), await metadata(two, 'two')]).to.deep.equal([team('red'), team('green')])
    // Now both belong to one entity.
    await server.data('POST', 'identity/entity/merge', {
      from_entity_ids: [two.entity_id],
      to_entity_id: one.entity_id,
    })
    await login('one', 'twin', { team: 'white' })
    expect([await metadata(one, 'one'), await metadata(one, 'two')]).to.deep.equal([team('white'), team('green')])
    await server.data('POST', 'identity/entity-alias', { name: 'twin', mount_accessor: accessors['two'], canonical_id: one.entity_id, custom_metadata: { a: 'b' } }) // prettier-ignore
    const aliases = (await server.data('GET', `identity/entity/id/${one.entity_id}`))['aliases'] as readonly Body[]
    const custom = Object.fromEntries(aliases.map((alias) => [alias['mount_accessor'], alias['custom_metadata']]))
    expect(custom).to.deep.equal({ [String(accessors['one'])]: {}, [String(accessors['two'])]: { a: 'b' } })
  })
})
