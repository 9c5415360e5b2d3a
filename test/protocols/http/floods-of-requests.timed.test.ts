import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { expectNoMemoryGrowth, many } from '../../support/processes/memory-growth.ts'
import { jwtKey } from '../../support/jwt.ts'
import { MeasuredServer } from '../../support/processes/measured.ts'

/** Parameters of routes without a token, different each time: what somebody keeps of them would grow. */
const told = (at: number): Readonly<Record<string, unknown>> => ({
  username: `u${at}`, password: `p${at}`, role_id: `r${at}`, secret_id: `s${at}`, role: `r${at}`, jwt: `a${at}.b.c`, state: `s${at}`, code: `c${at}`, client_nonce: `n${at}`,
  redirect_uri: `http://localhost:8250/${at}`, token: `s.${at}`, key: at.toString(16).padStart(66, '0'), nonce: `n${at}`, encoded_token: `e${at}`, otp: `o${at}`, secret_shares: 1, secret_threshold: 1,
}) // prettier-ignore

describe('floods of requests', function () {
  this.timeout(10 * 60_000)
  let server: MeasuredServer
  beforeEach(async () => (server = await MeasuredServer.start()))
  afterEach(async () => server.stop())

  it('CVE-2024-8185: an unsealed server keeps no memory for requests to any route that needs no token', async () => {
    const { http } = server
    for (const type of ['userpass', 'approle', 'jwt']) await http.data('POST', `sys/auth/${type}`, { type })
    await http.data('POST', 'auth/jwt/config', { jwt_validation_pubkeys: jwtKey().pem })
    await http.data('POST', 'auth/jwt/role/web', { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app' })
    // Names that failed are remembered for as long as they may be locked out, and no more than 32,768 of them: see lockouts.test.ts.
    for (const type of ['userpass', 'approle']) await http.data('POST', `sys/auth/${type}/tune`, { user_lockout_config: { lockout_disable: true } }) // prettier-ignore
    const listed = readFileSync('test/scenarios/access/public-routes.txt', 'utf8').split('\n').filter((line) => /^[A-Z]+ /.test(line)) // prettier-ignore
    expect(listed.length).to.be.greaterThan(20)
    for (const line of listed) {
      const [method = '', path = ''] = line.split(' ')
      // Its answer is a document of a megabyte, which the heap shows for long.
      if (path === 'sys/internal/specs/openapi') continue
      // Every login of an unknown user computes a hash, and a thousand take too long.
      if (path.startsWith('auth/userpass')) continue
      await expectNoMemoryGrowth(server, line, {
        count: 1000,
        work: async (at) => {
          // What has a name goes through the caches of names, which are bounded: see below.
          const one = at % 200
          const where = path.replaceAll(/\{\w+\}/g, `x${one}`)
          const body = method === 'POST' ? told(one) : undefined
          const reply = await http.call(method, `/v1/${where}`, body, {})
          expect(reply.status, line).to.be.lessThan(504)
        },
      })
    }
  })

  it('CVE-2024-8185: names of any length and number take bounded memory, with a token of the policy default and without one', async () => {
    const { http } = server
    await http.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await http.data('POST', 'auth/jwt/config', { jwt_validation_pubkeys: jwtKey().pem })
    const { body } = await http.call('POST', '/v1/auth/token/create', { policies: ['default'] })
    const token = { 'X-Vault-Token': (body['auth'] as { readonly client_token: string }).client_token }
    const deep = (at: number): string => Array.from({ length: 8 }, (_, part) => `${at}-${part}`.padEnd(900, 'x')).join('/')
    const before = (await server.memory()).held
    await many(4000, 8, async (at) => {
      expect((await http.call('GET', `/v1/cubbyhole/${deep(at)}`, undefined, token)).status).to.equal(404)
      const login = { role: `${at}`.padEnd(1000, 'x'), jwt: 'a.b.c' }
      expect((await http.call('POST', '/v1/auth/jwt/login', login, {})).status).to.equal(400)
    })
    // Without a bound it is more than 200, and goes on.
    expect(((await server.memory()).held - before) / 1024 / 1024, 'MiB').to.be.lessThan(110)
  }) // prettier-ignore

  it('CVE-2023-5954: requests under templated and glob policies of many tokens keep nothing', async () => {
    const { http } = server
    await http.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await http.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await http.data('PUT', 'sys/policies/acl/wide', {
      policy: `path "kv/{{identity.entity.name}}/*" { capabilities = ["read"] }
path "kv/+/x/*" { capabilities = ["read"] allowed_parameters = { "version" = ["1", "v*"] } }
path "kv/{{identity.entity.metadata.team}}*" { capabilities = ["read"] }
path "kv/d*" { capabilities = ["deny"] }`,
    })
    const tokens: string[] = []
    for (let at = 0; at < 60; at++) {
      const password_hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
      await http.data('POST', `auth/userpass/users/u${at}`, { password_hash, token_policies: 'wide' })
      const { body } = await http.call('POST', `/v1/auth/userpass/login/u${at}`, { password: 'U*U' }, {})
      const auth = body['auth'] as { readonly client_token: string; readonly entity_id: string }
      await http.data('POST', `identity/entity/id/${auth.entity_id}`, { name: `n${at}`, metadata: { team: `t${at}` } })
      tokens.push(auth.client_token)
    }
    // Few enough for the caches of names to have them all after the first round.
    const paths = (at: number): string => {
      const one = at % 400
      return (
        [`n${one % 60}/a${one}`, `y${one}/x/z${one}`, `t${one}`, `d${one}`, `a/x/${one}?version=v${at}`][at % 5] ?? ''
      )
    }
    await expectNoMemoryGrowth(server, 'requests', {
      count: 2000,
      work: async (at) => {
        const headers = { 'X-Vault-Token': tokens[at % tokens.length] ?? '' }
        expect((await http.call('GET', `/v1/kv/${paths(at)}`, undefined, headers)).status).to.be.oneOf([403, 404])
      },
    })
  })
})
