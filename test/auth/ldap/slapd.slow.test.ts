import { expect } from 'chai'
import { certificate } from '../../support/certificate.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'
import { Slapd, hasSlapd } from '../../support/services/slapd.ts'
import { entries, groups, open, people, searcher, teams } from '../../support/services/slapd-entries.ts'

const wrong = { errors: ['invalid username or password'] }
const unavailable = { errors: ['the LDAP server cannot be asked now: try again. See the server log for the reason'] }
const policiesOf = ({ status, text, body }: Reply): readonly string[] => {
  expect(status, text).to.equal(200)
  return (body['auth'] as { readonly policies: readonly string[] }).policies
}

describe("ldap with OpenLDAP's slapd", function () {
  this.timeout(60_000)
  let server: TestServer
  let slapd: Slapd
  before(async function () {
    if (!hasSlapd()) leaveOut(this, 'no slapd on this machine: `make test-slapd` brings it')
    slapd = await new Slapd(entries).start()
    server = await devServer()
  })
  after(async () => {
    await server?.running.stop()
    await slapd?.stop()
  })
  beforeEach(async () => {
    await server.data('DELETE', 'sys/auth/ldap')
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
    for (const group of ['operators', 'everybody', 'odd', 'visible', 'team 1', `team ${teams}`])
      await server.data('POST', `auth/ldap/groups/${encodeURIComponent(group)}`, { policies: group })
  })

  const configure = async (more: Body = {}) =>
    server.data('POST', 'auth/ldap/config', {
      url: slapd.secure, certificate: slapd.ca, binddn: searcher, bindpass: 'search', userdn: people, userattr: 'uid',
      groupdn: groups, groupfilter: '(member={{.UserDN}})', ...more,
    }) // prettier-ignore
  const login = async (name: string, password: unknown = 'right') =>
    server.call('POST', `/v1/auth/ldap/login/${encodeURIComponent(name)}`, { password }, {})

  it('lets users in over ldaps and StartTLS, whose certificates it verifies', async () => {
    const other = certificate().cert
    for (const how of [{ url: slapd.secure }, { url: slapd.plain, starttls: true }]) {
      await configure(how)
      expect(policiesOf(await login('anna'))).to.deep.equal(['default', 'operators'])
      await configure({ ...how, certificate: other })
      expect((await login('anna')).body).to.deep.equal(unavailable)
    }
  })

  it('refuses a wrong, an empty and another password alike, and an unknown name', async () => {
    await configure()
    for (const [name, password] of [
      ['anna', 'wrong'],
      ['nobody', 'right'],
      ['anna', 'search'],
    ] as const)
      // prettier-ignore
      expect((await login(name, password)).body).to.deep.equal(wrong)
    expect((await login('anna', '')).body).to.deep.equal({ errors: ['missing password'] })
    await configure({ binddn: '', bindpass: '' })
    for (const password of ['wrong', '']) expect((await login('anna', password)).status).to.equal(400)
    await configure({ binddn: searcher, bindpass: 'wrong' })
    expect((await login('anna')).body).to.deep.equal(unavailable)
  })

  it('takes no character of a name for more than that character', async () => {
    await configure()
    for (const name of [
      '*',
      'an*',
      'anna)(uid=*',
      '*)(|(uid=*',
      'anna\\2a',
      '\\',
      'a(b',
      'x)(cn=searcher',
      'anna,ou=people',
    ])
      expect((await login(name)).body, name).to.deep.equal(wrong)
    expect(policiesOf(await login('odd'))).to.deep.equal(['default', 'odd'])
    await configure({ userattr: 'cn' })
    expect(policiesOf(await login('Odd (star*) , back\\slash'))).to.deep.equal(['default', 'odd'])
    expect((await login('Odd *')).body).to.deep.equal(wrong)
    await configure({ userattr: 'cn', binddn: '', bindpass: '', groupfilter: '' })
    policiesOf(await login('Odd (star*) , back\\slash'))
    for (const name of [`odd,${people}`, 'x+uid=anna', 'anna#', '"anna"', 'a;b', '*'])
      expect((await login(name)).body, name).to.deep.equal(wrong)
  })

  it('builds names, finds users without an account, and searches groups as nobody', async () => {
    await configure({ binddn: '', bindpass: '', groupdn: open, userdn: open })
    expect(policiesOf(await login('clara'))).to.deep.equal(['default', 'visible'])
    await configure({ binddn: '', bindpass: '', discoverdn: true, userdn: open, userattr: 'mail', groupdn: open })
    expect(policiesOf(await login('clara@example.org'))).to.deep.equal(['default', 'visible'])
    expect((await login('clara@example.org', 'wrong')).body).to.deep.equal(wrong)
    // Without an account nothing can be seen there, not even the base.
    await configure({ binddn: '', bindpass: '', discoverdn: true })
    expect((await login('anna')).body).to.deep.equal(unavailable)
    await configure({ discoverdn: false, anonymous_group_search: true, groupdn: open })
    expect(policiesOf(await login('anna'))).to.deep.equal(['default', 'visible'])
  })

  it('finds users by the name that Active Directory has for them', async () => {
    await configure({ upndomain: 'ad.example.org' })
    expect(policiesOf(await login('anna'))).to.deep.equal(['default', 'operators'])
    expect((await login('anna', 'wrong')).body).to.deep.equal(wrong)
    await configure({ upndomain: 'other.example.org' })
    expect((await login('anna')).body).to.deep.equal(wrong)
  })

  it('gives nested groups, where the directory has them as memberOf', async () => {
    await configure({ groupdn: people, groupfilter: '(uid={{.Username}})', groupattr: 'memberOf' })
    expect(policiesOf(await login('anna'))).to.deep.equal(['default', 'everybody', 'operators', 'visible'])
  })

  it('reads all pages of a search, and lets nobody in with some of the groups', async () => {
    await configure({ max_page_size: 20 })
    expect(policiesOf(await login('berta'))).to.deep.equal(['default', 'team 1', `team ${teams}`])
    await configure({ max_page_size: 0 })
    expect((await login('berta')).body).to.deep.equal(unavailable)
    expect(policiesOf(await login('anna'))).to.deep.equal(['default', 'operators'])
  })

  it('follows no referral to another server', async () => {
    // Each search below `ou=people` comes upon one.
    await configure()
    policiesOf(await login('anna'))
    await configure({ userdn: `ou=elsewhere,${people}` })
    expect((await login('anna')).body).to.deep.equal(unavailable)
    await configure({ userdn: `ou=elsewhere,${people}`, binddn: '', bindpass: '' })
    expect((await login('anna')).body).to.deep.equal(wrong)
  })

  it('renews a token while the directory has its user', async () => {
    await configure({ token_ttl: 60 })
    const { body } = await login('anna')
    const token = String((body['auth'] as Body)['client_token'])
    expect((await server.call('POST', '/v1/auth/token/renew-self', {}, { 'X-Vault-Token': token })).status).to.equal(
      200,
    )
  })
})
