import { expect } from 'chai'
import { IdentityProvider, takesBrowsers } from '../support/identity-provider.ts'
import { jwtKey } from '../support/jwt.ts'
import { devServer } from '../support/server.ts'
import { examplesOf } from './examples.ts'
import { Reader } from './reader.ts'

describe('the examples of docs/login.md', function () {
  this.timeout(60_000)

  it('do what it says', async () => {
    const server = await devServer()
    const provider = await IdentityProvider.start()
    provider.publish({ one: jwtKey() })
    takesBrowsers(provider, { id: 'strongroom', secret: 'example' }, { key: jwtKey(), claims: () => ({}) })
    try {
      const known = { ISSUER: provider.url, CLIENT_SECRET: 'example' }
      const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root', ...known })
      const examples = examplesOf('docs/login.md', 'login')
      expect(examples).to.have.length(7)
      await reader.converses(examples)
      const leases = async () => server.call('GET', '/v1/sys/leases/lookup/auth/userpass/login/ann?list=true')
      expect((await leases()).status).to.equal(200)
      const revoke = 'strongroom lease revoke -prefix auth/userpass/login/ann'
      await reader.follows({ kind: 'login', language: 'sh', code: revoke, promised: undefined })
      expect((await leases()).status).to.equal(404)
    } finally {
      await server.running.stop()
      await provider.stop()
    }
  })
})
