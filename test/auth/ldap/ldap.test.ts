import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { LdapServer } from '../../support/services/ldap-server.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface Auth {
  readonly client_token: string
  readonly policies: readonly string[]
  readonly token_policies: readonly string[]
  readonly identity_policies?: readonly string[]
  readonly entity_id: string
  readonly renewable: boolean
  readonly lease_duration: number
  readonly metadata: Body
}
const authOf = ({ status, text, body }: Reply): Auth => {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return body['auth'] as Auth
}
const wrong = { errors: ['invalid username or password'] }
const people = 'ou=people,dc=example,dc=org'
const groups = 'ou=groups,dc=example,dc=org'
const account = 'cn=searcher,dc=example,dc=org'

/** A directory with Anna, who is in `Operators`, and in `Everybody` by way of it. */
async function directory(): Promise<LdapServer> {
  const ldap = await new LdapServer().start()
  ldap.add(account, { cn: ['searcher'], userPassword: ['search'] })
  const person = (uid: string, mail = `${uid}@example.org`) =>
    ldap.add(`uid=${uid},${people}`, { uid: [uid], cn: [`${uid} of example`], mail: [mail], userPassword: ['right'] })
  for (const uid of ['anna', 'berta', 'locked', 'carla', 'renewed', 'dora']) person(uid)
  ldap.add(`cn=Operators,${groups}`, { cn: ['Operators'], member: [`uid=anna,${people}`] })
  ldap.add(`cn=Everybody,${groups}`, { cn: ['Everybody'], member: [`cn=operators,${groups}`] })
  return ldap
}

describe('ldap', () => {
  const clock = new HandClock()
  let server: TestServer
  let ldap: LdapServer
  before(async () => {
    server = await devServer(clock)
    ldap = await directory()
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
    await configure({})
  })
  after(async () => {
    await server.running.stop()
    await ldap.stop()
  })
  afterEach(() => {
    ldap.override = undefined
    ldap.seen.length = 0
  })

  const settings = () => ({
    url: ldap.url, binddn: account, bindpass: 'search', userdn: people, userattr: 'uid', groupdn: groups,
    groupfilter: '(member={{.UserDN}})',
  }) // prettier-ignore
  const write = async (path: string, data: Body) => server.call('POST', `/v1/auth/ldap/${path}`, data)
  const configure = async (more: Body, mount = 'ldap') =>
    server.data('POST', `auth/${mount}/config`, { ...settings(), ...more })
  const mounted = async (mount: string, more: Body) => {
    await server.data('POST', `sys/auth/${mount}`, { type: 'ldap' })
    await configure(more, mount)
  }
  const tryLogin = async (name: string, password: unknown = 'right', mount = 'ldap') =>
    server.call('POST', `/v1/auth/${mount}/login/${encodeURIComponent(name)}`, { password }, {})
  const accessorOf = async (mount: string) => String((await server.data('GET', `sys/auth/${mount}`))['accessor'])
  const aliasOf = async (auth: Auth) => {
    const { aliases } = await server.data('GET', `identity/entity/id/${auth.entity_id}`)
    return (aliases as Body[])[0]
  }

  it('logs a user in with the password of the directory, with the policies of user and groups', async () => {
    await write('users/Anna', { policies: 'own', groups: 'local' })
    await write('groups/OPERATORS', { policies: 'operate' })
    await write('groups/local', { policies: 'here' })
    const reply = await tryLogin('ANNA')
    expect(reply.body['data']).to.deep.equal({})
    const auth = authOf(reply)
    expect(auth.policies).to.deep.equal(['default', 'here', 'operate', 'own'])
    expect(auth.metadata).to.deep.equal({ username: 'anna' })
    expect(await aliasOf(auth)).to.deep.include({ name: 'anna', metadata: { name: 'anna' } })
    expect(ldap.seen.map(({ kind, dn }) => [kind, dn])).to.deep.equal([
      ['bind', account], ['search', people], ['bind', `uid=anna,${people}`], ['bind', account], ['search', groups],
    ]) // prettier-ignore
    expect(authOf(await tryLogin('berta')).policies).to.deep.equal(['default'])
  })

  it('refuses a wrong password, an unknown user and an empty password, with the same requests to the directory', async () => {
    const asked = async (name: string) => {
      ldap.seen.length = 0
      const { status, body } = await tryLogin(name, 'wrong')
      return { status, body, kinds: ldap.seen.map(({ kind }) => kind) }
    }
    const known = await asked('anna')
    expect(known).to.deep.include({ status: 400, body: wrong })
    expect(await asked('nobody')).to.deep.equal(known)
    ldap.seen.length = 0
    for (const password of ['', null, 'ri\0ght', 'x'.repeat(2000)])
      expect((await tryLogin('anna', password)).status).to.equal(400)
    expect(ldap.seen).to.deep.equal([])
  })

  it('CVE-2020-35177: known, unknown and locked users get the same response, also with a right password', async () => {
    const shown = ({ status, text, headers }: Reply) => [status, text, { ...headers, date: '' }]
    const first = shown(await tryLogin('locked', 'wrong'))
    for (let at = 1; at < 8; at++) {
      expect(shown(await tryLogin('locked', 'wrong'))).to.deep.equal(first)
      expect(shown(await tryLogin('unknown', 'wrong'))).to.deep.equal(first)
    }
    expect(shown(await tryLogin('locked', 'right'))).to.deep.equal(first)
    clock.advance(900_000)
    expect((await tryLogin('locked', 'right')).status).to.equal(200)
  })

  it('CVE-2025-6004, CVE-2025-6013: one user is one entity and one count of failures, however the name is spelled', async () => {
    await mounted('spelled', { userfilter: '(|(uid={{.Username}})(mail={{.Username}}))' })
    const spellings = ['carla', 'CARLA', 'Carla', 'ｃarla', 'carla@example.org', 'CARLA@EXAMPLE.ORG']
    const entities = new Set<string>()
    for (const name of spellings) entities.add(authOf(await tryLogin(name, 'right', 'spelled')).entity_id)
    expect(entities.size).to.equal(1)
    for (const name of [
      ' carla',
      'carla ',
      'car\u00adla',
      'car\u200bla',
      'carla\0',
      'carla\t',
      'carla\u2060',
      'ca  rla',
    ])
      expect((await tryLogin(name, 'right', 'spelled')).status, JSON.stringify(name)).to.be.oneOf([400, 404])
    for (const name of spellings.slice(1)) await tryLogin(name, 'wrong', 'spelled')
    for (const name of spellings) expect((await tryLogin(name, 'right', 'spelled')).status, name).to.equal(400)
    const { by_namespace: locked } = await server.data(
      'GET',
      `sys/locked-users?mount_accessor=${await accessorOf('spelled')}`,
    )
    expect(JSON.stringify(locked)).to.include('"alias_identifiers":["carla"]')
  })

  it('CVE-2026-55770: names are escaped for filters and for distinguished names, each by its own rules', async () => {
    await mounted('built', { binddn: '', bindpass: '' })
    for (const name of ['*', 'an*', 'anna)(uid=*', '*)(|(uid=*', 'anna\\2a', '\\', 'x)(cn=searcher', 'a(b', 'a)b']) {
      ldap.seen.length = 0
      expect((await tryLogin(name)).body, name).to.deep.equal(wrong)
      expect(ldap.seen.filter(({ kind }) => kind === 'search').length, name).to.equal(1)
    }
    for (const name of [
      `anna,${people}`,
      `x,${people}+uid=anna`,
      'anna#',
      '#anna',
      'anna=',
      'an"na',
      'a;b',
      'a<b>',
      'a\\,b',
    ]) {
      ldap.seen.length = 0
      expect((await tryLogin(name, 'right', 'built')).body, name).to.deep.equal(wrong)
      const dn = String(ldap.seen[0]?.dn)
      expect(dn.endsWith(`,${people}`), dn).to.equal(true)
      expect(dn.slice(0, -people.length - 1), dn).to.match(/^uid=(?:\\.|[^,+;<>"#=\\])*$/)
    }
    expect(authOf(await tryLogin('anna', 'right', 'built')).renewable).to.equal(false)
    expect(await aliasOf(authOf(await tryLogin('Anna', 'right', 'built')))).to.deep.include({
      name: `uid=anna,${people}`,
    })
    ldap.add(`cn=Odd (star*) \\, back\\\\slash,${people}`, { uid: ['odd'], userPassword: ['right'] })
    ldap.add(`cn=odd,${groups}`, { cn: ['Odd'], member: [`cn=Odd (star*) \\, back\\\\slash,${people}`] })
    await write('groups/odd', { policies: 'odd' })
    expect(authOf(await tryLogin('odd')).policies).to.deep.equal(['default', 'odd'])
  })

  it('follows nested groups if the filter asks for them, and reads common names literally', async () => {
    await mounted('nested', { groupfilter: '(member:1.2.840.113556.1.4.1941:={{.UserDN}})' })
    await server.data('POST', 'auth/nested/groups/everybody', { policies: 'every' })
    await server.data('POST', 'auth/nested/groups/operators', { policies: 'operate' })
    expect(authOf(await tryLogin('anna', 'right', 'nested')).policies).to.deep.equal(['default', 'every', 'operate'])
    ldap.add(`cn=fake,${groups}`, { cn: ['x,cn=operators'], member: [`uid=berta,${people}`] })
    expect(authOf(await tryLogin('berta', 'right', 'nested')).policies).to.deep.equal(['default'])
  })

  it('reads the groups from an attribute of the user, and from the token groups of Active Directory', async () => {
    const sid = Buffer.from('010500000000000515000000a065cf7e784b9b5fe77c8770091c0100', 'hex')
    ldap.add(`uid=dora,${people}`, {
      uid: ['dora'],
      userPassword: ['right'],
      memberOf: [`CN=Ad\\, mins,${groups}`],
      tokenGroups: [sid],
    })
    ldap.add('<SID=S-1-5-21-2127521184-1604012920-1887927527-72713>', {})
    ldap.entries.set('<sid=s-1-5-21-2127521184-1604012920-1887927527-72713>', { dn: [`CN=Tokens,${groups}`] })
    await mounted('active', { groupdn: people, groupfilter: '(uid={{.Username}})', groupattr: 'memberOf' })
    await server.data('POST', 'auth/active/groups/ad, mins', { policies: 'admin' }).catch(() => undefined)
    await server.data('POST', `auth/active/groups/${encodeURIComponent('ad, mins')}`, { policies: 'admin' })
    await server.data('POST', 'auth/active/groups/tokens', { policies: 'token' })
    expect(authOf(await tryLogin('dora', 'right', 'active')).policies).to.deep.equal(['admin', 'default'])
    await server.data('POST', 'auth/active/config', { use_token_groups: true })
    expect(authOf(await tryLogin('dora', 'right', 'active')).policies).to.deep.equal(['default', 'token'])
  })

  it('renews a token while the user is there with the same policies, by searching again', async () => {
    const renew = async (token: string) =>
      server.call('POST', '/v1/auth/token/renew-self', {}, { 'X-Vault-Token': token })
    const name = `uid=renewed,${people}`
    const entry = ldap.entries.get(name) ?? {}
    const group = { cn: ['Renewers'], member: [name] }
    ldap.add(`cn=Renewers,${groups}`, group)
    await write('groups/renewers', { policies: 'again' })
    const { client_token: token, renewable } = authOf(await tryLogin('renewed'))
    expect(renewable).to.equal(true)
    ldap.seen.length = 0
    expect((await renew(token)).status).to.equal(200)
    expect(ldap.seen.filter(({ kind }) => kind === 'bind').every(({ dn }) => dn === account)).to.equal(true)
    ldap.entries.delete(`cn=renewers,${groups}`)
    expect((await renew(token)).body).to.deep.equal({ errors: ['policies have changed, not renewing'] })
    ldap.add(`cn=Renewers,${groups}`, group)
    expect((await renew(token)).status).to.equal(200)
    ldap.entries.delete(name)
    expect((await renew(token)).status).to.equal(400)
    ldap.entries.set(name, entry)
    expect((await renew(token)).status).to.equal(200)
  })

  it('makes memberships of external groups follow the directory, at logins and renewals', async () => {
    const { id } = await server.data('POST', 'identity/group', { name: 'ops', type: 'external', policies: 'of-group' })
    await server.data('POST', 'identity/group-alias', {
      name: 'Operators',
      mount_accessor: await accessorOf('ldap'),
      canonical_id: id,
    })
    const auth = authOf(await tryLogin('anna'))
    expect(auth.identity_policies).to.deep.equal(['of-group'])
    const members = async () => (await server.data('GET', `identity/group/id/${String(id)}`))['member_entity_ids']
    expect(await members()).to.deep.equal([auth.entity_id])
    await write('groups/operators', { policies: '' })
    const { client_token: token } = authOf(await tryLogin('anna'))
    ldap.entries.delete(`cn=operators,${groups}`)
    expect((await server.call('POST', '/v1/auth/token/renew-self', {}, { 'X-Vault-Token': token })).status).to.equal(
      200,
    )
    expect((await members()) ?? []).to.deep.equal([])
  })
})
