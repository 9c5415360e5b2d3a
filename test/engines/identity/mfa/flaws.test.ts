import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { HandClock } from '../../../support/clock.ts'
import { devServer, initialised, levelServer, openLevelServer, unseal } from '../../../support/server.ts'
import type { Body, TestServer } from '../../../support/server.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { People, demandOf, tokenOf } from './support.ts'
import type { Enrolled } from './support.ts'

const errorOf = (body: Body): string => String((body['errors'] as readonly string[])[0])

describe('login MFA, known flaws', () => {
  const clock = new HandClock()
  let server: TestServer
  let people: People
  let method: string
  let anna: Enrolled
  before(async () => {
    server = await devServer(clock)
    people = new People(server, clock)
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    method = await people.method({ method_name: 'phone' })
    anna = await people.enrol(await people.user('anna'), method)
    await server.data('POST', 'identity/mfa/login-enforcement/people', {
      mfa_method_ids: method,
      auth_method_types: 'userpass',
    })
  })
  after(async () => server.running.stop())
  beforeEach(() => clock.advance(20 * 60_000))

  const waiting = async () => demandOf(await people.login('anna')).mfa_request_id
  const wrong = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

  it('CVE-2025-6015: a code is taken once, whichever login it is for and however it is spelled', async () => {
    const ids = await Promise.all([waiting(), waiting(), waiting()])
    const code = anna.code()
    const answers = await Promise.all(ids.map(async (id) => people.validate(id, { phone: [code] })))
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1)
    const open = ids.find((_, at) => answers[at]?.status === 403) as string
    const texts = new Set<string>()
    for (const spelled of [code, wrong(code)]) {
      const { status, body } = await people.validate(open, { phone: [spelled] })
      expect(status).to.equal(403)
      texts.add(errorOf(body))
    }
    // Nobody learns from the response that the code was a right one.
    expect(texts.size).to.equal(1)
  })

  it('CVE-2025-6015: spaces and other digits make no other code of one', async () => {
    for (const spell of [
      (code: string) => ` ${code}`,
      (code: string) => `${code} `,
      (code: string) => `${code.slice(0, 3)} ${code.slice(3)}`,
      (code: string) => `${code}\n`,
      (code: string) => `0${code}`,
      (code: string) => code.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
    ]) {
      clock.advance(20 * 60_000)
      const id = await waiting()
      expect((await people.validate(id, { phone: [spell(anna.code())] })).status).to.equal(403)
      tokenOf(await people.validate(id, { phone: [anna.code()] }))
    }
  })

  it('CVE-2025-6015: five wrong codes lock the method for the entity, over periods, logins and ways; of many at once five are judged', async () => {
    const ids = await Promise.all([waiting(), waiting()])
    for (let at = 0; at < 3; at++) {
      clock.advance(60_000)
      const code = wrong(anna.code())
      const reply =
        at % 2 === 0
          ? await people.validate(await waiting(), { phone: [code] })
          : await people.login('anna', { 'X-Vault-MFA': `phone:${code}` })
      expect(errorOf(reply.body)).to.match(/incorrect/)
    }
    const open = await waiting()
    const replies = await Promise.all(
      [...ids, ...ids, open, open, open].map(async (id) => people.validate(id, { phone: [wrong(anna.code())] })),
    )
    expect(replies.filter(({ body }) => /incorrect/.test(errorOf(body)))).to.have.length(2)
    expect(replies.filter(({ body }) => /attempts exceeded/.test(errorOf(body)))).to.have.length(5)
    const locked = await people.validate(open, { phone: [anna.code()] })
    expect([locked.status, /attempts exceeded/.test(errorOf(locked.body))]).to.deep.equal([403, true])
    clock.advance(15 * 60_000)
    tokenOf(await people.login('anna', { 'X-Vault-MFA': `phone:${anna.code()}` }))
  })

  it('CVE-2025-6015: a new key neither forgets the wrong codes of before, nor frees the used ones', async () => {
    for (let at = 0; at < 5; at++)
      expect((await people.login('anna', { 'X-Vault-MFA': `phone:${wrong(anna.code())}` })).status).to.equal(403)
    const named = { method_id: method, entity_id: anna.entity }
    expect((await people.post('identity/mfa/method/totp/admin-destroy', named)).status).to.equal(204)
    expect((await people.login('anna', { 'X-Vault-MFA': `phone:${anna.code()}` })).text).to.include(
      'not present in entity',
    )
    const old = anna
    anna = await people.enrol(anna.entity, method)
    expect((await people.login('anna', { 'X-Vault-MFA': `phone:${anna.code()}` })).text).to.include('attempts exceeded')
    clock.advance(15 * 60_000)
    expect((await people.login('anna', { 'X-Vault-MFA': `phone:${old.code()}` })).status).to.equal(403)
    tokenOf(await people.login('anna', { 'X-Vault-MFA': `phone:${anna.code()}` }))
    expect((await people.login('anna', { 'X-Vault-MFA': `phone:${anna.code()}` })).status).to.equal(403)
  })

  it('CVE-2025-6003: a name in another spelling is the same entity, and is asked for its code', async () => {
    for (const spelled of ['ANNA', 'Anna', '%61nna', 'aNNA']) demandOf(await people.login(spelled))
    await server.data('DELETE', 'identity/mfa/login-enforcement/people')
    await server.data('POST', 'identity/mfa/login-enforcement/one', {
      mfa_method_ids: method,
      identity_entity_ids: anna.entity,
    })
    try {
      for (const spelled of ['anna', 'ANNA', 'Anna']) demandOf(await people.login(spelled))
      for (const spelled of ['anna%20', '%20anna'])
        expect((await people.login(spelled)).status, spelled).to.be.oneOf([400, 403, 404])
    } finally {
      await server.data('POST', 'identity/mfa/login-enforcement/people', {
        mfa_method_ids: method,
        auth_method_types: 'userpass',
      })
      await server.data('DELETE', 'identity/mfa/login-enforcement/one')
    }
  })

  it('GHSA-rh46-vc3j-w2w3: a login inside a request does not get around it', async () => {
    const inline = {
      'X-Vault-Inline-Auth-Path': 'auth/userpass/login/anna',
      'X-Vault-Inline-Auth-Parameter-p': Buffer.from(JSON.stringify({ key: 'password', value: 'pw' })).toString(
        'base64url',
      ),
    }
    const look = async (more = {}) =>
      server.call('GET', '/v1/sys/internal/ui/resultant-acl', undefined, { ...inline, ...more })
    const refused = await look()
    expect([refused.status, errorOf(refused.body).includes('needs a second factor')]).to.deep.equal([403, true])
    expect((await look({ 'X-Vault-MFA': `phone:${wrong(anna.code())}` })).status).to.equal(403)
    const code = anna.code()
    expect((await look({ 'X-Vault-MFA': `phone:${code}` })).status).to.equal(200)
    expect((await look({ 'X-Vault-MFA': `phone:${code}` })).status).to.equal(403)
  })
})

describe('login MFA, on disk', function () {
  this.timeout(60_000)

  it('CVE-2022-30689: an enforcement is in force after a restart, and the codes of before stay used', async () => {
    const first = await openLevelServer()
    const before = new People(first, systemClock)
    await first.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    const method = await before.method({ method_name: 'phone', period: 3600 })
    const anna = await before.enrol(await before.user('anna'), method)
    await first.data('POST', 'identity/mfa/login-enforcement/people', {
      mfa_method_ids: method,
      auth_method_types: 'userpass',
    })
    const { mfa_request_id: id } = demandOf(await before.login('anna'))
    tokenOf(await before.login('anna', { 'X-Vault-MFA': `phone:${anna.code()}` }))
    await first.running.stop()
    const again = await levelServer(first.folder)
    again.shares = first.shares
    await unseal(again)
    const people = new People(again, systemClock)
    demandOf(await people.login('anna'))
    expect((await people.login('anna', { 'X-Vault-MFA': `phone:${anna.code()}` })).status).to.equal(403)
    expect((await people.validate(id, { phone: [anna.code(1)] })).status, 'waiting logins are in memory').to.equal(400)
    tokenOf(await people.login('anna', { 'X-Vault-MFA': `phone:${anna.code(1)}` }))
    await again.running.stop()
  })

  it('no audit line has a key, a passcode or the id of a waiting login in clear, whatever may be written so', async () => {
    const server = await levelServer()
    await initialised(server)
    await unseal(server)
    const raw = join(server.folder, 'raw.log')
    await server.data('POST', 'sys/audit/raw', { type: 'file', options: { file_path: raw, log_raw: 'true' } })
    for (const mount of ['sys', 'identity'])
      expect(
        (
          await server.call('POST', `/v1/sys/mounts/${mount}/tune`, {
            audit_non_hmac_request_keys: ['mfa_payload', 'mfa_request_id'],
            audit_non_hmac_response_keys: ['url', 'barcode'],
          })
        ).status,
      ).to.be.oneOf([204, 400, 403])
    for (const hmac of [true, false])
      expect(
        (await server.call('POST', '/v1/sys/config/auditing/request-headers/X-Vault-MFA', { hmac })).status,
      ).to.equal(400)
    const people = new People(server, systemClock)
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    const method = await people.method({ method_name: 'phone', digits: 8 })
    const anna = await people.enrol(await people.user('anna'), method)
    await server.data('POST', 'identity/mfa/login-enforcement/people', {
      mfa_method_ids: method,
      auth_method_types: 'userpass',
    })
    const { mfa_request_id: id } = demandOf(await people.login('anna'))
    const codes = [anna.code(1), anna.code(), '13572468']
    tokenOf(await people.login('anna', { 'X-Vault-MFA': `phone:${codes[0]}` }))
    await people.validate(id, { phone: [codes[2]] })
    await people.validate(id, { phone: [codes[1]] })
    await server.running.stop()
    const lines = readFileSync(join(server.folder, 'audit.log'), 'utf8') + readFileSync(raw, 'utf8')
    expect(lines).to.include('sys/mfa/validate')
    for (const secret of [...codes, 'otpauth://', id]) expect(lines.includes(secret), secret).to.equal(false)
  })
})
