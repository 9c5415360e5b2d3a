import { expect } from 'chai'
import { isObject } from '../../../src/util/stored/shape.ts'
import { certificate } from '../../support/certificate.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const own = certificate()
const minimal = { url: 'ldaps://ldap.example.com', userdn: 'ou=people,dc=example,dc=org' }

describe('the configuration of ldap logins', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/auth/ldap', { type: 'ldap' })
  })
  after(async () => server.running.stop())

  const write = async (data: Body, path = 'config') => server.call('POST', `/v1/auth/ldap/${path}`, data)
  const read = async (path = 'config') => server.data('GET', `auth/ldap/${path}`)

  it('does not exist before it is written, and nobody logs in then', async () => {
    expect((await server.call('GET', '/v1/auth/ldap/config')).status).to.equal(404)
    const { status, text } = await server.call('POST', '/v1/auth/ldap/login/anna', { password: 'x' }, {})
    expect([status, text]).to.deep.equal([
      400,
      '{"errors":["ldap backend not configured: write auth/<mount>/config first"]}\n',
    ])
    expect((await write({ userdn: 'dc=org' })).status).to.equal(400)
  })

  it("has Vault's defaults, except for times and the TLS version, and a write keeps omitted parameters", async () => {
    expect((await write(minimal)).status).to.equal(204)
    expect(await read()).to.deep.include({
      url: 'ldaps://ldap.example.com', userdn: 'ou=people,dc=example,dc=org', userattr: 'cn', binddn: '',
      userfilter: '({{.UserAttr}}={{.Username}})', groupattr: 'cn', groupdn: '', certificate: '', starttls: false,
      groupfilter: '(|(memberUid={{.Username}})(member={{.UserDN}})(uniqueMember={{.UserDN}}))', insecure_tls: false,
      tls_min_version: 'tls12', tls_max_version: 'tls13', deny_null_bind: true, case_sensitive_names: false,
      connection_timeout: 5, request_timeout: 5, dereference_aliases: 'never', max_page_size: 0, token_policies: [],
    }) // prettier-ignore
    const more = { url: 'ldap://a.example.com,ldap://b.example.com:3890', starttls: true, binddn: 'cn=x', bindpass: 'hidden', certificate: own.cert, client_tls_cert: own.cert, client_tls_key: own.key, token_policies: 'reader' } // prettier-ignore
    expect((await write(more)).status).to.equal(204)
    const shown = await read()
    expect(shown).to.deep.include({ url: more.url, userdn: minimal.userdn, binddn: 'cn=x', token_policies: ['reader'] })
    expect(shown).to.not.have.any.keys('bindpass', 'client_tls_key')
    expect(JSON.stringify(shown)).to.not.match(/hidden|PRIVATE/)
  })

  it('refuses unsafe or invalid settings, and changes nothing then', async () => {
    await write({ ...minimal, starttls: false })
    const before = await read()
    const refused: Body[] = [
      { insecure_tls: true }, { deny_null_bind: false }, { case_sensitive_names: true }, { token_policies: 'root' },
      { url: 'ldap://ldap.example.com' }, { url: 'https://ldap.example.com' }, { url: 'ldaps://user:pass@ldap.example.com' },
      { url: 'ldaps://ldap.example.com/dc=org' }, { url: 'ldaps://' }, { url: 'ldaps://a:0' }, { url: 'ldaps://a:65536' }, { url: [] },
      { url: Array.from({ length: 9 }, (_, at) => `ldaps://s${at}.example.com`) }, { url: 'ldaps://a b' }, { url: 'ldaps://a?x' },
      { tls_min_version: 'tls10' }, { tls_max_version: 'tls11' }, { tls_min_version: 'tls13', tls_max_version: 'tls12' },
      { certificate: 'no certificate' }, { certificate: own.key }, { client_tls_cert: own.cert, client_tls_key: '' },
      { client_tls_cert: own.cert, client_tls_key: certificate().key }, { binddn: 'cn=y', bindpass: '' }, { binddn: '' },
      { binddn: 'cn=\0' }, { userdn: 'a\nb' }, { userdn: 'people' }, { groupdn: ',' }, { bindpass: 'a\0b' }, { userattr: 'a)(b' }, { groupattr: '' }, { userattr: 'x'.repeat(500) },
      { userfilter: '(uid=x)' }, { userfilter: '(uid={{.Username}}' }, { userfilter: '({{.Username}}=x)' }, { userfilter: '' },
      { userfilter: '(uid={{.UserDN}}{{.Username}})' }, { userfilter: '(uid={{.Username | printf "%s"}})' }, { userfilter: '(uid={{if .Username}}x{{end}})' },
      { userfilter: '(uid={{.Username}}){{' }, { groupfilter: '({{.UserDN}}:=x)' }, { groupfilter: '(member={{.Password}})' },
      { groupfilter: 'x'.repeat(5000) }, { dereference_aliases: 'sometimes' }, { max_page_size: -1 }, { max_page_size: 100_000 },
      { connection_timeout: 0 }, { connection_timeout: 31 }, { request_timeout: 0 }, { request_timeout: 91 }, { request_timeout: '' },
    ] // prettier-ignore
    for (const data of refused) {
      const { status, text } = await write(data)
      expect(status, `${JSON.stringify(data).slice(0, 200)} ${text}`).to.equal(400)
      expect(text).to.not.include('PRIVATE')
    }
    expect(await read()).to.deep.equal(before)
    for (const url of ['ldap://127.0.0.1', 'ldap://localhost:1389', 'ldap://[::1]', 'LDAPS://Ldap.example.com/'])
      expect((await write({ url })).status, url).to.equal(204)
    for (const userfilter of [
      '(&(objectClass=person)(|(uid={{.Username}})(mail={{ .Username }})))',
      '(&({{.UserAttr}}={{.Username}})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))',
    ])
      expect((await write({ userfilter })).status, userfilter).to.equal(204)
    expect((await write({ groupfilter: '' })).status).to.equal(204)
  })

  it('CVE-2024-9180: neither users nor groups get the policy root', async () => {
    for (const path of ['users/anna', 'groups/staff'])
      for (const policies of ['root', ' ROOT ', ['a', 'root']])
        expect((await write({ policies }, path)).status, path).to.equal(400)
  })

  it('keeps users and groups under one spelling of their names, and lists them', async () => {
    await write({ policies: 'B,a', groups: ['Ops', ' ops ', 'Staff'] }, 'users/ANNA')
    expect(await read('users/anna')).to.deep.equal({ policies: ['a', 'b'], groups: 'ops,staff' })
    await write({}, 'users/Anna')
    expect(await server.data('GET', 'auth/ldap/users/ANNA')).to.deep.equal({ policies: [], groups: '' })
    await write({ policies: 'x' }, `groups/${encodeURIComponent('Domain Admins')}`)
    expect(await server.data('GET', 'auth/ldap/groups/DOMAIN%20admins')).to.deep.equal({ policies: ['x'] })
    for (const folder of ['auth/ldap/users', 'auth/ldap/groups']) {
      const { keys } = await server.data('LIST', folder)
      expect(keys).to.deep.equal(folder === 'auth/ldap/users' ? ['anna'] : ['domain admins'])
    }
    for (const path of ['users/ anna', 'groups/a  b', 'users/x%E2%80%8By', `users/${'x'.repeat(300)}`, 'groups/a%2Fb'])
      expect((await write({ policies: 'x' }, path.replaceAll(' ', '%20'))).status, path).to.be.oneOf([400, 404])
    expect((await write({ groups: 'a/b' }, 'users/anna')).status).to.equal(400)
    for (const path of ['users/anna', `groups/${encodeURIComponent('domain admins')}`]) {
      expect((await server.call('DELETE', `/v1/auth/ldap/${path}`)).status).to.equal(204)
      expect((await server.call('GET', `/v1/auth/ldap/${path}`)).status).to.equal(404)
    }
    expect(isObject(await read())).to.equal(true)
  })
})
