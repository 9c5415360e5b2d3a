import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { ApiServer } from '../support/services/api-server.ts'
import { certificate } from '../support/certificate.ts'
import { IdentityProvider, takesBrowsers } from '../support/services/identity-provider.ts'
import { jwt, jwtKey } from '../support/jwt.ts'
import { temporaryFolder } from '../support/folder.ts'
import { issue } from '../support/pki.ts'
import { LdapServer } from '../support/services/ldap-server.ts'
import { devServer } from '../support/server.ts'
import { tlsServer } from '../support/processes/tls-server.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

/** Puts into a directory what the page takes to be there. */
function fill(ldap: LdapServer): void {
  const ann = 'uid=ann,ou=people,dc=example,dc=org'
  ldap.add('cn=searcher,dc=example,dc=org', { userPassword: ['search'] })
  ldap.add(ann, { uid: ['ann'], userPassword: ['example'] })
  ldap.add('cn=operators,ou=groups,dc=example,dc=org', { cn: ['operators'], member: [ann] })
}

describe('the examples of docs/login.md', function () {
  this.timeout(60_000)

  it('have the documented output', async () => {
    const server = await devServer()
    const provider = await IdentityProvider.start()
    const api = await ApiServer.start()
    const key = jwtKey()
    provider.publish({ one: key })
    takesBrowsers(provider, { id: 'strongroom', secret: 'example' }, { key: jwtKey(), claims: () => ({}) })
    const own = certificate()
    const ldap = await new LdapServer({ ...own, isSecure: true }).start()
    fill(ldap)
    try {
      const now = Math.floor(Date.now() / 1000)
      const pod = { namespace: 'shop', name: 'web', uid: 'uid', audiences: ['https://vault.example.com'] }
      api.reviewers.add('reviewer')
      const cluster = {
        CLUSTER: api.provider.url,
        CLUSTER_CA: api.provider.ca,
        REVIEWER: 'reviewer',
        POD_TOKEN: api.issue(pod, jwtKey('RS256'), now),
      }
      const agent = { iss: provider.url, aud: 'https://vault.example.com', sub: 'agent-7', iat: now, exp: now + 600 }
      const known = {
        ISSUER: provider.url,
        CLIENT_SECRET: 'example',
        AGENT_TOKEN: jwt(agent, key),
        ...cluster,
        LDAP_URL: ldap.url,
        BIND_PASSWORD: 'search',
      }
      const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root', ...known })
      writeFileSync(join(reader.folder, 'ldap-ca.pem'), own.cert)
      const examples = examplesOf('docs/login.md', 'login')
      expect(examples).to.have.length(13)
      await reader.converses(examples)
      const leases = async () => server.call('GET', '/v1/sys/leases/lookup/auth/userpass/login/ann?list=true')
      expect((await leases()).status).to.equal(200)
      const revoke = 'strongroom lease revoke -prefix auth/userpass/login/ann'
      await reader.follows({ kind: 'login', language: 'sh', code: revoke, promised: undefined })
      expect((await leases()).status).to.equal(404)
    } finally {
      await server.running.stop()
      await provider.stop()
      await api.provider.stop()
      await ldap.stop()
    }
  })

  it('have the documented output about certificates', async () => {
    const server = await tlsServer()
    const folder = temporaryFolder()
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const authority = issue({ commonName: 'Shop', isAuthority: true })
    const client = issue({ commonName: 'web', issuer: authority, dns: ['web.shop.example'] })
    try {
      const reader = new Reader({
        VAULT_ADDR: server.running.address,
        VAULT_TOKEN: server.token,
        VAULT_SKIP_VERIFY: 'true',
        CLIENT_CA: file('ca.pem', authority.cert),
        CLIENT_CERT: file('client.pem', client.cert),
        CLIENT_KEY: file('client.key', client.key),
      })
      const examples = examplesOf('docs/login.md', 'cert')
      expect(examples).to.have.length(1)
      await reader.converses(examples)
    } finally {
      await server.running.stop()
    }
  })
})
