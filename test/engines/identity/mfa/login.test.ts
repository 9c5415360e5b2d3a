import { expect } from 'chai'
import { HandClock } from '../../../support/clock.ts'
import { devServer } from '../../../support/server.ts'
import type { Body, TestServer } from '../../../support/server.ts'
import { People, demandOf, tokenOf } from './support.ts'
import type { Enrolled } from './support.ts'

const errorOf = (body: Body): string => String((body['errors'] as readonly string[])[0])

describe('login MFA', () => {
  const clock = new HandClock()
  let server: TestServer
  let people: People
  let method: string
  let anna: Enrolled
  let nobody: string
  before(async () => {
    server = await devServer(clock)
    people = new People(server, clock)
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    method = await people.method({ method_name: 'phone' })
    anna = await people.enrol(await people.user('anna', { token_policies: 'reader' }), method)
    nobody = await people.user('nobody')
    await server.data('POST', 'identity/mfa/login-enforcement/people', {
      mfa_method_ids: [method],
      auth_method_types: 'userpass',
    })
  })
  after(async () => server.running.stop())
  beforeEach(() => clock.advance(20 * 60_000))

  it('a login gets no token before its code, and then exactly one', async () => {
    const reply = await people.login('anna')
    const { mfa_request_id: id, mfa_constraints: constraints } = demandOf(reply)
    expect(constraints).to.deep.equal({
      people: { any: [{ type: 'totp', id: method, uses_passcode: true, name: 'phone' }] },
    })
    expect(reply.body['auth']).to.deep.include({ accessor: '', policies: null, entity_id: '', lease_duration: 0 })
    expect(reply.body['warnings']).to.have.length(1)
    const answers = await Promise.all(
      [-1, 0, 1].map(async (ahead) => people.validate(id, { [method]: [anna.code(ahead)] })),
    )
    const good = answers.filter(({ status }) => status === 200)
    expect(good).to.have.length(1)
    const { body } = good[0] as (typeof answers)[0]
    expect(body['auth']).to.deep.include({
      policies: ['default', 'reader'],
      metadata: { username: 'anna' },
      entity_id: anna.entity,
      mfa_requirement: null,
    })
    const token = tokenOf(good[0] as (typeof answers)[0])
    expect(
      (await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': token })).body['data'],
    ).to.deep.include({ path: 'auth/userpass/login/anna', display_name: 'userpass-anna' })
    clock.advance(120_000)
    expect((await people.validate(id, { [method]: [anna.code()] })).status).to.equal(400)
  })

  it('the method may be named, and the code spelled passcode=…; the header does it in one request', async () => {
    const { mfa_request_id: id } = demandOf(await people.login('anna'))
    tokenOf(await people.validate(id, { phone: [`passcode=${anna.code()}`] }))
    for (const header of [
      () => `${method}:${anna.code()}`,
      () => `phone:passcode=${anna.code()}`,
      () => `other:1, phone:${anna.code()}`,
    ]) {
      clock.advance(30_000)
      tokenOf(await people.login('anna', { 'X-Vault-MFA': header() }))
    }
    expect((await people.login('anna', { 'X-Vault-MFA': 'phone:' })).status).to.equal(403)
    expect((await people.login('anna', { 'X-Vault-MFA': method })).status).to.equal(403)
    expect((await people.login('anna', { 'X-Vault-MFA': 'nope:123456' })).status).to.equal(403)
    for (const nothing of [' , ', ':123456'])
      expect((await people.login('anna', { 'X-Vault-MFA': nothing })).status, nothing).to.equal(400)
  })

  it('missing or malformed parameters are refused, and leave the login waiting', async () => {
    const { mfa_request_id: id } = demandOf(await people.login('anna'))
    for (const data of [{}, { mfa_request_id: '' }, { mfa_request_id: 7 }, { mfa_request_id: 'nope', mfa_payload: {} }])
      expect((await people.post('sys/mfa/validate', data, {})).status, JSON.stringify(data)).to.equal(400)
    for (const payload of [[1], 'x', { [method]: anna.code() }, { [method]: [123456] }, { [method]: { a: 1 } }])
      expect((await people.validate(id, payload)).status, JSON.stringify(payload)).to.equal(400)
    for (const payload of [
      {},
      undefined,
      { other: [anna.code()] },
      { [method]: [] },
      { [method]: [''] },
      { [method]: [anna.code(), anna.code(1)] },
    ]) {
      const { status, body } = await people.validate(id, payload)
      expect([status, errorOf(body).includes('MFA credentials not supplied')], JSON.stringify(payload)).to.deep.equal([
        403,
        true,
      ])
    }
    tokenOf(await people.validate(id, { [method]: [anna.code()] }))
  })

  it('an entity without a key gets a clear refusal, and no token', async () => {
    const { mfa_request_id: id } = demandOf(await people.login('nobody'))
    for (const reply of [
      await people.validate(id, { phone: ['123456'] }),
      await people.login('nobody', { 'X-Vault-MFA': 'phone:123456' }),
    ]) {
      expect(reply.status).to.equal(403)
      expect(errorOf(reply.body)).to.include(`MFA secret for method name "phone" not present in entity "${nobody}"`)
    }
  })

  it('a wrong password is refused as usual, also with a right code, which stays valid', async () => {
    const code = anna.code()
    const wrong = await server.call(
      'POST',
      '/v1/auth/userpass/login/anna',
      { password: 'x' },
      { 'X-Vault-MFA': `phone:${code}` },
    )
    expect([wrong.status, wrong.body]).to.deep.equal([400, { errors: ['invalid username or password'] }])
    tokenOf(await people.login('anna', { 'X-Vault-MFA': `phone:${code}` }))
  })

  it('a login waits for five minutes; ten of an entity wait', async () => {
    const first = demandOf(await people.login('anna')).mfa_request_id
    clock.advance(5 * 60_000 - 1)
    expect((await people.validate(first, {})).status).to.equal(403)
    clock.advance(1)
    expect((await people.validate(first, { [method]: [anna.code()] })).status).to.equal(400)
    const ids: string[] = []
    for (let at = 0; at < 11; at++) ids.push(demandOf(await people.login('anna')).mfa_request_id)
    const statuses = await Promise.all(ids.map(async (id) => (await people.validate(id, {})).status))
    expect(statuses).to.deep.equal([400, ...Array.from({ length: 10 }, () => 403)])
  })

  it('changes while the login waited count: user, entity, mount, enforcement', async () => {
    const waiting = async () => demandOf(await people.login('berta')).mfa_request_id
    await server.data('DELETE', 'identity/mfa/login-enforcement/people')
    const berta = await people.enrol(await people.user('berta'), method)
    await server.data('POST', 'identity/mfa/login-enforcement/people', {
      mfa_method_ids: method,
      auth_method_types: 'userpass',
    })
    const id = await waiting()
    await server.data('POST', `identity/entity/id/${berta.entity}`, { disabled: true })
    expect((await people.validate(id, { [method]: [berta.code()] })).status).to.equal(403)
    await server.data('POST', `identity/entity/id/${berta.entity}`, { disabled: false })
    tokenOf(await people.validate(id, { [method]: [berta.code()] }))
    clock.advance(60_000)
    const again = await waiting()
    await server.data('DELETE', 'auth/userpass/users/berta')
    expect((await people.validate(again, { [method]: [berta.code()] })).status).to.equal(403)
    await server.data('POST', 'auth/userpass/users/berta', { password: 'pw' })
    expect((await people.validate(again, { [method]: [berta.code()] })).status).to.equal(400)
    tokenOf(await people.login('berta', { 'X-Vault-MFA': `phone:${berta.code()}` }))
  })

  it('several enforcements demand all of them, one of the methods of each; one code may do for two', async () => {
    const second = await people.method({ method_name: 'tablet', digits: 8, algorithm: 'SHA256', period: 60 })
    const carl = await (async () => {
      await server.data('DELETE', 'identity/mfa/login-enforcement/people')
      const entity = await people.user('carl')
      await server.data('POST', 'identity/mfa/login-enforcement/people', {
        mfa_method_ids: method,
        auth_method_types: 'userpass',
      })
      return { entity, phone: await people.enrol(entity, method), tablet: await people.enrol(entity, second) }
    })()
    await server.data('POST', 'identity/mfa/login-enforcement/carl', {
      mfa_method_ids: [method, second],
      identity_entity_ids: carl.entity,
    })
    tokenOf(await people.login('carl', { 'X-Vault-MFA': `phone:${carl.phone.code()}` }))
    clock.advance(60_000)
    await server.data('POST', 'identity/mfa/login-enforcement/carl', { mfa_method_ids: second })
    expect((await people.login('carl', { 'X-Vault-MFA': `phone:${carl.phone.code()}` })).status).to.equal(403)
    clock.advance(60_000)
    expect((await people.login('carl', { 'X-Vault-MFA': `tablet:${carl.tablet.code()}` })).status).to.equal(403)
    clock.advance(60_000)
    tokenOf(await people.login('carl', { 'X-Vault-MFA': `tablet:${carl.tablet.code()}, phone:${carl.phone.code()}` }))
    await server.data('DELETE', 'identity/mfa/login-enforcement/carl')
  })

  it('groups select their members, and mounts of other types are left alone', async () => {
    await server.data('POST', 'auth/approle/role/web', { token_policies: 'web', token_type: 'batch' })
    const { role_id } = await server.data('GET', 'auth/approle/role/web/role-id')
    const login = async (headers = {}) => {
      const { secret_id } = await server.data('POST', 'auth/approle/role/web/secret-id', { num_uses: 1 })
      return people.post('auth/approle/login', { role_id, secret_id }, headers)
    }
    const first = await login()
    tokenOf(first)
    const entity = String((first.body['auth'] as Body)['entity_id'])
    const web = await people.enrol(entity, method)
    const { id: group } = await server.data('POST', 'identity/group', { name: 'inner', member_entity_ids: entity })
    const { id: outer } = await server.data('POST', 'identity/group', { name: 'outer', member_group_ids: group })
    await server.data('POST', 'identity/mfa/login-enforcement/outer', {
      mfa_method_ids: method,
      identity_group_ids: outer,
    })
    const { mfa_request_id: id } = demandOf(await login())
    const token = await people.validate(id, { phone: [web.code()] })
    expect(token.body['auth']).to.deep.include({ token_type: 'batch', accessor: '' })
    clock.advance(60_000)
    tokenOf(await login({ 'X-Vault-MFA': `phone:${web.code()}` }))
    await server.data('POST', 'identity/group/name/inner', { member_entity_ids: [] })
    tokenOf(await login())
  })

  it('tokens that are no logins, and renewals, need none', async () => {
    const token = tokenOf(await people.login('anna', { 'X-Vault-MFA': `phone:${anna.code()}` }))
    const headers = { 'X-Vault-Token': token }
    expect((await people.post('auth/token/renew-self', {}, headers)).status).to.equal(200)
    tokenOf(await people.post('auth/token/create', { policies: 'reader' }))
  })

  it('a wrapped login is wrapped at the end of it', async () => {
    const { mfa_request_id: id } = demandOf(await people.login('anna'))
    const { body } = await people.validate(id, { phone: [anna.code()] }, { 'X-Vault-Wrap-TTL': '60' })
    const wrapping = String((body['wrap_info'] as Body)['token'])
    tokenOf(await people.post('sys/wrapping/unwrap', {}, { 'X-Vault-Token': wrapping }))
  })
})
