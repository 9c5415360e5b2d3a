import { expect } from 'chai'
import { HandClock } from '../../../support/clock.ts'
import { inside, makeNamespace } from '../../../support/requests/namespaces.ts'
import { devServer } from '../../../support/server.ts'
import type { Body, TestServer } from '../../../support/server.ts'
import { People, demandOf, tokenOf } from './support.ts'

const none = '11111111-2222-3333-4444-555555555555'

describe('the routes of login MFA', () => {
  const clock = new HandClock()
  let server: TestServer
  let people: People
  before(async () => {
    server = await devServer(clock)
    people = new People(server, clock)
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
  })
  after(async () => server.running.stop())

  const status = async (method: string, path: string, data?: Body) =>
    (await server.call(method, `/v1/identity/mfa/${path}`, data)).status
  const accessor = async () =>
    String(
      (await server.data('GET', 'sys/auth'))['userpass/'] &&
        ((await server.data('GET', 'sys/auth'))['userpass/'] as Body)['accessor'],
    )

  it('make, show, change, list and remove methods', async () => {
    for (const path of ['method', 'method/totp', 'login-enforcement'])
      expect(await status('LIST', path), path).to.equal(404)
    const id = await people.method({ method_name: 'phone' })
    const shown = {
      algorithm: 'SHA1',
      digits: 6,
      id,
      issuer: 'Example',
      key_size: 20,
      max_validation_attempts: 5,
      name: 'phone',
      namespace_id: 'root',
      namespace_path: '',
      period: 30,
      qr_size: 200,
      skew: 1,
      type: 'totp',
    }
    expect(await server.data('GET', `identity/mfa/method/totp/${id}`)).to.deep.equal(shown)
    expect(await server.data('GET', `identity/mfa/method/${id}`)).to.deep.equal(shown)
    for (const path of ['identity/mfa/method', 'identity/mfa/method/totp'])
      expect(await server.data('LIST', path)).to.deep.equal({ keys: [id], key_info: { [id]: shown } })
    expect(await people.method({ method_name: 'phone', issuer: 'Other', digits: 8 }), 'the same name').to.equal(id)
    expect(
      await status('POST', `method/totp/${id}`, { issuer: 'Third', period: '1m', max_validation_attempts: 0 }),
    ).to.equal(204)
    expect(await server.data('GET', `identity/mfa/method/${id}`)).to.deep.equal({
      ...shown,
      issuer: 'Third',
      period: 60,
    })
    expect(await status('POST', `method/totp/${id}`, { issuer: 'Third', method_name: 'tablet' })).to.equal(204)
    const other = await people.method({ method_name: 'phone' })
    expect(other).to.not.equal(id)
    expect(await status('POST', `method/totp/${other}`, { issuer: 'I', method_name: 'tablet' })).to.equal(400)
    for (const one of [id, other, none]) expect(await status('DELETE', `method/totp/${one}`)).to.equal(204)
    for (const path of [`method/${id}`, `method/totp/${id}`]) expect(await status('GET', path)).to.equal(404)
    expect(await status('POST', `method/totp/${none}`, { issuer: 'I' })).to.equal(400)
  })

  it('refuse methods that could not protect, and other types of them', async () => {
    const refused: readonly Body[] = [
      { issuer: '' },
      { issuer: ' ' },
      { issuer: 'x'.repeat(257) },
      { period: 0 },
      { period: 3601 },
      { digits: 7 },
      { skew: 2 },
      { algorithm: 'MD5' },
      { key_size: 0 },
      { key_size: 15 },
      { key_size: 257 },
      { qr_size: -1 },
      { qr_size: 2049 },
      { max_validation_attempts: -1 },
      { max_validation_attempts: 101 },
      { method_name: 'a b' },
      { method_name: 'a:b' },
      { method_name: 'a,b' },
      { method_name: none },
    ]
    for (const data of refused)
      expect(await status('POST', 'method/totp', { issuer: 'Example', ...data }), JSON.stringify(data)).to.equal(400)
    expect(await status('POST', 'method/totp', {})).to.equal(400)
    for (const type of ['duo', 'okta', 'pingid']) {
      const { status: code, text } = await server.call('POST', `/v1/identity/mfa/method/${type}`, { method_name: 'x' })
      expect([code, text.includes('the only one is totp')], type).to.deep.equal([400, true])
    }
    expect(await status('LIST', 'method')).to.equal(404)
  })

  it('make enforcements that fit something, and refuse those that would fit nothing', async () => {
    const id = await people.method()
    const entity = await people.user('dora')
    const at = 'login-enforcement/one'
    const types = { auth_method_types: ['userpass'] }
    for (const data of [
      {},
      types,
      { mfa_method_ids: [], ...types },
      { mfa_method_ids: none, ...types },
      { mfa_method_ids: 'nope', ...types },
    ])
      expect(await status('POST', at, data), JSON.stringify(data)).to.equal(400)
    const selectors = ['auth_method_accessors', 'auth_method_types', 'identity_group_ids', 'identity_entity_ids']
    for (const selector of selectors)
      for (const value of ['', ' ', ',', [], [''], 'nope', none, ['token']])
        expect(
          await status('POST', at, { mfa_method_ids: id, [selector]: value }),
          `${selector} ${JSON.stringify(value)}`,
        ).to.equal(400)
    expect(await status('POST', at, { mfa_method_ids: id })).to.equal(400)
    for (const named of ['a%20b', 'a.', 'x'.repeat(129)])
      expect(await status('POST', `login-enforcement/${named}`, { mfa_method_ids: id, ...types }), named).to.equal(400)
    expect(await status('GET', at)).to.equal(404)
    expect(await status('POST', at, { mfa_method_ids: [id, id], auth_method_accessors: await accessor() })).to.equal(
      204,
    )
    const shown = await server.data('GET', `identity/mfa/${at}`)
    expect(shown).to.deep.equal({
      id: shown['id'],
      name: 'one',
      namespace_id: 'root',
      namespace_path: '',
      mfa_method_ids: [id],
      auth_method_accessors: [await accessor()],
      auth_method_types: [],
      identity_entity_ids: [],
      identity_group_ids: [],
    })
    expect(await server.data('LIST', 'identity/mfa/login-enforcement')).to.deep.equal({
      keys: ['one'],
      key_info: { one: shown },
    })
    expect(
      await status('POST', at, { mfa_method_ids: id, auth_method_accessors: [] }),
      'nothing would be left',
    ).to.equal(400)
    expect(
      await status('POST', at, { mfa_method_ids: id, auth_method_accessors: [], identity_entity_ids: entity }),
    ).to.equal(204)
    expect(await server.data('GET', `identity/mfa/${at}`)).to.deep.include({
      id: shown['id'],
      auth_method_accessors: [],
      identity_entity_ids: [entity],
    })
    const removal = await server.call('DELETE', `/v1/identity/mfa/method/totp/${id}`)
    expect([removal.status, removal.text.includes('one')]).to.deep.equal([400, true])
    expect(await status('DELETE', at)).to.equal(204)
    expect(await status('DELETE', at)).to.equal(204)
    expect(await status('DELETE', `method/totp/${id}`)).to.equal(204)
  })

  it('generate keys once, for oneself or by an operator', async () => {
    const id = await people.method({ method_name: 'phone' })
    const entity = await people.user('erna', { token_policies: 'own' })
    await server.data('PUT', 'sys/policies/acl/own', {
      policy: 'path "identity/mfa/method/totp/generate" { capabilities = ["update"] }',
    })
    const own = { 'X-Vault-Token': tokenOf(await people.login('erna')) }
    expect(
      (
        await people.post(
          'identity/mfa/method/totp/generate',
          { method_id: id },
          { 'X-Vault-Token': tokenOf(await people.login('dora')) },
        )
      ).status,
    ).to.equal(403)
    const first = await people.post('identity/mfa/method/totp/generate', { method_id: id }, own)
    const { url, barcode } = first.body['data'] as Body
    expect(String(url)).to.match(
      new RegExp(
        `^otpauth://totp/Example:${entity}\\?algorithm=SHA1&digits=6&issuer=Example&period=30&secret=[A-Z2-7]{32}$`,
      ),
    )
    expect(Buffer.from(String(barcode), 'base64').subarray(1, 4).toString()).to.equal('PNG')
    for (const again of [
      await people.post('identity/mfa/method/totp/generate', { method_id: id }, own),
      await people.post('identity/mfa/method/totp/admin-generate', { method_id: id, entity_id: entity }),
    ]) {
      expect([again.status, again.body['data']]).to.deep.equal([200, null])
      expect(again.body['warnings']).to.deep.equal(['Entity already has a secret for MFA method "phone"'])
    }
    const plain = await people.method({ qr_size: 0 })
    expect(
      await server.data('POST', 'identity/mfa/method/totp/admin-generate', { method_id: plain, entity_id: entity }),
    ).to.deep.include({ barcode: '' })
    for (const path of ['admin-generate', 'admin-destroy'])
      for (const data of [
        {},
        { method_id: id },
        { entity_id: entity },
        { method_id: none, entity_id: entity },
        { method_id: id, entity_id: none },
        { method_id: id, entity_id: 'nope' },
      ])
        expect(await status('POST', `method/totp/${path}`, data), `${path} ${JSON.stringify(data)}`).to.equal(400)
    expect(await status('POST', 'method/totp/generate', { method_id: id }), 'root has no entity').to.equal(400)
    for (let at = 0; at < 2; at++)
      expect(await status('POST', 'method/totp/admin-destroy', { method_id: id, entity_id: entity })).to.equal(204)
    await people.enrol(entity, id)
  })

  it('a policy that denies an entity or a method denies it under every path', async () => {
    const id = await people.method({ method_name: 'watch' })
    const entity = await people.user('fritz')
    const token = await server.tokenWith(`
      path "identity/mfa/*" { capabilities = ["create", "read", "update", "delete", "list"] }
      path "identity/mfa/method/totp/${id}" { capabilities = ["deny"] }
      path "identity/entity/id/${entity}" { capabilities = ["deny"] }`)
    const headers = { 'X-Vault-Token': token }
    const other = await people.method({ method_name: 'watch2' })
    for (const path of ['admin-generate', 'admin-destroy'])
      expect(
        (await people.post(`identity/mfa/method/totp/${path}`, { method_id: other, entity_id: entity }, headers))
          .status,
      ).to.equal(403)
    expect(
      (await people.post('identity/mfa/method/totp', { issuer: 'I', method_name: 'watch' }, headers)).status,
    ).to.equal(403)
    expect((await server.call('GET', `/v1/identity/mfa/method/${id}`, undefined, headers)).status).to.equal(403)
  })

  it('an enforcement on an entity applies to the one that it is merged into', async () => {
    const id = await people.method({ method_name: 'merged' })
    const one = await people.user('ines')
    await server.data('POST', 'identity/mfa/login-enforcement/merged', { mfa_method_ids: id, identity_entity_ids: one })
    const last = String((await server.data('POST', 'identity/entity', { name: 'last' }))['id'])
    const next = String((await server.data('POST', 'identity/entity', { name: 'next' }))['id'])
    await server.data('POST', 'identity/entity/merge', { from_entity_ids: one, to_entity_id: next })
    demandOf(await people.login('ines'))
    await server.data('POST', 'identity/entity/merge', { from_entity_ids: next, to_entity_id: last })
    demandOf(await people.login('ines'))
    await server.data('DELETE', 'identity/mfa/login-enforcement/merged')
    tokenOf(await people.login('ines'))
  })

  it('an entity that is removed or merged away takes its key along', async () => {
    const id = await people.method({ method_name: 'gone' })
    const [one, two] = [await people.user('gerd'), await people.user('hans')]
    const gerd = await people.enrol(one, id)
    await server.data('DELETE', `identity/entity/id/${two}`)
    expect(await status('POST', 'method/totp/admin-generate', { method_id: id, entity_id: two })).to.equal(400)
    const target = String((await server.data('POST', 'identity/entity', { name: 'target' }))['id'])
    await server.data('POST', 'identity/entity/merge', { from_entity_ids: one, to_entity_id: target })
    await server.data('POST', 'identity/mfa/login-enforcement/target', {
      mfa_method_ids: id,
      identity_entity_ids: target,
    })
    expect((await people.login('gerd', { 'X-Vault-MFA': `gone:${gerd.code()}` })).text).to.include('not present')
    const again = await people.enrol(target, id)
    tokenOf(await people.login('gerd', { 'X-Vault-MFA': `gone:${again.code()}` }))
    await server.data('DELETE', 'identity/mfa/login-enforcement/target')
  })

  it('namespaces: enforcements count there and below, methods of above can be used, requests are of one namespace', async () => {
    for (const path of ['team', 'team/app', 'else']) await makeNamespace(server, path)
    const call = async (
      namespace: string,
      method: string,
      path: string,
      data?: Body,
      headers: Readonly<Record<string, string>> = { 'X-Vault-Token': 'root' },
    ) => server.call(method, `/v1/${path}`, data, { ...headers, 'X-Vault-Namespace': namespace })
    for (const namespace of ['team', 'team/app', 'else']) {
      await inside(server, namespace, 'POST', 'sys/auth/userpass', { type: 'userpass' })
      await inside(server, namespace, 'POST', 'auth/userpass/users/ida', { password: 'pw' })
    }
    const login = async (namespace: string, headers = {}) =>
      call(namespace, 'POST', 'auth/userpass/login/ida', { password: 'pw' }, headers)
    const entity = String(((await login('team/app')).body['auth'] as Body)['entity_id'])
    const made = await call('team', 'POST', 'identity/mfa/method/totp', { issuer: 'Team', method_name: 'team' })
    const id = String((made.body['data'] as Body)['method_id'])
    expect(
      (
        await call('team', 'POST', 'identity/mfa/login-enforcement/team', {
          mfa_method_ids: id,
          auth_method_types: 'userpass',
        })
      ).status,
    ).to.equal(204)
    expect((await call('team/app', 'GET', `identity/mfa/method/${id}`)).body['data']).to.deep.include({
      namespace_path: 'team/',
    })
    for (const [namespace, code] of [
      ['', 404],
      ['else', 404],
    ] as const)
      expect((await call(namespace, 'GET', `identity/mfa/method/${id}`)).status).to.equal(code)
    expect(
      (
        await call('else', 'POST', 'identity/mfa/login-enforcement/x', {
          mfa_method_ids: id,
          auth_method_types: 'userpass',
        })
      ).status,
    ).to.equal(400)
    tokenOf(await login('else'))
    const { mfa_request_id: request } = demandOf(await login('team/app'))
    const generated = await call('team/app', 'POST', 'identity/mfa/method/totp/admin-generate', {
      method_id: id,
      entity_id: entity,
    })
    const secret = new URL(String((generated.body['data'] as Body)['url'])).searchParams.get('secret') ?? ''
    await server.data('POST', 'sys/mounts/totp', { type: 'totp' })
    await server.data('POST', 'totp/keys/ida', { key: secret })
    const { code } = await server.data('GET', 'totp/code/ida')
    const payload = { mfa_request_id: request, mfa_payload: { team: [code] } }
    for (const namespace of ['', 'team', 'else', 'nowhere'])
      expect((await call(namespace, 'POST', 'sys/mfa/validate', payload, {})).status, namespace).to.equal(400)
    const token = tokenOf(await call('team/app', 'POST', 'sys/mfa/validate', payload, {}))
    expect(
      (await call('team/app', 'GET', 'auth/token/lookup-self', undefined, { 'X-Vault-Token': token })).status,
    ).to.equal(200)
    await call('team', 'DELETE', 'identity/mfa/login-enforcement/team')
    expect(
      (
        await call('team/app', 'POST', 'identity/mfa/login-enforcement/own', {
          mfa_method_ids: id,
          auth_method_types: 'userpass',
        })
      ).status,
    ).to.equal(204)
    expect((await call('team', 'DELETE', `identity/mfa/method/totp/${id}`)).status).to.equal(204)
    const orphaned = await login('team/app', { 'X-Vault-MFA': `${id}:123456` })
    expect(
      [orphaned.status, orphaned.text.includes('none of its MFA methods')],
      'a method that is gone opens nothing',
    ).to.deep.equal([403, true])
  })
})
