import { expect } from 'chai'
import { People, demandOf, tokenOf } from '../../engines/identity/mfa/support.ts'
import { HandClock } from '../../support/clock.ts'
import { LdapServer } from '../../support/services/ldap-server.ts'
import { devServer } from '../../support/server.ts'
import type { Body } from '../../support/server.ts'

const people = 'ou=people,dc=example,dc=org'

describe('ldap with a second factor', () => {
  for (const [how, account] of [
    ['found by an account', { binddn: 'cn=searcher', bindpass: 'search' }],
    ['whose name is built', {}],
  ] as const)
    it(`gives a user ${how} a token for the password and the code, and for neither alone`, async () => {
      const clock = new HandClock()
      const server = await devServer(clock)
      const ldap = await new LdapServer().start()
      ldap.add('cn=searcher', { userPassword: ['search'] })
      ldap.add(`uid=anna,${people}`, { uid: ['anna'], userPassword: ['right'] })
      const factors = new People(server, clock)
      await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
      await server.data('POST', 'auth/ldap/config', { url: ldap.url, userdn: people, userattr: 'uid', ...account })
      const login = async (password: string, headers = {}) =>
        factors.post('auth/ldap/login/anna', { password }, headers)
      const first = await login('right')
      tokenOf(first)
      const method = await factors.method()
      const anna = await factors.enrol(String((first.body['auth'] as Body)['entity_id']), method)
      await server.data('POST', 'identity/mfa/login-enforcement/directory', {
        mfa_method_ids: [method],
        auth_method_types: 'ldap',
      })

      const { mfa_request_id: other } = demandOf(await login('right'))
      expect((await factors.validate(other, { [method]: ['000000'] })).status).to.equal(403)
      const { mfa_request_id: id } = demandOf(await login('right'))
      const reply = await factors.validate(id, { [method]: [anna.code()] })
      tokenOf(reply)
      expect(reply.body['auth']).to.deep.include({ entity_id: anna.entity, metadata: { username: 'anna' } })

      clock.advance(60_000)
      tokenOf(await login('right', { 'X-Vault-MFA': `${method}:${anna.code()}` }))
      clock.advance(60_000)
      expect((await login('wrong', { 'X-Vault-MFA': `${method}:${anna.code()}` })).status).to.equal(400)
      expect((await login('right', { 'X-Vault-MFA': `${method}:000000` })).status).to.equal(403)
      await server.running.stop()
      await ldap.stop()
    })
})
