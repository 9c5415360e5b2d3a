import { expect } from 'chai'
import { devServer } from '../../../../support/server.ts'
import type { Body, TestServer } from '../../../../support/server.ts'
import { base, person } from '../support.ts'
import { Endpoints, app, callback } from './support.ts'

/** Whatever a login rested on may be taken away at each step of it; and a code counts once, however many ask. */
describe('logins at an OIDC provider, while their settings change', () => {
  let server: TestServer
  let at: Endpoints
  before(async () => {
    server = await devServer()
    at = new Endpoints(server)
  })
  after(async () => server.running.stop())

  /** The statuses of a request for a code, an exchange of one from before, and the user info, after a change. */
  const after_ = async (name: string, change: (its: { readonly entity: string; readonly group: string }) => Promise<unknown>) => {
    const { token, entity } = await person(server, name)
    const { id: group } = await server.data('POST', 'identity/group', { name, member_entity_ids: [entity] })
    await server.data('POST', `${base}/assignment/${name}`, { group_ids: [group] })
    const client = await app(server, name, { assignments: name })
    const { access } = await at.tokens(client, await at.code(token, client))
    expect((await at.userinfo(access)).status).to.equal(200)
    const code = await at.code(token, client)
    await change({ entity, group: String(group) })
    const replies = [await at.authorize(token, client), await at.token(client, { code }), await at.userinfo(access)]
    return replies.map(({ status }) => status)
  } // prettier-ignore

  it('are refused without the entity, its group, its assignment, the client or its permission at the provider', async () => {
    const changes: Readonly<Record<string, readonly [(its: { readonly entity: string; readonly group: string }) => Promise<unknown>, readonly number[]]>> = {
      disabled: [async ({ entity }) => server.data('POST', `identity/entity/id/${entity}`, { disabled: true }), [403, 400, 401]],
      gone: [async ({ entity }) => server.data('DELETE', `identity/entity/id/${entity}`), [403, 400, 401]],
      left: [async ({ group }) => server.data('POST', `identity/group/id/${group}`, { member_entity_ids: [] }), [400, 400, 401]],
      ungrouped: [async ({ group }) => server.data('DELETE', `identity/group/id/${group}`), [400, 400, 401]],
      unassigned: [async () => server.data('POST', `${base}/client/unassigned`, { assignments: [] }), [400, 400, 401]],
      emptied: [async () => server.data('POST', `${base}/assignment/emptied`, { group_ids: [] }), [400, 400, 401]],
      removed: [async () => server.data('DELETE', `${base}/client/removed`), [400, 401, 401]],
      barred: [async () => server.data('POST', `${base}/provider/default`, { allowed_client_ids: [] }), [400, 401, 401]],
    }
    for (const [name, [change, statuses]] of Object.entries(changes))
      expect(await after_(name, change), name).to.deep.equal(statuses)
    await server.data('POST', `${base}/provider/default`, { allowed_client_ids: '*' })
  }) // prettier-ignore

  it('end with the key, which signs for named clients only', async () => {
    const { token } = await person(server, 'keyed')
    await server.data('POST', `${base}/key/narrow`, { algorithm: 'ES256', allowed_client_ids: 'nobody' })
    const client = await app(server, 'keyed', { key: 'narrow' })
    const refused = await at.token(client, { code: await at.code(token, client) })
    expect([refused.status, refused.body['error']]).to.deep.equal([401, 'invalid_client'])
    await server.data('POST', `${base}/key/narrow`, { allowed_client_ids: client.id })
    await at.tokens(client, await at.code(token, client))
    expect((await server.call('DELETE', `/v1/${base}/key/narrow`)).status, 'in use').to.equal(400)
    expect((await server.call('POST', `/v1/${base}/key/narrow`, { verification_ttl: '1h' })).status).to.equal(400)
  })

  it('a removed client that is made again is another one', async () => {
    const { token } = await person(server, 'again')
    const old = await app(server, 'again')
    const { access } = await at.tokens(old, await at.code(token, old))
    const code = await at.code(token, old)
    await server.data('DELETE', `${base}/client/again`)
    const now = await app(server, 'again')
    expect(now.id).to.not.equal(old.id)
    expect((await at.token(now, { code })).status).to.equal(400)
    expect((await at.token(old, { code })).status).to.equal(401)
    expect((await at.userinfo(access)).status).to.equal(401)
  })

  it('a removed provider that is made again is another one', async () => {
    const { token } = await person(server, 'returned')
    const client = await app(server, 'returned')
    const make = async () => server.data('POST', `${base}/provider/returned`, { allowed_client_ids: '*' })
    const own = new Endpoints(server, 'returned')
    await make()
    const { access } = await own.tokens(client, await own.code(token, client))
    const code = await own.code(token, client)
    await make()
    expect((await own.userinfo(access)).status, 'changed, not made again').to.equal(200)
    await server.data('DELETE', `${base}/provider/returned`)
    await make()
    expect((await own.userinfo(access)).status).to.equal(401)
    expect((await own.token(client, { code })).body['error']).to.equal('invalid_grant')
  })

  it('a code under 100 parallel exchanges gives tokens once', async () => {
    const { token } = await person(server, 'racer')
    const client = await app(server, 'racer')
    await at.tokens(client, await at.code(token, client))
    for (let round = 0; round < 3; round++) {
      const code = await at.code(token, client)
      const replies = await Promise.all(Array.from({ length: 100 }, async () => at.token(client, { code })))
      const errors = replies.filter(({ status }) => status !== 200).map(({ body }) => body['error'])
      expect(replies.filter(({ status }) => status === 200)).to.have.length(1)
      expect(new Set(errors)).to.deep.equal(new Set(['invalid_grant']))
    }
  })

  it('a denied provider gives no code, whatever else a policy allows', async () => {
    const rules = `path "${base}/*" { capabilities = ["read", "update"] } path "${base}/provider/closed/authorize" { capabilities = ["deny"] }`
    const { token } = await person(server, 'denied', rules)
    const client = await app(server, 'denied')
    await server.data('POST', `${base}/provider/closed`, { allowed_client_ids: '*' })
    const closed = new Endpoints(server, 'closed')
    for (const method of ['GET', 'POST'])
      expect((await closed.authorize(token, client, {}, method)).status, method).to.equal(403)
    expect((await at.authorize(token, client)).status).to.equal(200)
  })

  it('two clients of one name made at once are one, and its id leads to it', async () => {
    const settings: Body = { redirect_uris: [callback], assignments: 'allow_all' }
    await Promise.all(Array.from({ length: 20 }, async () => server.call('POST', `/v1/${base}/client/twin`, settings)))
    const { token } = await person(server, 'twin')
    const { client_id: id, client_secret: secret } = await server.data('GET', `${base}/client/twin`)
    const client = { id: String(id), secret: String(secret) }
    await at.tokens(client, await at.code(token, client))
  })
})
