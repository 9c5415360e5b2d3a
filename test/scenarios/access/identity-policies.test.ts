import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { passphraseEngine } from '../../auth/passphrase/engine.ts'
import { openLevelServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const reading = (path: string) => `path "${path}" { capabilities = ["read"] }`

describe('policies of entities and groups', function () {
  this.timeout(60_000)
  let server: TestServer
  let entity: string

  before(async () => {
    server = await openLevelServer('', { engines: () => [passphraseEngine] })
    await server.data('POST', 'sys/auth/people', { type: 'passphrase' })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    for (const name of ['own', 'entity', 'crew', 'above', 'other']) {
      await server.data('PUT', `sys/policies/acl/${name}`, { policy: reading(`kv/${name}`) })
      await server.data('PUT', `kv/${name}`, { v: '1' })
    }
    for (const team of ['red', 'blue']) await server.data('PUT', `kv/team/${team}`, { v: '1' })
    await server.data('PUT', 'sys/policies/acl/tpl', { policy: reading('kv/team/{{identity.entity.metadata.team}}') })
    await server.data('POST', 'auth/people/users/anna', { passphrase: 'p', token_policies: 'own,tpl' })
    entity = String((await login())['entity_id'])
  })
  after(async () => server.running.stop())
  beforeEach(async () => change({ policies: [], disabled: false, metadata: { team: 'red' } }))

  const login = async (): Promise<Body> => {
    const { status, text, body } = await server.call('POST', '/v1/auth/people/login/anna', { passphrase: 'p' }, {})
    if (status !== 200) throw new Error(text)
    return body['auth'] as Body
  }
  const change = async (data: Body) => server.data('POST', `identity/entity/id/${entity}`, data)
  const group = async (data: Body) => String((await server.data('POST', 'identity/group', data))['id'])
  const call = async (method: string, path: string, token: string, data?: unknown) =>
    server.call(method, `/v1/${path}`, data, { 'X-Vault-Token': token })
  const reads = async (token: string, ...names: readonly string[]) => {
    const statuses: number[] = []
    for (const name of names) statuses.push((await call('GET', `kv/${name}`, token)).status)
    return statuses
  }

  it('hold for tokens that are there already, with the next request', async () => {
    const token = String((await login())['client_token'])
    const names = ['own', 'entity', 'crew', 'above'] as const
    expect(await reads(token, ...names)).to.deep.equal([200, 403, 403, 403])
    await change({ policies: ['entity'] })
    expect(await reads(token, ...names)).to.deep.equal([200, 200, 403, 403])
    const crew = await group({ name: 'crew', policies: ['crew'], member_entity_ids: [entity] })
    expect(await reads(token, ...names)).to.deep.equal([200, 200, 200, 403])
    const above = await group({ name: 'above', policies: ['above'], member_group_ids: [crew] })
    expect(await reads(token, ...names)).to.deep.equal([200, 200, 200, 200])
    expect((await call('POST', 'sys/capabilities-self', token, { paths: ['kv/above'] })).body['kv/above']).to.deep.equal(['read'])
    await server.data('POST', 'identity/group', { id: above, policies: ['other'] })
    expect(await reads(token, 'above', 'other')).to.deep.equal([403, 200])
    await server.data('POST', 'identity/group', { id: above, member_group_ids: [] })
    expect(await reads(token, 'other', 'crew')).to.deep.equal([403, 200])
    await server.data('DELETE', `identity/group/id/${crew}`)
    await change({ policies: [] })
    expect(await reads(token, ...names)).to.deep.equal([200, 403, 403, 403])
    await server.data('DELETE', `identity/group/id/${above}`)
  }) // prettier-ignore

  it('have templates, whose values are those of the moment', async () => {
    const token = String((await login())['client_token'])
    expect(await reads(token, 'team/red', 'team/blue')).to.deep.equal([200, 403])
    await change({ metadata: { team: 'blue' } })
    expect(await reads(token, 'team/red', 'team/blue')).to.deep.equal([403, 200])
    for (const team of ['*', '+', 'red/..', ''])
      expect(await change({ metadata: { team } }).then(async () => reads(token, 'team/red', 'team/blue', 'own')), team).to.deep.equal([403, 403, 200])
    await change({ metadata: {} })
    expect(await reads(token, 'team/red', 'team/', 'own')).to.deep.equal([403, 403, 200])
  }) // prettier-ignore

  it('CVE-2025-5999: never make anybody root', async () => {
    const token = String((await login())['client_token'])
    for (const name of ['root', 'Root', 'ROOT', ' root']) {
      const data = { policies: [name] }
      const { status } = await server.call('POST', `/v1/identity/entity/id/${entity}`, data)
      expect(status).to.be.oneOf([200, 204, 400])
      const { body } = await server.call('POST', '/v1/identity/group', { name: 'r', member_entity_ids: [entity], ...data })
      expect((await call('GET', 'sys/policies/acl/own', token)).status, name).to.equal(403)
      expect((await call('GET', 'sys/internal/ui/resultant-acl', token)).body['data']).to.include({ root: false })
      const id = (body['data'] as Body | undefined)?.['id']
      if (typeof id === 'string') await server.data('DELETE', `identity/group/id/${id}`)
    }
  }) // prettier-ignore

  it('end at once when an entity is disabled or removed', async () => {
    const token = String((await login())['client_token'])
    expect(await reads(token, 'own')).to.deep.equal([200])
    await change({ disabled: true })
    expect(await call('GET', 'kv/own', token)).to.deep.include({ status: 403, body: { errors: ['permission denied'] } })
    expect((await call('POST', 'sys/capabilities', server.token, { token, paths: ['kv/own'] })).body['kv/own']).to.deep.equal(['deny'])
    await change({ disabled: false })
    expect(await reads(token, 'own')).to.deep.equal([200])
  }) // prettier-ignore

  it('are explained, with the template behind a path', async () => {
    await change({ policies: ['entity'] })
    const token = String((await login())['client_token'])
    const explain = async (path: string) => {
      const { body } = await call('POST', 'sys/policies/explain-self', token, { path, operation: 'read' })
      return body['data'] as Body
    }
    expect(await explain('kv/entity')).to.include({ allowed: true })
    const { allowed, considered } = await explain('kv/team/red')
    expect(allowed).to.equal(true)
    expect((considered as readonly Body[])[0]).to.include({ path: 'kv/team/red' })
    expect((considered as readonly Body[])[0]?.['templates']).to.deep.equal(['kv/team/{{identity.entity.metadata.team}}'])
    await change({ metadata: { team: '*' } })
    const { left_out: leftOut } = await explain('kv/team/red')
    expect(leftOut).to.deep.include({ path: 'kv/team/{{identity.entity.metadata.team}}', policy: null, why: 'value' })
  }) // prettier-ignore

  it('are in the audit log, beside those of the token', async () => {
    await change({ policies: ['entity'] })
    const token = String((await login())['client_token'])
    expect(await reads(token, 'entity')).to.deep.equal([200])
    const lines = readFileSync(join(server.folder, 'audit.log'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Body)
    const line = lines.findLast((one) => (one['request'] as Body)['path'] === 'kv/entity')
    expect(line?.['auth']).to.deep.include({
      entity_id: entity,
      policies: ['default', 'entity', 'own', 'tpl'],
      token_policies: ['default', 'own', 'tpl'],
      identity_policies: ['entity'],
    })
  }) // prettier-ignore

  it('100 requests beside 30 changes of the entity are each decided by the state at that time', async () => {
    const token = String((await login())['client_token'])
    for (let round = 0; round < 30; round++) {
      await change({ policies: round % 2 === 0 ? ['entity'] : [] })
      const statuses = await Promise.all(Array.from({ length: 4 }, async () => (await call('GET', 'kv/entity', token)).status))
      expect(new Set(statuses)).to.deep.equal(new Set([round % 2 === 0 ? 200 : 403]))
    }
  }) // prettier-ignore
})
