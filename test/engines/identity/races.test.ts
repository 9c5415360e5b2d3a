import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

describe('identity under races', function () {
  this.timeout(60_000)
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'auth/token/roles/r', { allowed_policies: 'default', allowed_entity_aliases: '*' })
  })
  after(async () => server.running.stop())

  const arrive = async (alias: string) => {
    const { body, status } = await server.call('POST', '/v1/auth/token/create/r', { entity_alias: alias })
    return { status, auth: (body['auth'] ?? {}) as Body }
  }
  const read = async (id: unknown) => server.call('GET', `/v1/identity/entity/id/${String(id)}`)

  it('logins during a merge end at one entity, and all their tokens work', async () => {
    const { entity_id: from } = (await arrive('merging')).auth
    const { id: to } = await server.data('POST', 'identity/entity', { policies: 'merged' })
    const logins = Array.from({ length: 40 }, async () => arrive('merging'))
    const merge = server.call('POST', '/v1/identity/entity/merge', { from_entity_ids: from, to_entity_id: to })
    const done = await Promise.all(logins)
    expect((await merge).status).to.equal(204)
    for (const { status, auth } of done) {
      expect(status).to.equal(200)
      expect(auth['entity_id']).to.be.oneOf([from, to])
      const self = await server.call('GET', '/v1/auth/token/lookup-self', undefined, {
        'X-Vault-Token': String(auth['client_token']),
      })
      expect(self.body['data']).to.deep.include({ entity_id: to, identity_policies: ['merged'] })
    }
    expect((await read(from)).status).to.equal(404)
    expect(((await read(to)).body['data'] as Body)['aliases']).to.have.length(1)
    expect((await arrive('merging')).auth['entity_id']).to.equal(to)
  })

  it('of merges of one entity into two others one succeeds', async () => {
    const { entity_id: from } = (await arrive('torn')).auth
    const targets = [await server.data('POST', 'identity/entity', {}), await server.data('POST', 'identity/entity', {})]
    const merges = await Promise.all(
      targets.map(async ({ id }) =>
        server.call('POST', '/v1/identity/entity/merge', { from_entity_ids: from, to_entity_id: id }),
      ),
    )
    expect(merges.map(({ status }) => status)).to.have.members([204, 400])
    const counts = await Promise.all(targets.map(async ({ id }) => (await read(id)).body['data'] as Body))
    expect(counts.map(({ aliases }) => (aliases as readonly unknown[]).length)).to.have.members([0, 1])
  })

  it('when disabling is answered, no token of the entity works, whatever is under way', async () => {
    const { client_token: token, entity_id: id } = (await arrive('disabled')).auth
    const self = async () =>
      (await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': String(token) })).status
    for (let turn = 0; turn < 10; turn++) {
      const running = Array.from({ length: 10 }, self)
      await server.data('POST', `identity/entity/id/${String(id)}`, { disabled: true })
      expect(await self()).to.equal(403)
      await Promise.all(running)
      expect(await self()).to.equal(403)
      await server.data('POST', `identity/entity/id/${String(id)}`, { disabled: false })
      expect(await self()).to.equal(200)
    }
  })

  it('when the removal of an entity is answered, no child of its tokens works, however it was made', async () => {
    for (let turn = 0; turn < 20; turn++) {
      const { client_token: token, entity_id: id } = (await arrive('parent')).auth
      const header = { 'X-Vault-Token': String(token) }
      const create = async () => server.call('POST', '/v1/auth/token/create', { policies: 'default' }, header)
      const before = Array.from({ length: 6 }, create)
      const removed = server.data('DELETE', `identity/entity/id/${String(id)}`)
      const made = await Promise.all([...before, ...Array.from({ length: 6 }, create)])
      await removed
      for (const { body } of made) {
        const child = (body['auth'] as { client_token: string } | undefined)?.client_token
        if (child === undefined) continue
        const used = { 'X-Vault-Token': child }
        expect((await server.call('GET', '/v1/auth/token/lookup-self', undefined, used)).status).to.equal(403)
      }
    }
  })

  it('members set by two requests at once are those of one of them', async () => {
    const ids = await Promise.all(
      Array.from({ length: 6 }, async () => (await server.data('POST', 'identity/entity', {}))['id']),
    )
    const { id } = await server.data('POST', 'identity/group', {})
    const halves = [ids.slice(0, 3), ids.slice(3)]
    for (let turn = 0; turn < 5; turn++) {
      await Promise.all(
        halves.map(async (member_entity_ids) =>
          server.data('POST', `identity/group/id/${String(id)}`, { member_entity_ids }),
        ),
      )
      const { member_entity_ids: members } = await server.data('GET', `identity/group/id/${String(id)}`)
      expect(halves.some((half) => half.every((one) => (members as readonly unknown[]).includes(one)))).to.equal(true)
      expect(members).to.have.length(3)
    }
  })
})
