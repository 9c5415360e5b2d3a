import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface Auth {
  readonly client_token: string
  readonly policies: readonly string[]
  readonly lease_duration: number
}
const authOf = ({ status, text, body }: Reply): Auth => {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return body['auth'] as Auth
}
/** The published test vector of bcrypt for `U*U`. */
const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const wrong = { errors: ['invalid username or password'] }

describe('userpass', () => {
  const clock = new HandClock()
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
  })
  after(async () => server.running.stop())

  const write = async (path: string, data: unknown = {}, token = 'root') =>
    server.call('POST', `/v1/auth/userpass/${path}`, data, { 'X-Vault-Token': token })
  const user = async (name: string, data: Body) => {
    const reply = await write(`users/${name}`, data)
    expect(reply.status, reply.text).to.equal(204)
  }
  const read = async (name: string) => server.data('GET', `auth/userpass/users/${name}`)
  const tryLogin = async (name: string, password: unknown) =>
    server.call('POST', `/v1/auth/userpass/login/${name}`, { password }, {})
  const renew = async (token: string) =>
    server.call('POST', '/v1/auth/token/renew-self', {}, { 'X-Vault-Token': token })

  it('logs a user in with the password, whatever the case of the name', async () => {
    await user('Anna', { password: 'correct horse', token_policies: 'reader', token_ttl: '1h' })
    const reply = await tryLogin('ANNA', 'correct horse')
    expect(authOf(reply)).to.deep.include({
      policies: ['default', 'reader'],
      lease_duration: 3600,
      metadata: { username: 'anna' },
    })
    for (const password of ['correct hors', ' correct horse', 'Correct horse', 'x'.repeat(100)]) {
      const refused = await tryLogin('anna', password)
      expect([refused.status, refused.body], password).to.deep.equal([400, wrong])
    }
    for (const nothing of ['', undefined]) expect((await tryLogin('anna', nothing)).status).to.equal(400)
    const unknown = await tryLogin('nobody', 'correct horse')
    expect([unknown.status, unknown.body]).to.deep.equal([400, wrong])
    expect(await read('anna')).to.not.have.any.keys('hash', 'password', 'password_hash')
  })

  it('accepts bcrypt hashes with a cost within bounds', async () => {
    for (const spelling of ['$2a$', '$2b$', '$2y$']) {
      await user('brought', { password_hash: hash.replace('$2a$', spelling) })
      expect((await tryLogin('brought', 'U*U')).status, spelling).to.equal(200)
      expect((await tryLogin('brought', hash)).status, spelling).to.equal(400)
    }
    const refused = ['not a hash', '', hash.replace('$05$', '$04$'), hash.replace('$05$', '$13$'), `${hash}x`]
    for (const password_hash of refused)
      expect((await write('users/other', { password_hash })).status, password_hash).to.equal(400)
    expect((await write('users/other', { password: 'x', password_hash: hash })).status).to.equal(400)
    expect((await write('users/other', { token_ttl: 5 })).status).to.equal(400)
    expect((await server.call('GET', '/v1/auth/userpass/users/other')).status).to.equal(404)
  })

  it('refuses passwords of which bcrypt would ignore a part', async () => {
    await user('max', { password: 'a'.repeat(72) })
    expect((await tryLogin('max', 'a'.repeat(72))).status).to.equal(200)
    expect((await tryLogin('max', 'a'.repeat(73))).body).to.deep.equal(wrong)
    expect((await write('users/more', { password: 'a'.repeat(73) })).status).to.equal(400)
    expect((await write('users/more', { password: '🔐'.repeat(19) })).status).to.equal(400)
  })

  it('changes password and policies at paths of their own, for users that exist', async () => {
    await user('berta', { password: 'one' })
    expect((await write('users/BERTA/password', { password: 'two' })).status).to.equal(204)
    expect((await tryLogin('berta', 'one')).status).to.equal(400)
    expect((await tryLogin('berta', 'two')).status).to.equal(200)
    for (const data of [{}, { password: '' }, { password: 'x', password_hash: hash }])
      expect((await write('users/berta/password', data)).status).to.equal(400)
    expect((await write('users/berta/policies', { policies: 'b,A' })).status).to.equal(204)
    expect(await read('berta')).to.deep.include({ token_policies: ['a', 'b'], policies: ['a', 'b'] })
    expect((await write('users/berta/policies', { token_policies: 'c' })).status).to.equal(204)
    expect(await read('berta')).to.deep.include({ token_policies: ['c'] })
    expect(await read('berta')).to.not.have.property('policies')
    expect((await write('users/berta/policies', { token_policies: 'root' })).status).to.equal(400)
    for (const path of ['users/nobody/password', 'users/nobody/policies'])
      expect((await write(path, { password: 'x', token_policies: 'x' })).status, path).to.equal(400)
    expect((await server.call('GET', '/v1/auth/userpass/users/nobody')).status).to.equal(404)
  })

  it('a rule that denies the password of a user denies it at the path of the user, too', async () => {
    await user('carl', { password: 'one' })
    const token = await server.tokenWith(`
      path "auth/userpass/users/carl" { capabilities = ["update"] }
      path "auth/userpass/users/carl/password" { capabilities = ["deny"] }
      path "auth/userpass/users/carl/policies" { capabilities = ["deny"] }`)
    expect((await write('users/carl', { token_ttl: '1h' }, token)).status).to.equal(204)
    for (const data of [{ password: 'x' }, { password_hash: hash }, { token_policies: 'x' }, { policies: 'x' }])
      expect((await write('users/carl', data, token)).status, JSON.stringify(data)).to.equal(403)
    expect((await tryLogin('carl', 'one')).status).to.equal(200)
  })

  it('lists users by name, and refuses invalid names', async () => {
    await server.data('POST', 'sys/auth/listed', { type: 'userpass' })
    for (const name of ['c', 'a', 'B', 'dot.name'])
      await server.data('POST', `auth/listed/users/${name}`, { password: 'pw' })
    const keys = async (query = '') => (await server.data('GET', `auth/listed/users?list=true${query}`))['keys']
    expect(await keys()).to.deep.equal(['a', 'b', 'c', 'dot.name'])
    expect(await keys('&after=a&limit=2')).to.deep.equal(['b', 'c'])
    for (const name of ['at@host', '.dot', 'end.', 'a%20b', '%C3%A9'])
      expect((await server.call('POST', `/v1/auth/listed/users/${name}`, { password: 'x' })).status, name).to.equal(404)
    await server.data('DELETE', 'auth/listed/users/A')
    expect(await keys()).to.deep.equal(['b', 'c', 'dot.name'])
  })

  it('renews while the user has the same policies, by the limits of today', async () => {
    await user('dora', { password: 'pw', token_policies: 'a', token_ttl: '10m' })
    const { client_token: token } = authOf(await tryLogin('dora', 'pw'))
    await user('dora', { token_ttl: '20m' })
    expect(authOf(await renew(token)).lease_duration).to.equal(1200)
    await write('users/dora/policies', { token_policies: 'a,b' })
    const refused = await renew(token)
    expect([refused.status, refused.text.includes('policies have changed')]).to.deep.equal([400, true])
    await write('users/dora/policies', { token_policies: 'a' })
    expect((await renew(token)).status).to.equal(200)
    await server.data('DELETE', 'auth/userpass/users/dora')
    expect((await renew(token)).text).to.include('the user of this token no longer exists')
  })
})
