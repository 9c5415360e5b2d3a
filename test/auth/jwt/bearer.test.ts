import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { IdentityProvider, sends } from '../../support/services/identity-provider.ts'
import { jwt, jwtKey, macJwt, unsignedJwt } from '../../support/jwt.ts'
import { devServer, openLevelServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const issuer = 'https://issuer.example'
const audience = 'https://vault.example.com'

describe('JWTs as tokens of requests', () => {
  const clock = new HandClock()
  const [key, other, rsa] = [jwtKey(), jwtKey(), jwtKey('RS256')]
  let server: TestServer
  let agents = 0
  let agent = ''
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('POST', 'kv/a', { v: '1' })
    await server.data('POST', 'kv/b', { v: '2' })
    for (const [name, rules] of Object.entries({
      reader: 'path "kv/*" { capabilities = ["read", "list"] }\npath "auth/token/*" { capabilities = ["read", "update"] }\npath "cubbyhole/*" { capabilities = ["create", "update", "read"] }',
      writer: 'path "kv/*" { capabilities = ["create", "update"] }',
      own: 'path "kv/{{identity.entity.name}}" { capabilities = ["read"] }',
    })) await server.data('PUT', `sys/policies/acl/${name}`, { policy: rules }) // prettier-ignore
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
  })
  after(async () => server.running.stop())
  beforeEach(async () => {
    agent = `agent-${agents++}`
    await configure()
    await role()
  })

  const configure = async (more: Body = {}): Promise<void> => {
    await server.data('POST', 'auth/jwt/config', { jwt_validation_pubkeys: [key.pem, rsa.pem], bound_issuer: issuer, default_role: 'agent', ...more }) // prettier-ignore
  }
  const role = async (more: Body = {}): Promise<void> => {
    await server.data('DELETE', 'auth/jwt/role/agent')
    await server.data('POST', 'auth/jwt/role/agent', { role_type: 'bearer', user_claim: 'sub', bound_audiences: audience, token_policies: 'reader', ...more }) // prettier-ignore
  }
  const now = (): number => Math.floor(clock.now() / 1000)
  const claims = (more: Body = {}): Body => ({ iss: issuer, aud: audience, sub: agent, iat: now(), exp: now() + 600, ...more }) // prettier-ignore
  const token = (more: Body = {}): string => jwt(claims(more), key)
  const call = async (
    shown: string,
    method = 'GET',
    path = 'kv/a',
    data?: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Reply> =>
    // prettier-ignore
    server.call(method, `/v1/${path}`, data, { Authorization: `Bearer ${shown}`, ...more })
  const status = async (...asked: Parameters<typeof call>): Promise<number> => (await call(...asked)).status
  const entityId = async (name = agent): Promise<string> => {
    const { accessor } = await server.data('GET', 'sys/auth/jwt')
    const found = await server.data('POST', 'identity/lookup/entity', { alias_name: name, alias_mount_accessor: accessor }) // prettier-ignore
    return String(found['id'])
  }

  it('a JWT of the issuer is a token, in either header; its entity has it too, and nothing is stored', async () => {
    const tokens = async () => ((await server.data('LIST', 'auth/token/accessors'))['keys'] as readonly string[]).length
    const before = await tokens()
    const shown = token()
    const reply = await call(shown)
    expect([reply.status, (reply.body['data'] as Body)['v']], reply.text).to.deep.equal([200, '1'])
    expect((await server.call('GET', '/v1/kv/a', undefined, { 'X-Vault-Token': shown })).status).to.equal(200)
    expect([await status(shown, 'POST', 'kv/a', { v: '2' }), await status(shown, 'GET', 'sys/mounts')]).to.deep.equal([403, 403]) // prettier-ignore
    await server.data('POST', `identity/entity/id/${await entityId()}`, { policies: ['writer'] })
    expect(await status(shown, 'POST', 'kv/a', { v: '1' })).to.equal(204)
    expect(await tokens()).to.equal(before)
  })

  it('jwt class: refuses tokens of other issuers, audiences and times', async () => {
    const good = token()
    const [head, body, signature] = good.split('.') as [string, string, string]
    const raw = JSON.stringify(claims())
    const bad: Readonly<Record<string, string>> = {
      none: unsignedJwt(claims()),
      noneSpelled: unsignedJwt(claims(), 'None'),
      unsigned: unsignedJwt(claims(), 'ES256'),
      mac: macJwt(claims(), key.pem),
      macOfRsa: macJwt(claims(), rsa.pem, 'HS512'),
      otherKey: jwt(claims(), other),
      otherAlgorithm: jwt(claims(), key, { alg: 'RS256' }),
      kid: jwt(claims(), other, { kid: '../../config', jku: `${issuer}/keys`, x5u: issuer }),
      jwk: jwt(claims(), other, { jwk: other.publicKey.export({ format: 'jwk' }) }),
      crit: jwt(claims(), key, { crit: ['b64'], b64: false }),
      twoSubjects: jwt(raw.replace('"sub":', '"sub":"root","sub":'), key),
      twoIssuers: jwt(raw.replace('"iss":', '"iss":"x","iss":'), key),
      escaped: jwt(raw.replace('"aud":', '"\\u0061ud":"x","aud":'), key),
      noAudience: token({ aud: undefined }),
      emptyAudience: token({ aud: [] }),
      otherAudience: token({ aud: 'https://other' }),
      oddAudience: token({ aud: [audience, 7] }),
      noIssuer: token({ iss: undefined }),
      otherIssuer: token({ iss: `${issuer}/` }),
      listedIssuer: token({ iss: [issuer] }),
      ours: token({ iss: 'strongroom' }),
      expired: token({ iat: now() - 600, exp: now() - 1 }),
      justExpired: token({ iat: now() - 600, exp: now() }),
      noEnd: token({ exp: undefined }),
      noBeginning: token({ iat: undefined }),
      oddEnd: token({ exp: '9999999999' }),
      endless: token({ exp: 1e300 }),
      old: token({ iat: now() - 40 * 86_400, exp: now() + 600 }),
      early: token({ nbf: now() + 120 }),
      future: token({ iat: now() + 120 }),
      noSubject: token({ sub: undefined }),
      emptySubject: token({ sub: ' ' }),
      padded: `${good}=`,
      flipped: `${head}.${body}.${signature.slice(0, -2)}AA`,
      bodyOfOther: `${head}.${token({ sub: 'root' }).split('.')[1]}.${signature}`,
      twoParts: `${head}.${body}`,
      fourParts: `${good}.x`,
    }
    for (const [name, shown] of Object.entries(bad)) {
      const reply = await call(shown)
      expect([name, reply.status, reply.body['errors']]).to.deep.equal([name, 403, ['permission denied']])
    }
    expect(await status(good)).to.equal(200)
    expect(await status(jwt(claims(), rsa, { typ: 'strongroom-token+jwt' }))).to.equal(200)
  })

  it('a revoked strongroom token is not accepted as a JWT, even if a mount trusts the issuer "strongroom"', async () => {
    const { body } = await server.call('POST', '/v1/auth/token/create', { policies: ['reader'] })
    const { client_token: own, accessor } = body['auth'] as { readonly client_token: string; readonly accessor: string }
    await configure({ bound_issuer: 'strongroom' })
    expect(await status(own)).to.equal(200)
    await server.data('POST', 'auth/token/revoke-accessor', { accessor })
    expect(await status(own)).to.equal(403)
  })

  it('expires with its exp, and no later than the role allows', async () => {
    const short = token({ exp: now() + 60 })
    const long = token({ exp: now() + 100 * 365 * 86_400 })
    expect([await status(short), await status(long)]).to.deep.equal([200, 200])
    clock.advance(59_000)
    expect(await status(short)).to.equal(200)
    clock.advance(1000)
    expect([await status(short), await status(long)]).to.deep.equal([403, 200])
    await role({ token_max_ttl: '90s' })
    expect(await status(long)).to.equal(200)
    clock.advance(30_000)
    expect(await status(long)).to.equal(403)
  })

  it('200 first uses at once make one entity', async () => {
    const shown = token()
    const before = ((await server.data('LIST', 'identity/entity/id'))['keys'] as readonly string[]).length
    const statuses = await Promise.all(Array.from({ length: 200 }, async (_, n) => status(n % 2 === 0 ? shown : token({ jti: `${n}` })))) // prettier-ignore
    expect(new Set(statuses)).to.deep.equal(new Set([200]))
    const after = ((await server.data('LIST', 'identity/entity/id'))['keys'] as readonly string[]).length
    expect(after - before).to.equal(1)
  })

  it('changes of entity, alias, role, configuration and mount apply at once', async () => {
    const shown = token()
    expect(await status(shown)).to.equal(200)
    const entity = await entityId()
    await server.data('POST', `identity/entity/id/${entity}`, { policies: ['writer'] })
    expect(await status(shown, 'POST', 'kv/c', { v: '1' })).to.equal(204)
    await server.data('POST', `identity/entity/id/${entity}`, { disabled: true })
    expect(await status(shown)).to.equal(403)
    await server.data('POST', `identity/entity/id/${entity}`, { disabled: false })
    expect(await status(shown)).to.equal(200)
    const { aliases } = await server.data('GET', `identity/entity/id/${entity}`)
    await server.data('DELETE', `identity/entity-alias/id/${String((aliases as readonly Body[])[0]?.['id'])}`)
    expect(await status(shown, 'POST', 'kv/c', { v: '2' })).to.equal(403)
    await role({ token_policies: 'writer' })
    expect(await status(shown)).to.equal(403)
    await role({ bound_subject: 'somebody' })
    expect(await status(shown)).to.equal(403)
    await role()
    expect(await status(shown)).to.equal(200)
    await configure({ jwt_validation_pubkeys: [other.pem] })
    expect(await status(shown)).to.equal(403)
    await configure({ default_role: '' })
    expect(await status(shown)).to.equal(403)
    await configure()
    expect(await status(shown)).to.equal(200)
    await server.data('DELETE', 'auth/jwt/role/agent')
    expect(await status(shown)).to.equal(403)
    await role({ role_type: 'jwt' })
    expect(await status(shown)).to.equal(403)
    await role()
    expect(await status(shown)).to.equal(200)
    await server.data('DELETE', 'sys/auth/jwt')
    expect(await status(shown)).to.equal(403)
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    expect(await status(shown)).to.equal(403)
  })

  it('CVE-2020-25816: passes nothing on, and is looked up as a batch token', async () => {
    const shown = token()
    const asked: readonly (readonly [string, string, Body])[] = [
      ['POST', 'auth/token/create', {}],
      ['POST', 'auth/token/create-orphan', {}],
      ['POST', 'auth/token/renew-self', {}],
      ['POST', 'auth/token/revoke-self', {}],
      ['POST', 'auth/token/renew', { token: shown }],
      ['POST', 'auth/token/lookup', { token: shown }],
      ['POST', 'cubbyhole/x', { a: '1' }],
    ]
    for (const [method, path, data] of asked) expect(await status(shown, method, path, data), path).to.be.oneOf([400, 403]) // prettier-ignore
    expect(await status(shown, 'GET', 'cubbyhole/x')).to.equal(400)
    const { body, text } = await call(shown, 'GET', 'auth/token/lookup-self')
    expect(body['data'], text).to.deep.include({
      id: shown,
      accessor: '',
      type: 'batch',
      policies: ['default', 'reader'],
      entity_id: await entityId(),
      renewable: false,
      ttl: 600,
      display_name: `jwt-${agent}`,
    })
    expect(await status(shown)).to.equal(200)
  })

  it('its response may be wrapped, for any token to unwrap; it unwraps nothing itself as a wrapping token', async () => {
    const shown = token()
    const { body } = await call(shown, 'GET', 'kv/a', undefined, { 'X-Vault-Wrap-TTL': '60' })
    const { token: wrapping } = body['wrap_info'] as { readonly token: string }
    for (const path of ['sys/wrapping/unwrap', 'sys/wrapping/lookup', 'sys/wrapping/rewrap'])
      expect(await status(shown, 'POST', path, {}), path).to.be.oneOf([400, 403])
    const unwrapped = await server.call('POST', '/v1/sys/wrapping/unwrap', {}, { 'X-Vault-Token': wrapping })
    expect(unwrapped.body['data']).to.deep.equal({ v: '1' })
    await role({ ceiling: 'own' })
    expect(await status(shown, 'GET', 'kv/a', undefined, { 'X-Vault-Wrap-TTL': '60' })).to.equal(403)
  })

  it('a template in a policy or a ceiling resolves to its entity', async () => {
    const shown = token()
    await role({ token_policies: ['own', 'reader'], ceiling: 'own' })
    expect(await status(shown)).to.equal(403)
    await server.data('POST', `identity/entity/id/${await entityId()}`, { name: 'b' })
    expect([await status(shown, 'GET', 'kv/a'), await status(shown, 'GET', 'kv/b')]).to.deep.equal([403, 200])
    await server.data('POST', `identity/entity/id/${await entityId()}`, { name: `was-${agent}` })
  })

  it('a ceiling bounds everything: a request must be allowed by its policies and by the others', async () => {
    await server.data('PUT', 'sys/policies/acl/wide', { policy: 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }\npath "kv/secret" { capabilities = ["deny"] }' }) // prettier-ignore
    await server.data('PUT', 'sys/policies/acl/roof', {
      policy: `path "kv/*" { capabilities = ["read", "list"] }
path "kv/form" { capabilities = ["create", "update"]\n allowed_parameters = { "v" = ["1"] } }
path "kv/secret" { capabilities = ["read"] }
path "kv/hidden" { capabilities = ["deny"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/policies/explain" { capabilities = ["update"] }`,
    })
    const shown = token()
    await role({ token_policies: ['wide', 'root-like'], ceiling: 'Roof' })
    expect(await server.data('GET', 'auth/jwt/role/agent')).to.deep.include({ ceiling: ['roof'] })
    const asked: readonly (readonly [string, string, Body | undefined, number])[] = [
      ['GET', 'kv/a', undefined, 200],
      ['LIST', 'kv', undefined, 200],
      ['POST', 'kv/a', { v: '1' }, 403],
      ['DELETE', 'kv/a', undefined, 403],
      ['POST', 'kv/form', { v: '1' }, 204],
      ['POST', 'kv/form', { v: '2' }, 403],
      ['GET', 'kv/secret', undefined, 403],
      ['GET', 'kv/hidden', undefined, 403],
      ['GET', 'sys/mounts', undefined, 403],
      ['GET', 'sys/audit', undefined, 403],
      ['GET', 'sys/policies/acl/roof', undefined, 403],
    ]
    for (const [method, path, data, expected] of asked)
      expect([method, path, await status(shown, method, path, data)]).to.deep.equal([method, path, expected])
    const paths = ['kv/a', 'kv/secret', 'kv/hidden', 'sys/mounts']
    const told = await call(shown, 'POST', 'sys/capabilities-self', { paths })
    expect(told.body['data'], told.text).to.deep.include({ 'kv/a': ['list', 'read'], 'kv/secret': ['deny'], 'kv/hidden': ['deny'], 'sys/mounts': ['deny'] }) // prettier-ignore
    // A policy that the entity gets later is bounded as well; one that the ceiling names and that is not there allows nothing.
    await server.data('POST', `identity/entity/id/${await entityId()}`, { policies: ['writer'] })
    expect(await status(shown, 'POST', 'kv/a', { v: '1' })).to.equal(403)
    await server.data('POST', `identity/entity/id/${await entityId()}`, { policies: [] })
    await role({ token_policies: 'wide', ceiling: 'nothing-here' })
    expect(await status(shown)).to.equal(403)
    await role({ token_policies: 'wide', ceiling: [] })
    expect(await status(shown, 'POST', 'kv/a', { v: '1' })).to.equal(204)
    await role({ token_policies: 'reader', ceiling: 'wide' })
    expect([await status(shown), await status(shown, 'POST', 'kv/a', { v: '1' })]).to.deep.equal([200, 403])
    await server.data('PUT', 'sys/policies/acl/wide', { policy: 'path "sys/*" { capabilities = ["read"] }' })
    expect(await status(shown)).to.equal(403)
  })

  it('policy explain knows the ceiling', async () => {
    const asking = 'path "sys/policies/explain" { capabilities = ["update"] }\npath "sys/internal/ui/resultant-acl" { capabilities = ["read"] }\n' // prettier-ignore
    await server.data('PUT', 'sys/policies/acl/asking', { policy: `${asking}path "kv/*" { capabilities = ["read", "update"] }` }) // prettier-ignore
    await server.data('PUT', 'sys/policies/acl/low', { policy: `${asking}path "kv/*" { capabilities = ["read"] }` })
    await role({ token_policies: 'asking', ceiling: 'low' })
    const explained = async (operation: string): Promise<unknown> => {
      const { body } = await call(token(), 'POST', 'sys/policies/explain', { path: 'kv/a', operation })
      return (body['data'] as Body)['allowed']
    }
    expect([await explained('read'), await explained('update')]).to.deep.equal([true, false])
  })

  it('its role is for bearer tokens only, and has no setting that needs a stored token', async () => {
    const login = await server.call('POST', '/v1/auth/jwt/login', { role: 'agent', jwt: token() }, {})
    expect([login.status, /as the token of each request/.test(login.text)]).to.deep.equal([400, true])
    const base = { role_type: 'bearer', user_claim: 'sub', bound_audiences: audience }
    const wrong: readonly Body[] = [
      { ...base, bound_audiences: [], bound_subject: 'x' },
      { ...base, token_num_uses: 3 },
      { ...base, token_period: '1h' },
      { ...base, token_strictly_bind_ip: true },
      { ...base, token_type: 'service' },
      { ...base, ceiling: 'root' },
      { ...base, ceiling: '' },
      { ...base, ceiling: [' '] },
      { ...base, role_type: 'jwt', ceiling: 'reader' },
    ]
    for (const data of wrong) expect((await server.call('POST', '/v1/auth/jwt/role/new', data)).status, JSON.stringify(data)).to.equal(400) // prettier-ignore
    expect((await server.call('GET', '/v1/auth/jwt/role/new')).status).to.equal(404)
  })

  it('a key that its issuer has withdrawn is refused after five minutes', async () => {
    const provider = await IdentityProvider.start()
    provider.publish({ one: key })
    await server.data('POST', 'auth/jwt/config', { oidc_discovery_url: provider.url, default_role: 'agent' })
    const shown = jwt(claims({ iss: provider.url, exp: now() + 3600 }), key, { kid: 'one' })
    expect(await status(shown)).to.equal(200)
    provider.publish({ two: other })
    clock.advance(5 * 60_000 + 1)
    expect(await status(shown)).to.equal(403)
    provider.answers.set('/keys', sends('gone', 500))
    clock.advance(2 * 3600_000)
    expect(await status(jwt(claims({ iss: provider.url }), key, { kid: 'one' }))).to.equal(503)
    await provider.stop()
  })

  it('addresses of the role, quotas and public paths: as with a login', async () => {
    const shown = token()
    await role({ token_bound_cidrs: '10.0.0.0/8' })
    expect(await status(shown)).to.equal(403)
    await role()
    expect(await status(shown, 'GET', 'sys/health')).to.equal(200)
    const ids = async () => ((await server.data('LIST', 'identity/entity/id'))['keys'] as readonly string[]).length
    const before = await ids()
    await server.data('POST', 'sys/auth/people', { type: 'userpass' })
    await call(token({ sub: 'nobody-yet' }), 'POST', 'auth/people/login/x', { password: 'p' })
    expect(await ids()).to.equal(before)
    await server.data('POST', 'sys/quotas/rate-limit/jwt', { path: 'auth/jwt', rate: 1, interval: '1h' })
    const statuses = [await status(shown), await status(shown), await status(token({ jti: '2' }))]
    await server.data('DELETE', 'sys/quotas/rate-limit/jwt')
    expect(statuses).to.deep.equal([200, 200, 429])
  })

  it('changes of entities and groups count at once, and cost no new verification', async () => {
    const shown = token()
    expect(await status(shown)).to.equal(200)
    await server.data('POST', 'sys/quotas/rate-limit/none', { path: 'auth/jwt', rate: 1, interval: '1h' })
    expect(await status(token({ jti: 'x' }))).to.equal(200)
    expect(await status(token({ jti: 'y' }))).to.equal(429)
    const member = { name: `g-${agent}`, member_entity_ids: [await entityId()] }
    const write = async (): Promise<number> => status(shown, 'POST', 'kv/c', { v: '1' })
    await server.data('POST', 'identity/group', { ...member, policies: 'writer' })
    expect([await write(), await write(), await status(shown)]).to.deep.equal([204, 204, 200])
    await server.data('POST', 'identity/group', { ...member, policies: [] })
    expect([await write(), await status(shown)]).to.deep.equal([403, 200])
    await server.data('DELETE', 'sys/quotas/rate-limit/none')
    await server.data('DELETE', `identity/entity/id/${await entityId()}`)
    expect([await write(), await status(shown)]).to.deep.equal([403, 200])
  })

  it('a namespace has its own: it counts there and below, never above; a lock closes it', async () => {
    await server.data('PUT', 'sys/namespaces/team', {})
    await server.data('PUT', 'team/sys/namespaces/app', {})
    await server.data('POST', 'team/sys/auth/jwt', { type: 'jwt' })
    await server.data('PUT', 'team/sys/policies/acl/reader', { policy: 'path "+/sys/mounts" { capabilities = ["read"] }\npath "sys/mounts" { capabilities = ["read"] }' }) // prettier-ignore
    await server.data('POST', 'team/auth/jwt/config', { jwt_validation_pubkeys: [key.pem], bound_issuer: `${issuer}/team`, default_role: 'agent' }) // prettier-ignore
    await server.data('POST', 'team/auth/jwt/role/agent', { role_type: 'bearer', user_claim: 'sub', bound_audiences: audience, token_policies: 'reader' }) // prettier-ignore
    const shown = token({ iss: `${issuer}/team` })
    const mounts = async (namespace: string): Promise<number> => status(shown, 'GET', 'sys/mounts', undefined, namespace === '' ? {} : { 'X-Vault-Namespace': namespace }) // prettier-ignore
    expect([await mounts('team'), await mounts('team/app'), await mounts(''), await mounts('nowhere')]).to.deep.equal([200, 200, 403, 403]) // prettier-ignore
    expect(await status(shown, 'GET', 'team/app/sys/mounts')).to.equal(200)
    const { unlock_key: unlock } = await server.data('POST', 'sys/namespaces/api-lock/lock/team', {})
    expect(await mounts('team')).to.equal(503)
    await server.data('POST', 'sys/namespaces/api-lock/unlock/team', { unlock_key: unlock })
    expect(await mounts('team')).to.equal(200)
    await server.data('DELETE', 'team/sys/namespaces/app')
    await server.data('DELETE', 'sys/namespaces/team')
  })
})

describe('JWTs as tokens of requests, in the audit log', () => {
  it('have two lines when they are verified; each names entity, role and mount, and none the token', async () => {
    const key = jwtKey()
    const server = await openLevelServer()
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await server.data('POST', 'auth/jwt/config', { jwt_validation_pubkeys: key.pem, bound_issuer: issuer, default_role: 'agent' }) // prettier-ignore
    await server.data('POST', 'auth/jwt/role/agent', { role_type: 'bearer', user_claim: 'sub', bound_audiences: audience }) // prettier-ignore
    const now = Math.floor(Date.now() / 1000)
    const shown = jwt({ iss: issuer, aud: audience, sub: 'anna', iat: now, exp: now + 60 }, key)
    const file = join(server.folder, 'audit.log')
    const from = readFileSync(file, 'utf8').length
    const { accessor } = await server.data('GET', 'sys/auth/jwt')
    for (let n = 0; n < 2; n++)
      expect((await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': shown })).status).to.equal(200) // prettier-ignore
    await server.running.stop()
    const text = readFileSync(file, 'utf8').slice(from)
    for (const part of shown.split('.')) expect(text).to.not.include(part)
    const lines = text.trim().split('\n').map((line) => JSON.parse(line) as { type: string; request: Body; auth?: Body; response?: Body }) // prettier-ignore
    const found = lines.filter(
      ({ request: { path } }) => path === 'auth/jwt/login' || path === 'auth/token/lookup-self',
    )
    expect(found.map(({ type, request }) => `${type} ${String(request['path'])}`)).to.deep.equal([
      'request auth/jwt/login',
      'response auth/jwt/login',
      ...Array.from({ length: 2 }, () => ['request auth/token/lookup-self', 'response auth/token/lookup-self']).flat(),
    ])
    for (const { auth = {} } of found.slice(2)) {
      expect(auth['metadata']).to.deep.equal({ role: 'agent', mount_accessor: accessor })
      expect(auth['entity_id']).to.be.a('string')
      expect(auth['client_token']).to.match(/^hmac-sha256:/)
    }
  })
})
