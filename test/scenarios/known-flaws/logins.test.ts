import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Reply, TestServer } from '../../support/server.ts'

/** The published test vector of bcrypt for `U*U`, which is cheap to compare. */
const hash = '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const right = 'U*U'

/** Spellings of `kiki`. The Kelvin sign and the dotted capital I are what lower case makes k and i of, and of them more than one letter. */
const spellings = [
  'kiki', 'KIKI', 'Kiki', 'kIkI', '\u212aiki', 'ki\u212ai', '\u212ai\u212ai', 'K\u0130ki', 'kik\u0131', ' kiki', 'kiki ', ' kiki ', '\tkiki', 'kiki\n', 'kiki\u00a0',
  '\ufeffkiki', 'kiki\u200b', 'ki\u200bki', 'ki\u00adki', '\uff4biki', 'kiki\u0000', 'k\u0456ki', 'kiki\u0301', '\u3164kiki', 'kiki/', '/kiki', './kiki', 'kiki%20',
] // prettier-ignore

describe('known flaws: guesses at logins', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'auth/userpass/users/kiki', { password_hash: hash })
  })
  after(async () => server.running.stop())

  const tryLogin = async (name: string, password: string, inPath = encodeURIComponent): Promise<Reply> =>
    server.call('POST', `/v1/auth/userpass/login/${inPath(name)}`, { password }, {})
  const unlock = async (): Promise<void> => {
    const { accessor } = await server.data('GET', 'sys/auth/userpass')
    await server.data('POST', `sys/locked-users/${String(accessor)}/unlock/kiki`)
  }
  /** Only the answer: not the id of the request and the time. */
  const shown = ({ status, body }: Reply): string =>
    JSON.stringify([status, body['errors'], body['auth'] !== undefined])

  it('CVE-2025-6004: whatever logs in as a user is counted as this user: one counter, however it is spelled', async () => {
    const same: string[] = []
    for (const name of spellings) if ((await tryLogin(name, right)).status === 200) same.push(name)
    expect(same).to.include.members(['kiki', 'KIKI', '\u212aiki'])
    for (let first = 0; first < same.length; first++) {
      await unlock()
      for (let at = 0; at < 5; at++) await tryLogin(same[(first + at) % same.length] as string, 'wrong')
      for (const name of spellings) expect((await tryLogin(name, right)).status, `${first} ${JSON.stringify(name)}`).to.be.oneOf([400, 403, 404]) // prettier-ignore
    }
    await unlock()
    // A thousand guesses in every spelling: no more than four before the counter stops them, and the right one never gets in.
    const replies = await Promise.all(
      Array.from({ length: 1000 }, async (_, at) =>
        tryLogin(spellings[at % spellings.length] as string, `guess ${at}`),
      ),
    )
    expect(replies.every(({ status }) => status >= 400)).to.equal(true)
    for (const name of same) expect((await tryLogin(name, right)).status).to.equal(400)
    await unlock()
    expect((await tryLogin('KIKI', right)).status).to.equal(200)
  }).timeout(60_000)

  it('CVE-2025-6010, CVE-2025-6011: known or not, locked or not, with any password: the same response', async () => {
    const passwords = ['wrong', 'a'.repeat(72), 'a'.repeat(73), '\u0000', '\u{1f511}', ' U*U', 'U*U ', 'u*u']
    for (const round of [1, 2])
      for (const password of passwords) {
        const answers = new Set<string>()
        for (const name of ['kiki', 'nobody', 'KIKI', '\u212aiki', 'somebody-else']) answers.add(shown(await tryLogin(name, password))) // prettier-ignore
        expect([...answers], `${round} ${JSON.stringify(password)}`).to.have.length(1)
      }
    expect(shown(await tryLogin('kiki', right)), 'locked').to.equal(shown(await tryLogin('nobody', right)))
    await unlock()
    for (const body of ['', '{}', '{"password":""}', '{"password":null}', '{"password":[]}', '{"password":{}}', '{'])
      expect(shown(await server.call('POST', '/v1/auth/userpass/login/kiki', body, {})), body).to.equal(
        shown(await server.call('POST', '/v1/auth/userpass/login/nobody', body, {})),
      )
    await server.data('POST', 'auth/approle/role/web', { role_id: 'web' })
    const login = async (role: unknown, secret: unknown): Promise<string> =>
      shown(await server.call('POST', '/v1/auth/approle/login', { role_id: role, secret_id: secret }, {}))
    for (const secret of ['x', '', 'a'.repeat(5000), null, [], '\u0000'])
      expect(await login('web', secret), JSON.stringify(secret)).to.equal(await login('nobody', secret))
  })
})
