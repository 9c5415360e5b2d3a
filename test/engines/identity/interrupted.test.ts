import { expect } from 'chai'
import { diesAtEveryCommit } from '../../support/storages/interrupted.ts'
import type { TestServer } from '../../support/server.ts'

/** Three entities with an alias each on a mount of its own, and a group of the first two. */
async function prepare(server: TestServer): Promise<void> {
  for (const name of ['a', 'b', 'c']) {
    await server.data('POST', `sys/auth/${name}`, { type: 'userpass' })
    await server.data('POST', 'identity/entity', { name })
    await server.data('POST', 'identity/entity-alias', {
      name,
      mount_accessor: (await server.data('GET', `sys/auth/${name}`))['accessor'],
      canonical_id: await idOf(server, name),
    })
  }
  const member_entity_ids = [await idOf(server, 'a'), await idOf(server, 'b')]
  await server.data('POST', 'identity/group', { name: 'g', member_entity_ids })
  await server.data('POST', 'identity/group', {
    name: 'above',
    member_group_ids: (await server.data('GET', 'identity/group/name/g'))['id'],
  })
}

const idOf = async (server: TestServer, name: string): Promise<string> =>
  String((await server.data('GET', `identity/entity/name/${name}`))['id'])

/** All of it by names, for ids differ each time. */
async function look(server: TestServer): Promise<unknown> {
  const seen: unknown[] = []
  for (const kind of ['entity', 'group'])
    for (const name of kind === 'entity' ? ['a', 'b', 'c'] : ['g', 'above']) {
      const { status, body } = await server.call('GET', `/v1/identity/${kind}/name/${name}`)
      const data = (body['data'] ?? {}) as Readonly<Record<string, unknown>>
      const aliases = ((data['aliases'] ?? []) as readonly { readonly name: string }[])
        .map((alias) => alias.name)
        .sort((x, y) => (x < y ? -1 : 1))
      const counts = [
        'member_entity_ids',
        'member_group_ids',
        'direct_group_ids',
        'group_ids',
        'merged_entity_ids',
      ].map((member) => ((data[member] ?? []) as readonly unknown[]).length)
      seen.push([kind, name, status, aliases, counts])
    }
  return seen
}

describe('identity that is interrupted', function () {
  this.timeout(120_000)

  it('a merge is done or not, and leaves nothing behind', async () => {
    const run = async (server: TestServer) =>
      server.call('POST', '/v1/identity/entity/merge', {
        from_entity_ids: [await idOf(server, 'a'), await idOf(server, 'b')],
        to_entity_id: await idOf(server, 'c'),
      })
    expect(await diesAtEveryCommit({ prepare, run, look })).to.be.greaterThan(0)
  })

  it('so is the move of an alias to another entity', async () => {
    const run = async (server: TestServer) => {
      const entity = await server.data('GET', 'identity/entity/name/a')
      const [alias] = entity['aliases'] as readonly { readonly id: string }[]
      return server.call('POST', `/v1/identity/entity-alias/id/${alias?.id}`, { canonical_id: await idOf(server, 'b') })
    }
    expect(await diesAtEveryCommit({ prepare, run, look })).to.be.greaterThan(0)
  })

  it('so is the removal of a group with its memberships', async () => {
    const run = async (server: TestServer) => server.call('DELETE', '/v1/identity/group/name/g')
    expect(await diesAtEveryCommit({ prepare, run, look })).to.be.greaterThan(1)
  })

  it('so is the removal of a mount with its aliases', async () => {
    const run = async (server: TestServer) => server.call('DELETE', '/v1/sys/auth/a')
    expect(await diesAtEveryCommit({ prepare, run, look })).to.be.greaterThan(1)
  })
})
