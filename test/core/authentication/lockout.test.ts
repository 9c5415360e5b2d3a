import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

/** The published test vector of bcrypt for `U*U`, cheap enough for many logins. */
const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const right = 'U*U'
const wrong = 'wrong'

describe('lockout of users', () => {
  const clock = new HandClock()
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
  })
  after(async () => server.running.stop())

  const user = async (name: string, mount = 'userpass') =>
    server.data('POST', `auth/${mount}/users/${name}`, { password_hash: hash })
  const tryLogin = async (name: string, password: string, mount = 'userpass') =>
    server.call('POST', `/v1/auth/${mount}/login/${encodeURIComponent(name)}`, { password }, {})
  const status = async (...how: Parameters<typeof tryLogin>) => (await tryLogin(...how)).status
  const fail = async (times: number, name: string, mount = 'userpass') => {
    for (let at = 0; at < times; at++) expect(await status(name, wrong, mount)).to.equal(400)
  }
  const tune = async (settings: Body, mount = 'userpass') =>
    server.data('POST', `sys/auth/${mount}/tune`, { user_lockout_config: settings })
  const accessorOf = async (mount: string) => String((await server.data('GET', `sys/auth/${mount}`))['accessor'])
  const mount = async (path: string, type = 'userpass') => server.data('POST', `sys/auth/${path}`, { type })
  const lockedAt = async (path: string, query = '') => {
    const { by_namespace: namespaces } = await server.data('GET', `sys/locked-users${query}`)
    const accessor = await accessorOf(path)
    return (namespaces as { mount_accessors: { mount_accessor: string; alias_identifiers: string[] }[] }[])
      .flatMap(({ mount_accessors: mounts }) => mounts)
      .filter((one) => one.mount_accessor === accessor)
      .flatMap((one) => one.alias_identifiers)
  }
  /** All of a response but its time. */
  const shown = ({ status: code, text, headers }: Reply) => [code, text, { ...headers, date: '' }]

  it('locks after five wrong passwords in a row, for fifteen minutes, whatever the case of the name', async () => {
    await user('anna')
    await fail(4, 'anna')
    expect(await status('ANNA', right)).to.equal(200)
    for (const name of ['anna', 'Anna', 'aNNa', 'ANNA']) await fail(1, name)
    expect(await lockedAt('userpass')).to.deep.equal([])
    await fail(1, 'annA')
    for (const name of ['anna', 'ANNA']) expect(await status(name, right)).to.equal(400)
    expect(await lockedAt('userpass')).to.deep.equal(['anna'])
    clock.advance(899_000)
    await fail(3, 'anna')
    expect(await status('anna', right)).to.equal(400)
    clock.advance(1000)
    expect(await lockedAt('userpass')).to.deep.equal([])
    // A count of its own: the lock left nothing behind.
    await fail(4, 'anna')
    expect(await status('anna', right)).to.equal(200)
  })

  it('forgets failures that nothing followed for fifteen minutes', async () => {
    await user('berta')
    await fail(4, 'berta')
    clock.advance(900_000)
    await fail(4, 'berta')
    expect(await status('berta', right)).to.equal(200)
  })

  it('CVE-2025-6010: known and unknown names, locked or not, get the same response', async () => {
    await user('known')
    const first = shown(await tryLogin('known', wrong))
    for (let at = 1; at < 8; at++) {
      expect(shown(await tryLogin('known', wrong)), `known, ${at}`).to.deep.equal(first)
      expect(shown(await tryLogin('unknown', wrong)), `unknown, ${at}`).to.deep.equal(first)
    }
    expect(shown(await tryLogin('known', right)), 'locked, the right password').to.deep.equal(first)
    expect(await lockedAt('userpass')).to.deep.equal(['known', 'unknown'])
  })

  it('CVE-2025-6004: all spellings of a name have one counter', async () => {
    await tune({ lockout_threshold: '256' })
    await user('spelled')
    const letters = 'spelled'.split('')
    const spelled = (at: number) =>
      letters.map((letter, place) => ((at >> place) & 1 ? letter.toUpperCase() : letter)).join('')
    for (let at = 0; at < 255; at += 51) {
      const names = Array.from({ length: 51 }, (_, more) => spelled((at + more) % 128))
      expect(new Set(await Promise.all(names.map(async (name) => status(name, wrong))))).to.deep.equal(new Set([400]))
    }
    expect(await lockedAt('userpass')).to.not.include('spelled')
    // Names with spaces, and look-alikes of other scripts, are names of nobody.
    for (const other of [' spelled', 'spelled ', 'ſpelled', 'ｓpelled', 'spelled\u0307'])
      expect(await status(other, right), other).to.be.within(400, 404)
    expect(await status('SPELLED', wrong)).to.equal(400)
    expect(await lockedAt('userpass')).to.include('spelled')
    expect(await status('spelled', right)).to.equal(400)
    await tune({ lockout_threshold: '0' })
  })

  it('unlocks with the right policy, in its own mount only', async () => {
    await mount('other')
    for (const at of ['userpass', 'other']) {
      await user('carl', at)
      await fail(5, 'carl', at)
    }
    const accessor = await accessorOf('userpass')
    const unlock = async (from: string, name: string, token = 'root') =>
      (await server.call('POST', `/v1/sys/locked-users/${from}/unlock/${name}`, {}, { 'X-Vault-Token': token })).status
    const denied = await server.tokenWith(
      'path "sys/locked-users/*" { capabilities = ["update"] }\npath "sys/locked-users/+/unlock/carl" { capabilities = ["deny"] }',
    )
    expect(await unlock(accessor, 'carl', denied)).to.equal(403)
    expect(await unlock(accessor, 'CARL', denied)).to.equal(403)
    for (const [from, name] of [['auth_userpass_0', 'carl'], [accessor, 'nobody']] as const) expect(await unlock(from, name)).to.equal(204) // prettier-ignore
    expect(await lockedAt('userpass')).to.include('carl')
    expect(await unlock(accessor, 'CARL')).to.equal(204)
    expect(await status('carl', right)).to.equal(200)
    expect(await lockedAt('other')).to.deep.equal(['carl'])
    expect(await lockedAt('other', `?mount_accessor=${accessor}`)).to.deep.equal([])
    expect(await status('carl', right, 'other')).to.equal(400)
  })

  it('is tuned by mount, switched off and on, and only where there are users to lock', async () => {
    await mount('tuned')
    await user('dora', 'tuned')
    await tune({ lockout_threshold: 2, lockout_duration: '10s', lockout_counter_reset_duration: '5s' }, 'tuned')
    await fail(1, 'dora', 'tuned')
    clock.advance(5000)
    await fail(1, 'dora', 'tuned')
    expect(await status('dora', right, 'tuned')).to.equal(200)
    await fail(2, 'dora', 'tuned')
    clock.advance(9000)
    expect(await status('dora', right, 'tuned')).to.equal(400)
    await tune({ lockout_disable: true }, 'tuned')
    expect(await lockedAt('tuned')).to.deep.equal([])
    await fail(6, 'dora', 'tuned')
    expect(await status('dora', right, 'tuned')).to.equal(200)
    await tune({ lockout_disable: false }, 'tuned')
    const read = await server.data('GET', 'sys/auth/tuned/tune')
    expect(read).to.include({ user_lockout_threshold: 2, user_lockout_duration: 10, user_lockout_disable: false })
    await fail(2, 'dora', 'tuned')
    expect(await status('dora', right, 'tuned')).to.equal(400)
    const refused = await server.call('POST', '/v1/sys/auth/token/tune', { user_lockout_config: { lockout_threshold: 3 } }) // prettier-ignore
    expect([refused.status, refused.text]).to.satisfy(([code, text]: [number, string]) => code === 400 && text.includes('token')) // prettier-ignore
  })

  it('is counted by namespace; the list shows those below, and each namespace its own', async () => {
    await server.data('POST', 'sys/namespaces/north')
    const inNorth = { 'X-Vault-Token': 'root', 'X-Vault-Namespace': 'north' }
    const north = async (method: string, path: string, data?: unknown, headers: Record<string, string> = inNorth) =>
      server.call(method, `/v1/${path}`, data, headers)
    await north('POST', 'sys/auth/userpass', { type: 'userpass' })
    await north('POST', 'auth/userpass/users/emil', { password_hash: hash })
    const namespaced = { 'X-Vault-Namespace': 'north' }
    for (let at = 0; at < 5; at++) await north('POST', 'auth/userpass/login/emil', { password: wrong }, namespaced)
    const list = async (headers: Record<string, string>) =>
      (await north('GET', 'sys/locked-users', undefined, headers)).body['data'] as {
        readonly by_namespace: readonly { readonly namespace_path: string; readonly counts: number }[]
        readonly total: number
      }
    const own = await list(inNorth)
    expect([own.total, own.by_namespace.map((one) => one.namespace_path)]).to.deep.equal([1, ['north/']])
    const all = await list({ 'X-Vault-Token': 'root' })
    expect(all.by_namespace.map((one) => one.namespace_path)).to.have.members(['', 'north/'])
    expect(all.total).to.equal(all.by_namespace.reduce((sum, { counts }) => sum + counts, 0))
    const [mounted] = Object.values((await north('GET', 'sys/auth')).body['data'] as Record<string, { type: string; accessor: string }>).filter(({ type }) => type === 'userpass') // prettier-ignore
    await server.data('POST', `sys/locked-users/${mounted?.accessor}/unlock/emil`)
    expect((await list(inNorth)).total, 'the root namespace has no such mount').to.equal(1)
    await north('POST', `sys/locked-users/${mounted?.accessor}/unlock/emil`)
    expect((await list(inNorth)).total).to.equal(0)
  })

  it('of approle, counts by role id; a locked one uses up no secret id', async () => {
    await server.data('POST', 'auth/approle/role/web', { role_id: 'web-id' })
    const { secret_id: id } = await server.data('POST', 'auth/approle/role/web/secret-id', { num_uses: 1 })
    const login = async (secret: unknown, role = 'web-id') =>
      server.call('POST', '/v1/auth/approle/login', { role_id: role, secret_id: secret }, {})
    for (const role of ['web-id', 'unknown-id'])
      for (let at = 0; at < 5; at++) expect((await login('guess', role)).status).to.equal(400)
    expect(shown(await login(id))).to.deep.equal(shown(await login('guess', 'unknown-id')))
    expect(await lockedAt('approle')).to.deep.equal(['unknown-id', 'web-id'])
    await server.data('POST', `sys/locked-users/${await accessorOf('approle')}/unlock/web-id`)
    expect((await login(id)).status).to.equal(200)
  })

  it('counts inline logins', async () => {
    await user('hanna')
    const inline = async (password: string) => {
      const parameter = Buffer.from(JSON.stringify({ key: 'password', value: password })).toString('base64url')
      const headers = { 'X-Vault-Inline-Auth-Path': 'auth/userpass/login/hanna', 'X-Vault-Inline-Auth-Parameter-p': parameter } // prettier-ignore
      return server.call('GET', '/v1/auth/token/lookup-self', undefined, headers)
    }
    const first = await inline(wrong)
    for (let at = 0; at < 4; at++) await inline(wrong)
    expect(await lockedAt('userpass'), first.text).to.include('hanna')
    expect((await inline(right)).text).to.equal(first.text)
    expect(await status('hanna', right)).to.equal(400)
  })

  it('counts every one of two hundred simultaneous failures', async () => {
    await tune({ lockout_threshold: '200' }, 'approle')
    await server.data('POST', 'auth/approle/role/many', { role_id: 'many-id' })
    const { secret_id: id } = await server.data('POST', 'auth/approle/role/many/secret-id')
    const login = async (secret: unknown) =>
      (await server.call('POST', '/v1/auth/approle/login', { role_id: 'many-id', secret_id: secret }, {})).status
    const guesses = async (times: number) => {
      const heard = await Promise.all(Array.from({ length: times }, async (_, at) => login(`guess-${at}`)))
      expect(new Set(heard)).to.deep.equal(new Set([400]))
    }
    await guesses(199)
    expect(await login(id)).to.equal(200)
    await guesses(200)
    expect(await login(id)).to.equal(400)
    await tune({ lockout_threshold: '0' }, 'approle')
  })

  it('checks no more simultaneous guesses than the threshold', async () => {
    await user('greta')
    const guesses = [...Array.from({ length: 40 }, () => wrong), right, right]
    const heard = await Promise.all(guesses.map(async (guess) => status('greta', guess)))
    expect(heard.filter((code) => code === 200).length, 'successes after five failures').to.be.at.most(2)
    // Whatever the order was: after them the user is locked.
    await fail(5, 'greta')
    expect(await status('greta', right)).to.equal(400)
  })

  it('is removed with its mount', async () => {
    await mount('short')
    await fail(5, 'otto', 'short')
    expect((await server.data('GET', 'sys/locked-users'))['total']).to.be.greaterThan(0)
    const before = Number((await server.data('GET', 'sys/locked-users'))['total'])
    await server.data('DELETE', 'sys/auth/short')
    expect((await server.data('GET', 'sys/locked-users'))['total']).to.equal(before - 1)
    await mount('short')
    expect(await lockedAt('short')).to.deep.equal([])
  })
})

describe('lockout of users, switched off for the server', () => {
  it('locks nobody, whatever the mount says', async () => {
    const server = await devServer(undefined, { lockoutDisabled: true })
    try {
      await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
      await server.data('POST', 'sys/auth/userpass/tune', { user_lockout_config: { lockout_threshold: 1 } })
      await server.data('POST', 'auth/userpass/users/anna', { password_hash: hash })
      const login = async (password: string) => server.call('POST', '/v1/auth/userpass/login/anna', { password }, {})
      for (let at = 0; at < 6; at++) expect((await login(wrong)).status).to.equal(400)
      expect((await login(right)).status).to.equal(200)
      expect(await server.data('GET', 'sys/locked-users')).to.deep.include({ total: 0 })
    } finally {
      await server.running.stop()
    }
  })
})
