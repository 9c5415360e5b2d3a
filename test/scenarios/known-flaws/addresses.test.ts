import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { openLevelServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const trusted = `x_forwarded_for_authorized_addrs = "127.0.0.1"
  x_forwarded_for_reject_not_present = false`
const near = '10.1.2.3'
const far = '192.0.2.1'
/** The published test vector of bcrypt for `U*U`, which is cheap to compare. */
const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

/** One server that is asked from two addresses: a proxy that it trusts says which. */
describe('known flaws: addresses that a role is bound to', () => {
  const clock = new HandClock(Date.now())
  const key = jwtKey()
  let server: TestServer
  before(async () => {
    server = await openLevelServer(trusted)
    const bound = { token_bound_cidrs: '10.0.0.0/8', token_policies: 'child', token_ttl: '1h' }
    await server.data('PUT', 'sys/policies/acl/child', {
      policy:
        'path "auth/token/create*" { capabilities = ["create", "update", "sudo"] }\npath "kv/x" { capabilities = ["read"] }',
    })
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('POST', 'kv/x', { a: 1 })
    for (const type of ['userpass', 'approle', 'jwt']) await server.data('POST', `sys/auth/${type}`, { type })
    await server.data('POST', 'auth/userpass/users/anna', { password_hash: hash, ...bound })
    await server.data('POST', 'auth/approle/role/web', { role_id: 'web', bind_secret_id: false, ...bound })
    await server.data('POST', 'auth/approle/role/secret', { role_id: 'secret', ...bound })
    await server.data('POST', 'auth/jwt/config', { jwt_validation_pubkeys: key.pem })
    await server.data('POST', 'auth/jwt/role/web', { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app', ...bound }) // prettier-ignore
    await server.data('POST', 'auth/token/roles/web', { token_bound_cidrs: '10.0.0.0/8', allowed_policies: 'child', orphan: false }) // prettier-ignore
  })
  after(async () => server.running.stop())

  const from = async (address: string, method: string, path: string, token = '', data?: unknown): Promise<Reply> =>
    server.call(method, `/v1/${path}`, data, {
      'X-Forwarded-For': address,
      ...(token !== '' && { 'X-Vault-Token': token }),
    })
  const logins: Readonly<Record<string, () => Promise<readonly [path: string, body: Body]>>> = {
    userpass: async () => ['auth/userpass/login/anna', { password: 'U*U' }],
    'approle without a secret id': async () => ['auth/approle/login', { role_id: 'web' }],
    approle: async () => {
      const { secret_id: id } = await server.data('POST', 'auth/approle/role/secret/secret-id', {})
      return ['auth/approle/login', { role_id: 'secret', secret_id: id }]
    },
    jwt: async () => {
      const now = Math.floor(clock.now() / 1000)
      return ['auth/jwt/login', { role: 'web', jwt: jwt({ sub: 'anna', aud: 'app', iat: now, exp: now + 300 }, key) }]
    },
  }
  const tokenOf = (reply: Reply): string => {
    expect(reply.status, reply.text).to.equal(200)
    return (reply.body['auth'] as { readonly client_token: string }).client_token
  }
  /** A token that works near and nowhere else: used, renewed, looked up, and made a parent. */
  const isBound = async (token: string, what: string, renewable = true): Promise<void> => {
    for (const [method, path] of [['GET', 'auth/token/lookup-self'], ['POST', 'auth/token/renew-self'], ['POST', 'auth/token/create'], ['POST', 'sys/capabilities-self'], ['POST', 'auth/token/revoke-self']] as const) // prettier-ignore
      expect((await from(far, method, path, token, method === 'POST' ? {} : undefined)).status, `${what} ${path}`).to.equal(403) // prettier-ignore
    expect((await from(near, 'GET', 'auth/token/lookup-self', token)).status, what).to.equal(200)
    if (renewable) expect((await from(near, 'POST', 'auth/token/renew-self', token, {})).status, what).to.equal(200)
  }

  for (const [method, login] of Object.entries(logins))
    it(`1.1.1, 1.0.2: ${method}: bind the login, its token, its renewal and all tokens below it`, async () => {
      const [path, body] = await login()
      const refused = await from(far, 'POST', path, '', body)
      expect(refused.status, refused.text).to.be.oneOf([400, 403])
      expect(refused.body).to.not.have.property('auth')
      const token = tokenOf(await from(near, 'POST', path, '', body))
      await isBound(token, method)
      for (const wish of [
        {},
        { no_parent: true },
        { type: 'batch', ttl: '1m' },
        { period: '1h' },
        { bound_cidrs: '0.0.0.0/0', token_bound_cidrs: [] },
      ])
        // prettier-ignore
        for (const where of ['create', 'create-orphan']) {
          const child = await from(near, 'POST', `auth/token/${where}`, token, { policies: ['child'], ...wish })
          if (where === 'create' || !('type' in wish)) await isBound(tokenOf(child), `${where} ${JSON.stringify(wish)}`, !('type' in wish)) // prettier-ignore
          if ('type' in wish) continue
          const grandchild = tokenOf(await from(near, 'POST', 'auth/token/create', tokenOf(child), { policies: ['child'] })) // prettier-ignore
          await isBound(grandchild, `below ${where}`)
        }
      const inRole = tokenOf(await from(near, 'POST', 'auth/token/create/web', token, { policies: ['child'] }))
      await isBound(inRole, 'create/web')
    })

  it('1.1.1: an inline login is bound as well', async () => {
    const parameter = Buffer.from(JSON.stringify({ key: 'password', value: 'U*U' })).toString('base64url')
    const inline = async (address: string) =>
      server.call('GET', '/v1/kv/x', undefined, {
        'X-Forwarded-For': address,
        'X-Vault-Inline-Auth-Path': 'auth/userpass/login/anna',
        'X-Vault-Inline-Auth-Parameter-p': parameter,
      })
    expect((await inline(near)).status).to.equal(200)
    expect((await inline(far)).status).to.be.oneOf([400, 403])
  })
})
