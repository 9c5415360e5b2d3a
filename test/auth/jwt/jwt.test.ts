import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { jwt, jwtKey, macJwt, unsignedJwt } from '../../support/jwt.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface Auth {
  readonly client_token: string
  readonly policies: readonly string[]
  readonly lease_duration: number
  readonly metadata: Body
}
const authOf = ({ status, text, body }: Reply): Auth => {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return body['auth'] as Auth
}

describe('jwt', () => {
  const clock = new HandClock()
  const now = (): number => Math.floor(clock.now() / 1000)
  const key = jwtKey()
  const other = jwtKey()
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/auth/jwt', { type: 'jwt' })
    await configure({ bound_issuer: 'https://issuer.example' })
    await role('web', { bound_audiences: 'app', token_policies: 'reader', token_ttl: '10m' })
  })
  after(async () => server.running.stop())

  const write = async (path: string, data: unknown = {}, token = 'root') =>
    server.call('POST', `/v1/auth/jwt/${path}`, data, { 'X-Vault-Token': token })
  const configure = async (more: Body = {}) => {
    const reply = await write('config', { jwt_validation_pubkeys: key.pem, ...more })
    expect(reply.status, reply.text).to.equal(204)
  }
  const role = async (name: string, data: Body) => {
    const reply = await write(`role/${name}`, { role_type: 'jwt', user_claim: 'sub', ...data })
    expect(reply.status, reply.text).to.be.oneOf([200, 204])
  }
  const claims = (more: Body = {}): Body => ({
    iss: 'https://issuer.example',
    sub: 'anna',
    aud: 'app',
    iat: now(),
    exp: now() + 300,
    ...more,
  })
  const login = async (token: unknown, name = 'web') =>
    server.call('POST', '/v1/auth/jwt/login', { role: name, jwt: token }, {})
  const refused = async (token: unknown, why: RegExp, name = 'web') => {
    const { status, text } = await login(token, name)
    expect(status, text).to.equal(400)
    expect(text).to.match(why)
  }

  it('accepts a token of the issuer, as the role says', async () => {
    const auth = authOf(await login(jwt(claims(), key)))
    expect(auth).to.deep.include({ policies: ['default', 'reader'], lease_duration: 600, metadata: { role: 'web' } })
    const self = await server.call('GET', '/v1/auth/token/lookup-self', undefined, {
      'X-Vault-Token': auth.client_token,
    })
    expect(self.body['data']).to.deep.include({ display_name: 'jwt-anna', path: 'auth/jwt/login' })
    authOf(await login(`${jwt(claims(), key)}\n`))
    authOf(await login(jwt(claims(), key), 'WEB'))
    await refused(jwt(claims(), key), /role \\"nobody\\" could not be found/, 'nobody')
    await refused(jwt(claims(), key), /missing role/, '')
    await refused('', /missing token/)
  })

  it('CVE-2024-5798: accepts only tokens for this audience, whatever the form of "aud"', async () => {
    await role('free', { bound_subject: 'anna' })
    for (const aud of ['app', ['app'], ['x', 'app']]) {
      authOf(await login(jwt(claims({ aud }), key)))
      await refused(jwt(claims({ aud }), key), /no bound_audiences/, 'free')
    }
    for (const aud of ['', 'APP', 'application', [], ['x'], 'a,app', undefined])
      await refused(jwt(claims({ aud }), key), /audience/)
    for (const aud of [5, true, null, {}, { app: 1 }, ['app', 5], [['app']]])
      for (const name of ['web', 'free']) await refused(jwt(claims({ aud }), key), /\\"aud\\" is neither/, name)
    for (const aud of [undefined, []]) authOf(await login(jwt(claims({ aud }), key), 'free'))
    await refused(jwt(claims({ aud: '' }), key), /no bound_audiences/, 'free')
  })

  it('jwt class: accepts signatures of the configured keys only', async () => {
    const good = claims()
    const token = jwt(good, key)
    const [head = '', body = '', signature = ''] = token.split('.')
    const forged = Buffer.from(JSON.stringify({ ...good, sub: 'root' })).toString('base64url')
    for (const [why, bad] of [
      ['without a signature', unsignedJwt(good)],
      ['with another spelling of none', unsignedJwt(good, 'None')],
      ['without an algorithm', jwt(good, key, { alg: undefined })],
      ['a MAC with the public key', macJwt(good, key.pem)],
      ['a MAC with nothing', macJwt(good, '', 'HS512')],
      ['another key', jwt(good, other)],
      ['another key in jwk', jwt(good, other, { jwk: other.publicKey.export({ format: 'jwk' }) })],
      ['another key at jku', jwt(good, other, { jku: `${server.running.address}/keys`, kid: 'x' })],
      ['another key at x5u', jwt(good, other, { x5u: `${server.running.address}/keys` })],
      ['another key in x5c', jwt(good, other, { x5c: ['AAAA'] })],
      ['an algorithm that is not of this key', jwt(good, key, { alg: 'ES384' })],
      ['the name of an algorithm in another case', jwt(good, key, { alg: 'es256' })],
      ['an unencoded payload', jwt(good, key, { crit: ['b64'], b64: false })],
      ['an unknown extension', jwt(good, key, { crit: ['exp'] })],
      ['no extension', jwt(good, key, { crit: [] })],
      ['a key id that is no text', jwt(good, key, { kid: 5 })],
      ['the signature of other claims', `${head}.${forged}.${signature}`],
      ['no signature', `${head}.${body}.`],
      ['zeros', `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`],
      ['a header twice', jwt(good, key, '{"alg":"none","alg":"ES256"}')],
      ['a header that is no object', jwt(good, key, '["ES256"]')],
      ['four parts', `${token}.x`],
      ['five parts', `${token}.x.y`],
      ['two parts', `${head}.${body}`],
      ['words', 'nonsense'],
    ] as const) {
      const { status, text } = await login(bad)
      expect(status, `${why}: ${text}`).to.equal(400)
      expect(text, why).to.match(/error validating token/)
    }
  })

  it('accepts one spelling of a token only, where jose accepts several', async () => {
    const token = jwt(claims(), key)
    const last = token.at(-1) === 'A' ? 'B' : 'A'
    for (const bad of [
      `${token}=`,
      `${token}==`,
      token.replace('.', '.\n'),
      token.replace('.', '. '),
      `${token.slice(0, -1)}${last}`,
      token.replaceAll('-', '+'),
      'x'.repeat(70_000),
    ])
      // prettier-ignore
      if (bad !== token) await refused(bad, /error validating token/)
  })

  it('reads claims strictly: duplicate keys, no object, not JSON', async () => {
    const text = JSON.stringify(claims())
    for (const bad of [`${text.slice(0, -1)},"sub":"root"}`, `[${text}]`, '"anna"', 'null', text.slice(1), `${text}x`])
      await refused(jwt(bad, key), /its payload is not (a )?JSON/)
    await refused(jwt(claims({ iss: ['https://issuer.example'] }), key), /"iss\\" is not a string/)
    for (const iss of ['https://issuer.example/', 'https://evil.example', undefined])
      await refused(jwt(claims({ iss }), key), /issuer/)
    await refused(jwt(claims({ sub: 5 }), key), /"sub\\" is not a string/)
    for (const sub of [undefined, null]) await refused(jwt(claims({ sub }), key), /sub/)
    for (const sub of ['', '  ', 'x'.repeat(600)]) await refused(jwt(claims({ sub }), key), /1 to 512 bytes/)
  })

  it('takes tokens of users with a recent authentication at the provider, where the role requires it', async () => {
    await role('recent', { bound_audiences: 'app', max_age: '10m' })
    const status = async (auth_time: unknown) => (await login(jwt(claims({ auth_time }), key), 'recent')).status
    expect(await status(now() - 300)).to.equal(200)
    for (const at of [now() - 3600, undefined, 'now']) expect(await status(at), String(at)).to.equal(400)
  })

  it('takes tokens while they are valid, with the leeways of the role', async () => {
    const times = async (some: Body, name: string) =>
      (await login(jwt(claims({ iat: undefined, exp: undefined, ...some }), key), name)).status
    const at = (seconds: number): number => now() + seconds
    await role('strict', { bound_audiences: 'app', expiration_leeway: -1, not_before_leeway: '-1', clock_skew_leeway: '-1s' }) // prettier-ignore
    for (const [some, status, strict] of [
      [{ iat: at(0), exp: at(300) }, 200, 200],
      [{ exp: at(-59) }, 200, 400],
      [{ exp: at(-61) }, 400, 400],
      [{ nbf: at(59), exp: at(600) }, 200, 400],
      [{ nbf: at(61), exp: at(600) }, 400, 400],
      [{ iat: at(61), exp: at(600) }, 400, 400],
      [{ iat: at(61), nbf: at(0), exp: at(600) }, 400, 400],
      [{ iat: at(-209) }, 200, 400],
      [{ iat: at(-211) }, 400, 400],
      [{ exp: at(209) }, 200, 400],
      [{ exp: at(211) }, 400, 400],
      [{}, 400, 400],
      [{ iat: at(0), exp: 0 }, 400, 400],
      [{ iat: at(0), exp: -5 }, 400, 400],
    ] as const)
      expect([await times(some, 'web'), await times(some, 'strict')], JSON.stringify(some)).to.deep.equal([status, strict]) // prettier-ignore
  })

  it('refuses times that are malformed or out of range', async () => {
    for (const exp of ['9999999999', null, true, [], {}, 1e21, 1e15, -1e15])
      await refused(jwt(claims({ exp }), key), /"exp\\" is no time/)
    const raw = (exp: string): string => JSON.stringify(claims({ exp: 0 })).replace('"exp":0', `"exp":${exp}`)
    for (const exp of ['1e400', '99999999999999999999', `1${'0'.repeat(400)}`])
      await refused(jwt(raw(exp), key), /"exp\\" is no time/)
    authOf(await login(jwt(raw(`${now() + 60}.50`), key)))
    await refused(jwt(claims({ nbf: 'now' }), key), /"nbf\\" is no time/)
    await refused(jwt(claims({ iat: 'now' }), key), /"iat\\" is no time/)
  })

  it('requires the claims of the role, with their types, as values, patterns and by JSON pointers', async () => {
    const bound = { dept: 'eng', level: [1, 2], ok: true, '/deep/~1er/0': 'x', big: 12345 }
    await role('claims', { bound_audiences: 'app', bound_claims: bound })
    const good = { dept: ['ops', 'eng'], level: 2, ok: true, deep: { '/er': ['x'] }, big: 12345 }
    authOf(await login(jwt(claims(good), key), 'claims'))
    for (const bad of [
      { dept: 'ENG' },
      { dept: { a: 'eng' } },
      { dept: undefined },
      { dept: null },
      { dept: [] },
      { dept: [['eng']] },
      { level: '1' },
      { level: 3 },
      { ok: 'true' },
      { ok: false },
      { ok: 1 },
      { deep: 'x' },
      { deep: { '/er': { 0: 'y' } } },
      { big: 12345.5 },
    ])
      // prettier-ignore
      await refused(jwt(claims({ ...good, ...bad }), key), /error validating claims/, 'claims')
    await role('glob', { bound_audiences: 'app', bound_claims_type: 'glob', bound_claims: { ref: ['refs/heads/*', 'refs/tags/v*.*'], repo: '*/app' } }) // prettier-ignore
    const status = async (ref: unknown, repo: unknown = 'org/app') =>
      (await login(jwt(claims({ ref, repo }), key), 'glob')).status
    for (const ref of ['refs/heads/main', 'refs/heads/', 'refs/tags/v1.2', ['no', 'refs/heads/x']]) expect(await status(ref), String(ref)).to.equal(200) // prettier-ignore
    for (const ref of ['refs/heads', 'x/refs/heads/main', 'refs/tags/v1', 'REFS/heads/main', 5, undefined]) expect(await status(ref), String(ref)).to.equal(400) // prettier-ignore
    for (const repo of ['org/apps', 'app', '']) expect(await status('refs/heads/main', repo), repo).to.equal(400)
    await role('literal', { bound_audiences: 'app', bound_claims: { ref: 'refs/*' } })
    await refused(jwt(claims({ ref: 'refs/x' }), key), /bound claim/, 'literal')
  })

  it('takes user, groups and metadata from claims of the right type only', async () => {
    await role('map', { bound_audiences: 'app', user_claim: '/user/name', user_claim_json_pointer: true, groups_claim: '/user/groups', claim_mappings: { email: 'mail', '/org/team': 'team', absent: 'nothing' } }) // prettier-ignore
    const user = { name: 'anna', groups: ['red', 'blue'] }
    const token = claims({ user, email: 'a@example.com', org: { team: 'red' } })
    expect(authOf(await login(jwt(token, key), 'map')).metadata).to.deep.equal({ role: 'map', mail: 'a@example.com', team: 'red' }) // prettier-ignore
    for (const groups of ['red', []]) authOf(await login(jwt({ ...token, user: { ...user, groups } }, key), 'map'))
    for (const groups of [undefined, null, { a: 1 }, ['red', 5]])
      await refused(jwt({ ...token, user: { ...user, groups } }, key), /groups/, 'map')
    for (const email of [5, ['a'], 'x'.repeat(600)]) await refused(jwt({ ...token, email }, key), /email/, 'map')
    await refused(jwt({ ...token, user: undefined, '/user/name': 'anna' }, key), /not found in token/, 'map')
    await role('plain', { bound_audiences: 'app', user_claim: '/user/name' })
    await refused(jwt(token, key), /not found in token/, 'plain')
    for (const name of ['__proto__', 'constructor', 'toString']) {
      await role('proto', { bound_audiences: 'app', user_claim: name })
      await refused(jwt(token, key), /not found in token/, 'proto')
    }
  })

  it('adds the entity to the external groups that the token names, until another token names others', async () => {
    await role('grouped', { bound_audiences: 'app', groups_claim: 'groups' })
    const mounts = await server.data('GET', 'sys/auth')
    const { accessor } = mounts['jwt/'] as { readonly accessor: string }
    const { id } = await server.data('POST', 'identity/group', { name: 'reds', type: 'external', policies: 'of-reds' })
    await server.data('POST', 'identity/group-alias', { name: 'red', mount_accessor: accessor, canonical_id: id })
    const policies = async (groups: readonly string[], name = 'grouped') =>
      (authOf(await login(jwt(claims({ sub: 'grete', groups }), key), name)) as unknown as Body)['identity_policies'] // prettier-ignore
    expect(await policies(['red', 'blue'])).to.deep.equal(['of-reds'])
    expect(await policies(['blue'])).to.be.oneOf([undefined, null])
    // CVE-2020-10660: nothing vouches for a membership any more where the role has no such claim.
    await policies(['red'])
    await role('without', { bound_audiences: 'app' })
    expect(await policies(['red'], 'without')).to.be.oneOf([undefined, null])
    await policies(['red'])
    await role('grouped', { bound_audiences: 'app', groups_claim: '' })
    expect(await policies(['red'])).to.be.oneOf([undefined, null])
    await role('grouped', { bound_audiences: 'app', groups_claim: 'groups' })
    const many = Array.from({ length: 1001 }, (_, n) => `g${n}`)
    await refused(jwt(claims({ groups: many }), key), /more than 1000/, 'grouped')
  })

  it('refuses roles that require nothing, or something that no token can have', async () => {
    const base = { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app' }
    for (const [data, why] of [
      [{}, /user claim/],
      [{ role_type: 'jwt', user_claim: 'sub' }, /at least one bound constraint/],
      [{ role_type: 'jwt', user_claim: 'sub', bound_claims: {} }, /at least one bound constraint/],
      [{ user_claim: 'sub', bound_audiences: 'app' }, /allowed_redirect_uris/],
      [{ ...base, role_type: 'saml' }, /role_type/],
      [{ ...base, bound_claims_type: 'regex' }, /bound_claims_type/],
      [{ ...base, bound_claims_type: 'glob', bound_claims: { n: ['a', 5] } }, /strings only/],
      [{ ...base, bound_claims: { a: [] } }, /not empty/],
      [{ ...base, bound_claims: { a: { b: 1 } } }, /must be a string/],
      [{ ...base, bound_claims: { a: null } }, /must be a string/],
      [{ ...base, bound_claims: { a: Array.from({ length: 300 }, (_, n) => n) } }, /at most 256/],
      [{ ...base, claim_mappings: { a: 'role' } }, /reserved/],
      [{ ...base, claim_mappings: { a: 'same', b: 'same' } }, /multiple keys/],
      [{ ...base, oauth2_metadata: ['id_token'] }, /not supported/],
      [{ ...base, callback_mode: 'direct' }, /callback_mode/],
      [{ ...base, token_policies_template_claims: true }, /not supported/],
      [{ ...base, token_policies: 'root' }, /root/],
      [{ ...base, expiration_leeway: 'soon' }, /expiration_leeway/],
    ] as const) {
      const { status, text } = await write('role/bad', data)
      expect([status, why.test(text)], `${JSON.stringify(data).slice(0, 100)} ${text}`).to.deep.equal([400, true])
    }
    expect((await server.call('GET', '/v1/auth/jwt/role/bad')).status).to.equal(404)
  })

  it('keeps the limits of a role that a write leaves out or empty', async () => {
    await role('kept', { bound_audiences: 'app', bound_claims: { a: 'b' }, bound_subject: 'anna' })
    for (const [name, blank] of [
      ['bound_audiences', ''],
      ['bound_subject', ''],
      ['bound_claims', ''],
      ['bound_audiences', ['']],
    ] as const)
      // prettier-ignore
      expect((await write('role/kept', { role_type: 'jwt', [name]: blank })).status, name).to.equal(400)
    await role('kept', { bound_audiences: null, bound_claims: null, bound_subject: null, token_ttl: 60 })
    expect(await server.data('GET', 'auth/jwt/role/kept')).to.deep.include({ bound_audiences: ['app'], bound_claims: { a: 'b' }, bound_subject: 'anna', token_ttl: 60 }) // prettier-ignore
  })

  it('refuses configurations with invalid or weak keys', async () => {
    const keys = { jwt_validation_pubkeys: key.pem }
    const small = jwtKey('RS256', 1024).pem
    const secret = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    for (const [data, why] of [
      [{}, /must be set/],
      [{ jwt_validation_pubkeys: [] }, /must be set/],
      [{ jwt_validation_pubkeys: 'nonsense' }, /number 1/],
      [{ jwt_validation_pubkeys: [key.pem, small] }, /number 2/],
      [{ jwt_validation_pubkeys: [secret] }, /number 1/],
      [{ jwt_validation_pubkeys: [key.pem + small] }, /number 1/],
      [{ jwt_validation_pubkeys: Array.from({ length: 65 }, () => key.pem) }, /at most 64/],
      [{ ...keys, jwt_supported_algs: ['none'] }, /unsupported signing algorithm/],
      [{ ...keys, jwt_supported_algs: ['HS256'] }, /unsupported signing algorithm/],
      [{ ...keys, jwt_supported_algs: '' }, /jwt_supported_algs/],
      [{ ...keys, bound_issuer: '' }, /bound_issuer/],
      [{ ...keys, default_role: 'a b' }, /default_role/],
    ] as const) {
      const { status, text } = await write('config', data)
      expect([status, why.test(text)], `${JSON.stringify(data).slice(0, 100)} ${text}`).to.deep.equal([400, true])
      expect(text).to.not.include(secret.slice(40, 80))
    }
    authOf(await login(jwt(claims(), key)))
  })

  it('accepts the configured algorithms alone, and forgets keys that were replaced', async () => {
    const rsa = jwtKey('RS256')
    const ed = jwtKey('EdDSA')
    const statuses = async () =>
      Promise.all([key, rsa, ed].map(async (one) => (await login(jwt(claims(), one))).status))
    await configure({ jwt_validation_pubkeys: [key.pem, rsa.pem, ed.pem] })
    expect(await statuses()).to.deep.equal([200, 200, 200])
    await configure({ jwt_validation_pubkeys: [key.pem, rsa.pem, ed.pem], jwt_supported_algs: ['RS256'] })
    expect(await statuses()).to.deep.equal([400, 200, 400])
    await configure({ jwt_validation_pubkeys: [rsa.pem] })
    expect(await statuses()).to.deep.equal([400, 200, 400])
    await configure({ default_role: 'Web' })
    authOf(await server.call('POST', '/v1/auth/jwt/login', { jwt: jwt(claims({ iss: 'anyone' }), key) }, {}))
    await configure({ bound_issuer: 'https://issuer.example' })
  })

  it('renews by the current role, and not without it', async () => {
    const renew = async (token: string) =>
      server.call('POST', '/v1/auth/token/renew-self', {}, { 'X-Vault-Token': token })
    await role('short', { bound_audiences: 'app', token_ttl: '10m' })
    const { client_token: token } = authOf(await login(jwt(claims(), key), 'short'))
    await role('short', { token_ttl: '5m' })
    expect((await renew(token)).body['auth']).to.include({ lease_duration: 300 })
    await server.call('DELETE', '/v1/auth/jwt/role/short')
    expect((await renew(token)).status).to.equal(400)
    await role('short', { bound_audiences: 'app' })
    expect((await renew(token)).text).to.match(/role of this token no longer exists/)
  })

  it('1.1.1: accepts logins and tokens from the addresses of the role only', async () => {
    await role('far', { bound_audiences: 'app', token_bound_cidrs: '10.0.0.0/8' })
    expect((await login(jwt(claims(), key), 'far')).status).to.equal(403)
  })

  it('no audit line has a token in clear', async () => {
    const file = join(temporaryFolder(), 'audit.log')
    await server.data('POST', 'sys/audit/file', { type: 'file', options: { file_path: file } })
    const token = jwt(claims(), key)
    authOf(await login(token))
    await login(`${token}x`)
    const lines = readFileSync(file, 'utf8')
    expect(lines).to.include('auth/jwt/login')
    for (const part of token.split('.').slice(1)) expect(lines).to.not.include(part)
  })

  it('CVE-2024-9180: no role gives root', async () => {
    for (const token_policies of ['root', 'Root', ' ROOT ', ['a', 'root']])
      expect((await write('role/web', { role_type: 'jwt', token_policies })).status).to.equal(400)
  })

  it('is judged by create and update, as roles of other methods are', async () => {
    const token = await server.tokenWith('path "auth/jwt/role/*" { capabilities = ["create"] }')
    const data = { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app' }
    expect((await write('role/made', data, token)).status).to.equal(204)
    expect((await write('role/MADE', data, token)).status).to.equal(403)
  })
})
