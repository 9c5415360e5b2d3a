import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

/** What somebody could take for `root`, or what could become it on the way. */
const names = [
  'root', 'Root', 'ROOT', 'rOOt', ' root', 'root ', ' Root ', '\troot', 'root\t', 'root\n', '\nroot', 'root\r\n', 'ro\u212At',
  '\u0000root', 'root\u0000', 'ro\u0000ot', '\u00a0root', 'root\u00a0', '\ufeffroot', 'root\ufeff', 'root\u200b', 'ro\u200bot', '\u3000root', 'root\u2003',
  '\uff52\uff4f\uff4f\uff54', 'r\u00f6ot', 'r\u0585ot', 'root/', '/root', './root', 'root.', '"root"', 'root\\', 'root\u3164', '\u1160root', 'root\u0301',
] // prettier-ignore

/** Each as a string or in a list; a few also with commas, beside others, and in other forms. */
const wishes = names.map((name, at) => (at % 2 === 0 ? name : [name]))
const forms = ['root', ' Root', 'ro\u212At'].flatMap((name) => [`default,${name}`, `${name},default`, ['default', name], [[name]], `["${name}"]`, `,${name},`, [`default,${name}`], { [name]: name }]) // prettier-ignore

/** The published test vector of bcrypt for `U*U`, which is cheap to compare. */
const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'

describe('known flaws: nobody becomes root', function () {
  this.timeout(120_000)
  const clock = new HandClock()
  const key = jwtKey()
  let server: TestServer
  let maker: string
  let entity: string
  let groups: readonly string[]
  before(async () => {
    server = await devServer(clock)
    for (const type of ['userpass', 'approle', 'jwt']) await server.data('POST', `sys/auth/${type}`, { type })
    await server.data('POST', 'auth/jwt/config', { jwt_validation_pubkeys: key.pem })
    await server.data('POST', 'auth/userpass/users/anna', { password_hash: hash })
    await server.data('POST', 'auth/approle/role/web', { role_id: 'web', bind_secret_id: false, token_bound_cidrs: '127.0.0.1' }) // prettier-ignore
    await server.data('POST', 'auth/jwt/role/web', { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app' })
    await server.data('POST', 'auth/token/roles/web', {})
    entity = String(((await login()).body['auth'] as Body)['entity_id'])
    const made = async (data: Body): Promise<string> =>
      String((await server.data('POST', 'identity/group', data))['id'])
    groups = [
      await made({ name: 'int', member_entity_ids: [entity] }),
      await made({ name: 'ext', type: 'external' }),
      await made({ name: 'above', member_group_ids: [] }),
    ]
    await server.data('POST', `identity/group/id/${groups[2]}`, { member_group_ids: [groups[0]] })
    const all = '["create", "read", "update", "delete", "sudo"]'
    maker = await server.tokenWith(`path "auth/*" { capabilities = ${all} }\npath "identity/*" { capabilities = ${all} }`) // prettier-ignore
  })
  after(async () => server.running.stop())

  const login = async () => server.call('POST', '/v1/auth/userpass/login/anna', { password: 'U*U' }, {})
  const post = async (path: string, data: unknown, token = maker) =>
    server.call('POST', `/v1/${path}`, data, { 'X-Vault-Token': token })
  /** Nothing of root, in what is told and in what is allowed. */
  const powerless = async (auth: Body | undefined, what: string): Promise<void> => {
    if (!auth) return
    const lists = ['policies', 'token_policies', 'identity_policies'].flatMap((name) => (auth[name] ?? []) as string[])
    expect(lists, what).to.not.include('root')
    const as = { 'X-Vault-Token': String(auth['client_token']) }
    expect((await server.call('GET', '/v1/sys/mounts', undefined, as)).status, what).to.equal(403)
    expect((await server.call('GET', '/v1/sys/auth', undefined, as)).status, what).to.equal(403)
  }

  const places: readonly (readonly [path: () => string, field: string])[] = [
    [() => 'identity/entity/name/new', 'policies'],
    [() => `identity/entity/id/${entity}`, 'policies'],
    [() => `identity/group/id/${groups[0]}`, 'policies'],
    [() => `identity/group/id/${groups[1]}`, 'policies'],
    [() => `identity/group/id/${groups[2]}`, 'policies'],
    [() => 'identity/group/name/int', 'policies'],
    [() => 'identity/group/name/new', 'policies'],
    [() => 'identity/group', 'policies'],
    [() => 'auth/userpass/users/anna', 'token_policies'],
    [() => 'auth/userpass/users/anna', 'policies'],
    [() => 'auth/userpass/users/anna/policies', 'token_policies'],
    [() => 'auth/userpass/users/anna/policies', 'policies'],
    [() => 'auth/approle/role/web', 'token_policies'],
    [() => 'auth/approle/role/web', 'policies'],
    [() => 'auth/approle/role/web/policies', 'token_policies'],
    [() => 'auth/jwt/role/web', 'token_policies'],
    [() => 'auth/jwt/role/web', 'policies'],
  ]

  it('CVE-2024-9180, CVE-2025-5999, CVE-2025-54996, CVE-2025-64761: by no policy of entities, groups, users and roles', async () => {
    for (const wish of [...wishes, ...forms]) {
      const what = JSON.stringify(wish)
      for (const [path, field] of places) {
        const { status, text } = await post(path(), { [field]: wish, role_type: 'jwt', user_claim: 'sub', bound_audiences: 'app', bind_secret_id: false, token_bound_cidrs: '127.0.0.1' }) // prettier-ignore
        expect(status, `${path()} ${what} ${text}`).to.be.oneOf([200, 204, 400])
        if (typeof wish === 'string' && wish.trim().toLowerCase() === 'root') expect(status, `${path()} ${what}`).to.equal(400)
      }
      await powerless((await login()).body['auth'] as Body | undefined, `userpass ${what}`)
      await powerless((await post('auth/approle/login', { role_id: 'web' }, '')).body['auth'] as Body | undefined, `approle ${what}`)
      const now = Math.floor(clock.now() / 1000)
      const token = jwt({ sub: 'anna', aud: 'app', iat: now, exp: now + 300 }, key)
      await powerless((await post('auth/jwt/login', { role: 'web', jwt: token }, '')).body['auth'] as Body | undefined, `jwt ${what}`)
    }
    const shown = await Promise.all(places.map(async ([path]) => (await server.call('GET', `/v1/${path()}`)).body['data'] as Body | undefined))
    for (const data of shown)
      for (const field of ['policies', 'token_policies']) expect(data?.[field] ?? []).to.not.include('root')
  }) // prettier-ignore

  it('CVE-2024-9180, CVE-2025-5999, CVE-2025-54996: by no name that a child token, an orphan, a batch token or a role asks for', async () => {
    const child = async (path: string, body: Body, what: string): Promise<void> => {
      const { status, text, body: told } = await post(path, body)
      expect(status, `${path} ${what} ${text}`).to.be.oneOf([200, 400])
      await powerless(told['auth'] as Body | undefined, `${path} ${what}`)
    }
    for (const wish of [...wishes, ...forms]) {
      const what = JSON.stringify(wish)
      for (const [path, more] of [['create', {}], ['create', { type: 'batch', ttl: '1m' }], ['create-orphan', {}], ['create/web', {}]] as const)
        await child(`auth/token/${path}`, { policies: wish, ...more }, what)
      for (const field of ['allowed_policies', 'allowed_policies_glob']) {
        const { status } = await post('auth/token/roles/gives', { [field]: wish })
        if (status >= 400) continue
        await child('auth/token/create/gives', {}, `${field} ${what}`)
        await child('auth/token/create/gives', { policies: wish }, `${field} ${what}`)
        await child('auth/token/create/gives', { policies: ['root'] }, `${field} ${what}`)
        await server.call('DELETE', '/v1/auth/token/roles/gives')
      }
    }
  }) // prettier-ignore
})
