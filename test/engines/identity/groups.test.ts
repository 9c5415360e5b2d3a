import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const nobody = '00000000-0000-4000-8000-000000000000'

describe('identity groups, aliases and merges', () => {
  let server: TestServer
  let accessor: string
  let other: string
  before(async () => {
    server = await devServer()
    for (const mount of ['userpass', 'other']) await server.data('POST', `sys/auth/${mount}`, { type: 'userpass' })
    accessor = String((await server.data('GET', 'sys/auth/userpass'))['accessor'])
    other = String((await server.data('GET', 'sys/auth/other'))['accessor'])
  })
  after(async () => server.running.stop())

  const post = async (path: string, data: Body) => server.call('POST', `/v1/identity/${path}`, data)
  const made = async (path: string, data: Body = {}) =>
    String((await server.data('POST', `identity/${path}`, data))['id'])
  const read = async (path: string) => server.data('GET', `identity/${path}`)
  const statusOf = async (path: string) => (await server.call('GET', `/v1/identity/${path}`)).status
  const groupsOf = async (id: string) => {
    const { direct_group_ids: direct, inherited_group_ids: inherited } = await read(`entity/id/${id}`)
    return { direct, inherited }
  }

  it('groups are found by id and by name, in any case, and are listed', async () => {
    const id = await made('group', { name: 'Red', policies: 'p', metadata: { colour: 'red' } })
    for (const path of [`group/id/${id}`, 'group/name/red', 'group/name/RED'])
      expect(await read(path)).to.include({ id, name: 'Red', type: 'internal' })
    expect((await post('group/name/RED', { metadata: {} })).status).to.equal(204)
    expect(await read('group/name/red')).to.deep.include({ name: 'RED', metadata: {}, policies: ['p'] })
    expect((await server.data('LIST', 'identity/group/name'))['keys']).to.deep.equal(['RED'])
    expect((await server.data('LIST', 'identity/group/id'))['key_info']).to.deep.equal({
      [id]: { name: 'RED', num_member_entities: 0, num_parent_groups: 0 },
    })
    expect((await post(`group/id/${id}`, { name: 'blue' })).status).to.equal(204)
    expect(await statusOf('group/name/red')).to.equal(404)
    await server.data('DELETE', 'identity/group/name/BLUE')
    expect(await statusOf(`group/id/${id}`)).to.equal(404)
  })

  it('lists by name are paged by the names that they show', async () => {
    for (const kind of ['entity', 'group']) {
      const names = ['Anna', 'a%b', 'a/b', 'Bo b', 'zoë', 'Ärla'].map((one) => `Page ${one}`)
      for (const name of names) await server.data('POST', `identity/${kind}`, { name })
      const paged: unknown[] = []
      for (let after = ''; paged.length < 20;) {
        const query = `after=${encodeURIComponent(after)}&limit=1`
        const { status, body } = await server.call('LIST', `/v1/identity/${kind}/name?${query}`)
        if (status === 404) break
        after = String(((body['data'] as Body)['keys'] as readonly unknown[])[0])
        paged.push(after)
      }
      expect(paged).to.deep.equal((await server.data('LIST', `identity/${kind}/name`))['keys'])
      expect(paged).to.include.members(names)
    }
  })

  it('members are in the groups above theirs too, and follow each change', async () => {
    const [anna, berta] = [await made('entity', { name: 'm-anna' }), await made('entity', { name: 'm-berta' })]
    const inner = await made('group', { member_entity_ids: [anna] })
    const outer = await made('group', { member_group_ids: [inner], member_entity_ids: berta })
    const top = await made('group', { member_group_ids: [outer] })
    expect(await groupsOf(anna)).to.deep.equal({ direct: [inner], inherited: [outer, top] })
    expect(await groupsOf(berta)).to.deep.equal({ direct: [outer], inherited: [top] })
    expect((await read(`group/id/${outer}`))['parent_group_ids']).to.deep.equal([top])
    await post(`group/id/${inner}`, { member_entity_ids: [berta] })
    expect(await groupsOf(anna)).to.deep.equal({ direct: [], inherited: [] })
    await server.data('DELETE', `identity/group/id/${outer}`)
    expect((await read(`group/id/${top}`))['member_group_ids']).to.equal(null)
    expect(await groupsOf(berta)).to.deep.equal({ direct: [inner], inherited: [] })
    await server.data('DELETE', `identity/entity/id/${berta}`)
    expect((await read(`group/id/${inner}`))['member_entity_ids']).to.equal(null)
  })

  it('no group is in itself, however long the circle, nor when two requests close it at once', async () => {
    const [a, b] = [await made('group'), await made('group')]
    expect((await post(`group/id/${a}`, { member_group_ids: [a] })).status).to.equal(400)
    for (let turn = 0; turn < 5; turn++) {
      const replies = await Promise.all([
        post(`group/id/${a}`, { member_group_ids: [b] }),
        post(`group/id/${b}`, { member_group_ids: [a] }),
      ])
      expect(replies.map(({ status }) => status)).to.have.members([204, 400])
      for (const id of [a, b]) await post(`group/id/${id}`, { member_group_ids: [] })
    }
  })

  it('impossible values are refused and change nothing', async () => {
    const [entity, internal] = [await made('entity'), await made('group')]
    const external = await made('group', { type: 'external' })
    const refused: readonly (readonly [string, Body])[] = [
      ['group', { type: 'other' }],
      ['group', { id: nobody }],
      ['group', { member_entity_ids: nobody }],
      ['group', { member_group_ids: nobody }],
      ['group', { member_entity_ids: 'x/y' }],
      [`group/id/${internal}`, { type: 'external' }],
      [`group/id/${external}`, { type: 'internal' }],
      [`group/id/${external}`, { member_entity_ids: [entity] }],
      [`group/id/${external}`, { member_group_ids: [internal] }],
      ['group-alias', {}],
      ['group-alias', { name: 'x' }],
      ['group-alias', { name: 'x', mount_accessor: 'auth_none_00000000', canonical_id: external }],
      ['group-alias', { name: 'x', mount_accessor: accessor, canonical_id: internal }],
      ['group-alias', { name: 'x', mount_accessor: accessor, canonical_id: nobody }],
      [`group-alias/id/${nobody}`, { name: 'x', mount_accessor: accessor }],
      ['entity-alias', { name: 'x', mount_accessor: accessor, canonical_id: nobody }],
      ['entity-alias', { id: nobody, name: 'x', mount_accessor: accessor }],
      ['entity', { id: nobody }],
      ['entity', { name: ' x' }],
      ['entity', { name: 'x\ud800' }],
      ['entity', { metadata: { '': 'x' } }],
    ]
    const names = async () => [
      await server.data('LIST', 'identity/group/name'),
      await server.data('LIST', 'identity/entity/name'),
    ]
    const before = await names()
    for (const [path, data] of refused)
      expect((await post(path, data)).status, `${path} ${JSON.stringify(data)}`).to.equal(400)
    expect(await names()).to.deep.equal(before)
  })

  it('CVE-2025-64761: no group gives root, however it is written', async () => {
    const [internal, external] = [
      await made('group', { name: 'g-int' }),
      await made('group', { name: 'g-ext', type: 'external' }),
    ]
    for (const policies of ['root', ' root ', 'ROOT', 'Root', 'root\t', 'own,root', ['root'], ['own', ' Root']])
      for (const path of [
        'group',
        `group/id/${internal}`,
        `group/id/${external}`,
        'group/name/g-int',
        'group/name/g-ext',
        'group/name/new',
      ])
        expect((await post(path, { policies })).status, `${path} ${JSON.stringify(policies)}`).to.equal(400)
    expect((await read(`group/id/${internal}`))['policies']).to.equal(null)
    expect(await statusOf('group/name/new')).to.equal(404)
  })

  it('external groups have an alias each, which can be changed and removed', async () => {
    const group = await made('group', { name: 'ext', type: 'external' })
    const alias = await made('group-alias', { name: 'staff', mount_accessor: accessor, canonical_id: group })
    expect(await read(`group-alias/id/${alias}`)).to.include({
      name: 'staff',
      canonical_id: group,
      mount_type: 'userpass',
    })
    expect((await read(`group/id/${group}`))['alias']).to.include({ id: alias, name: 'staff' })
    const second = { name: 'staff', mount_accessor: accessor, canonical_id: await made('group', { type: 'external' }) }
    expect((await post('group-alias', second)).status).to.equal(400)
    const third = await made('group-alias', { ...second, name: 'third' })
    const moved = { name: 'staff', mount_accessor: accessor, canonical_id: second.canonical_id }
    expect((await post(`group-alias/id/${alias}`, moved)).status).to.equal(400)
    expect(await read(`group-alias/id/${third}`)).to.include({ name: 'third', canonical_id: second.canonical_id })
    expect((await server.data('LIST', 'identity/group-alias/id'))['keys']).to.include.members([alias, third])
    expect((await post(`group-alias/id/${alias}`, { name: 'crew', mount_accessor: other })).status).to.equal(200)
    expect((await server.data('LIST', 'identity/group-alias/id'))['key_info']).to.have.nested.property(
      `${alias}.name`,
      'crew',
    )
    const found = await server.data('POST', 'identity/lookup/group', {
      alias_name: 'crew',
      alias_mount_accessor: other,
    })
    expect(found).to.include({ id: group })
    await server.data('DELETE', `identity/group-alias/id/${alias}`)
    expect((await read(`group/id/${group}`))['alias']).to.deep.equal({})
    expect(await statusOf(`group-alias/id/${alias}`)).to.equal(404)
  })

  it('lookup takes exactly one way to find something', async () => {
    const id = await made('entity', { name: 'sought' })
    const alias = await made('entity-alias', { name: 'sought', mount_accessor: accessor, canonical_id: id })
    const ways: readonly Body[] = [
      { id },
      { name: 'SOUGHT' },
      { alias_id: alias },
      { alias_name: 'sought', alias_mount_accessor: accessor },
    ]
    for (const way of ways) expect(await server.data('POST', 'identity/lookup/entity', way)).to.include({ id })
    const nothing: readonly Body[] = [
      { id: nobody },
      { name: 'x' },
      { alias_id: 'x/y' },
      { alias_name: 'sought', alias_mount_accessor: other },
    ]
    for (const way of nothing) expect((await post('lookup/entity', way)).status, JSON.stringify(way)).to.equal(204)
    const wrong: readonly Body[] = [
      {},
      { id, name: 'sought' },
      { alias_name: 'x' },
      { alias_mount_accessor: accessor },
      { id, alias_id: alias },
    ]
    for (const way of wrong)
      for (const kind of ['entity', 'group'])
        expect((await post(`lookup/${kind}`, way)).status, JSON.stringify(way)).to.equal(400)
  })

  it('CVE-2021-41802: an alias that moves takes nothing along but itself', async () => {
    const [from, to] = [await made('entity', { policies: 'strong' }), await made('entity', { policies: 'weak' })]
    const alias = await made('entity-alias', { name: 'mover', mount_accessor: accessor, canonical_id: from })
    const stays = await made('entity-alias', { name: 'stays', mount_accessor: other, canonical_id: from })
    await server.data('POST', `identity/entity-alias/id/${alias}`, { canonical_id: to })
    expect(await read(`entity/id/${to}`)).to.deep.include({ policies: ['weak'], merged_entity_ids: null })
    expect((await read(`entity/id/${from}`))['aliases']).to.have.length(1)
    const policy = `path "identity/*" { capabilities = ["create", "read", "update", "delete"] }\npath "identity/entity/id/${from}" { capabilities = ["deny"] }`
    const token = { 'X-Vault-Token': await server.tokenWith(policy) }
    for (const [path, data] of [
      [`entity-alias/id/${alias}`, { canonical_id: from }],
      ['entity-alias', { name: 'mover', mount_accessor: accessor, canonical_id: from }],
      // They change nothing, and are refused all the same.
      [`entity-alias/id/${stays}`, {}],
      ['entity-alias', { name: 'stays', mount_accessor: other }],
      ['entity', { id: from, policies: '' }],
      ['entity/merge', { from_entity_ids: from, to_entity_id: to }],
      ['entity/merge', { from_entity_ids: to, to_entity_id: from }],
      ['lookup/entity', { id: from }],
      ['entity/batch-delete', { entity_ids: [to, from] }],
    ] as const)
      expect((await server.call('POST', `/v1/identity/${path}`, data, token)).status, path).to.equal(403)
    expect(await statusOf(`entity/id/${to}`)).to.equal(200)
  })

  it('merged entities give aliases and memberships, and neither policies nor metadata', async () => {
    const [from, to] = [
      await made('entity', { policies: 'f', metadata: { a: 'b' } }),
      await made('entity', { policies: 't' }),
    ]
    await made('entity-alias', { name: 'merged', mount_accessor: accessor, canonical_id: from })
    const group = await made('group', { member_entity_ids: from })
    await server.data('POST', 'identity/entity/merge', { from_entity_ids: from, to_entity_id: to })
    expect(await read(`entity/id/${to}`)).to.deep.include({
      policies: ['t'],
      metadata: null,
      merged_entity_ids: [from],
      direct_group_ids: [group],
    })
    expect(await statusOf(`entity/id/${from}`)).to.equal(404)
    expect((await post('entity/merge', { from_entity_ids: from, to_entity_id: to })).status).to.equal(400)
  })

  it('two aliases of one mount are merged only when it is said which one stays', async () => {
    const [from, to] = [await made('entity'), await made('entity')]
    const lost = await made('entity-alias', { name: 'conflict-1', mount_accessor: accessor, canonical_id: from })
    const kept = await made('entity-alias', { name: 'conflict-2', mount_accessor: accessor, canonical_id: to })
    const request = { from_entity_ids: [from], to_entity_id: to }
    expect((await post('entity/merge', request)).status).to.equal(400)
    for (const keep of [[], [lost, kept], [nobody]])
      expect(
        (await post('entity/merge', { ...request, force: true, conflicting_alias_ids_to_keep: keep })).status,
      ).to.equal(400)
    await server.data('POST', 'identity/entity/merge', { ...request, conflicting_alias_ids_to_keep: kept })
    expect((await read(`entity/id/${to}`))['aliases']).to.have.length(1)
    expect(await statusOf(`entity-alias/id/${lost}`)).to.equal(404)
  })

  it('CVE-2026-14886, Vault 2.0.4, batches: batch-delete removes entities of its own namespace only', async () => {
    await server.data('POST', 'sys/namespaces/team', {})
    const here = await made('entity')
    const there = String((await server.data('POST', 'team/identity/entity', {}))['id'])
    await server.data('POST', 'identity/entity/batch-delete', { entity_ids: there })
    expect((await server.call('GET', `/v1/team/identity/entity/id/${there}`)).status).to.equal(200)
    expect(
      (await server.call('POST', '/v1/team/identity/entity/batch-delete', { entity_ids: [here, there] })).status,
    ).to.equal(204)
    expect(await statusOf(`entity/id/${here}`)).to.equal(200)
    expect((await server.call('GET', `/v1/team/identity/entity/id/${there}`)).status).to.equal(404)
    await server.data('POST', 'identity/entity/batch-delete', { entity_ids: here })
    expect(await statusOf(`entity/id/${here}`)).to.equal(404)
  })
})
