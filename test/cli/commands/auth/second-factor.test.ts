import { expect } from 'chai'
import { systemClock } from '../../../../src/util/clock.ts'
import { People } from '../../../engines/identity/mfa/support.ts'
import type { Enrolled } from '../../../engines/identity/mfa/support.ts'
import { devServer } from '../../../support/server.ts'
import type { TestServer } from '../../../support/server.ts'
import { ScriptedServer, Shell } from '../../support.ts'

describe('strongroom login with a second factor', () => {
  let server: TestServer
  let method: string
  let anna: Enrolled
  before(async () => {
    server = await devServer()
    const people = new People(server, systemClock)
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    method = await people.method({ method_name: 'phone', period: 3600, max_validation_attempts: 100 })
    anna = await people.enrol(await people.user('anna'), method)
    await server.data('POST', 'identity/mfa/login-enforcement/people', {
      mfa_method_ids: method,
      auth_method_types: 'userpass',
    })
  })
  after(async () => server.running.stop())

  const shell = () => new Shell({ VAULT_ADDR: server.running.address })
  const login = 'login -method=userpass -token-only username=anna password=pw'

  it('asks for the code', async () => {
    const asked = shell()
    asked.typed = ` ${anna.code()} `
    const { code, out, err } = await asked.run(login)
    expect([code, err]).to.deep.equal([0, ''])
    expect(out.length).to.be.greaterThan(20)
    expect(asked.questions).to.deep.equal(['Code of "phone" (will be hidden): '])
    asked.typed = '000000'
    const wrong = await asked.run(login)
    expect([wrong.code, wrong.out]).to.deep.equal([2, ''])
    expect(wrong.err).to.include('failed to satisfy enforcement people')
  })

  it('says how to go on where nobody can be asked, and the command does', async () => {
    for (const flag of ['', ' -non-interactive']) {
      const alone = shell()
      const { code, out, err } = await alone.run(login.replace('login', `login${flag}`))
      expect([code, out]).to.deep.equal([2, ''])
      expect(err).to.include(`-mfa=${method}:CODE`)
      const [, input = ''] = /echo '(\{.*\})' \| strongroom write sys\/mfa\/validate -/.exec(err) ?? []
      alone.stdin = input.replace('CODE', anna.code(flag === '' ? 1 : -1))
      const done = await alone.run('write -field=token_policies sys/mfa/validate -')
      expect(done, done.err).to.include({ code: 0, out: '[default]' })
    }
  })

  it('accepts -mfa, and shows unknown demands of a server', async () => {
    const refused = await shell().run(`${login} -mfa=phone:000000`)
    expect(refused.code).to.equal(2)
    const auth = {
      client_token: '',
      mfa_requirement: { mfa_request_id: "'; rm", mfa_constraints: { a: { any: [{ type: 'duo', id: 'x' }] } } },
    }
    const scripted = new ScriptedServer({ 'PUT /v1/auth/userpass/login/anna': [{ status: 200, body: { auth } }] })
    try {
      const { code, err } = await new Shell({ VAULT_ADDR: await scripted.listen() }).run(login)
      expect([code, err.includes('rm'), err.includes('it supports totp')]).to.deep.equal([2, false, true])
    } finally {
      scripted.close()
    }
  })
})
