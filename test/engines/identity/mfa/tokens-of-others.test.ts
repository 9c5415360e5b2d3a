import { expect } from 'chai'
import { HandClock } from '../../../support/clock.ts'
import { IdentityProvider, takesBrowsers } from '../../../support/services/identity-provider.ts'
import { jwt, jwtKey } from '../../../support/jwt.ts'
import { devServer } from '../../../support/server.ts'
import type { Body, TestServer } from '../../../support/server.ts'
import { People, demandOf, tokenOf } from './support.ts'
import type { Enrolled } from './support.ts'

const redirectUri = 'http://localhost:8250/oidc/callback'

describe('login MFA for people and workloads of an issuer', () => {
  const clock = new HandClock()
  const key = jwtKey()
  const client = { id: 'strongroom', secret: 'secret' }
  const now = (): number => Math.floor(clock.now() / 1000)
  let provider: IdentityProvider
  let server: TestServer
  let people: People
  let method: string
  before(async () => {
    server = await devServer(clock)
    people = new People(server, clock)
    provider = await IdentityProvider.start()
    provider.publish({ one: key })
    method = await people.method({ method_name: 'phone' })
  })
  after(async () => {
    await server.running.stop()
    await provider.stop()
  })

  const claims = (): Body => ({ iss: provider.url, sub: 'anna', aud: 'app', iat: now(), exp: now() + 300 })
  const entityOf = (body: Body): string => String((body['auth'] as Body)['entity_id'])
  const enforce = async (path: string): Promise<void> => {
    const mounts = await server.data('GET', 'sys/auth')
    const { accessor } = mounts[`${path}/`] as Body
    await server.data('POST', `identity/mfa/login-enforcement/${path}`, {
      mfa_method_ids: method,
      auth_method_accessors: accessor,
    })
  }

  it('a browser login waits for its code', async () => {
    const agrees = takesBrowsers(provider, client, {
      key,
      claims: () => ({ sub: 'anna', iat: now(), exp: now() + 300 }),
    })
    await server.data('POST', 'sys/auth/oidc', { type: 'oidc' })
    await server.data('POST', 'auth/oidc/config', { oidc_discovery_url: provider.url, oidc_client_id: client.id, oidc_client_secret: client.secret, default_role: 'web' }) // prettier-ignore
    await server.data('POST', 'auth/oidc/role/web', { user_claim: 'sub', allowed_redirect_uris: redirectUri })
    const login = async () => {
      const begun = await people.post(
        'auth/oidc/oidc/auth_url',
        { redirect_uri: redirectUri, client_nonce: 'mine' },
        {},
      )
      const { state, code } = agrees(String((begun.body['data'] as Body)['auth_url']))
      const query = new URLSearchParams({ state, code, client_nonce: 'mine' }).toString()
      return server.call('GET', `/v1/auth/oidc/oidc/callback?${query}`, undefined, {})
    }
    const first = await login()
    tokenOf(first)
    const anna = await people.enrol(entityOf(first.body), method)
    await enforce('oidc')
    const { mfa_request_id: id } = demandOf(await login())
    tokenOf(await people.validate(id, { phone: [anna.code()] }))
  })

  it('a JWT login waits for its code, and a JWT as token is refused without one', async () => {
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await server.data('POST', 'auth/jwt/config', { oidc_discovery_url: provider.url, default_role: 'agent' })
    const role = { user_claim: 'sub', bound_audiences: 'app', token_policies: 'default' }
    await server.data('POST', 'auth/jwt/role/people', { ...role, role_type: 'jwt' })
    await server.data('POST', 'auth/jwt/role/agent', { ...role, role_type: 'bearer' })
    const login = async () => people.post('auth/jwt/login', { role: 'people', jwt: jwt(claims(), key) }, {})
    const first = await login()
    tokenOf(first)
    const anna: Enrolled = await people.enrol(entityOf(first.body), method)
    const asToken = async (more = {}) => {
      clock.advance(1000)
      const headers = { Authorization: `Bearer ${jwt(claims(), key)}`, ...more }
      return (await server.call('GET', '/v1/sys/internal/ui/resultant-acl', undefined, headers)).status
    }
    expect(await asToken()).to.equal(200)
    await enforce('jwt')
    const { mfa_request_id: id } = demandOf(await login())
    tokenOf(await people.validate(id, { phone: [anna.code()] }))
    clock.advance(60_000)
    expect(await asToken()).to.equal(403)
    expect(await asToken({ 'X-Vault-MFA': `phone:${anna.code()}` })).to.equal(200)

    const token = jwt(claims(), key)
    const again = async (more = {}) => {
      const headers = { Authorization: `Bearer ${token}`, ...more }
      return (await server.call('GET', '/v1/sys/internal/ui/resultant-acl', undefined, headers)).status
    }
    expect(await again()).to.equal(403)
    await server.data('DELETE', 'identity/mfa/login-enforcement/jwt')
    expect(await again()).to.equal(200)
    expect(await again()).to.equal(200)
    await enforce('jwt')
    expect(await again(), 'a token that was verified before').to.equal(403)
    clock.advance(60_000)
    expect(await again({ 'X-Vault-MFA': `phone:${anna.code()}` })).to.equal(200)
    expect(await again(), 'a code counts once').to.equal(403)
  })
})
