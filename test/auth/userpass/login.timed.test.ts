import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('logins with passwords, by the clock', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
  })
  after(async () => server.running.stop())

  const tryLogin = async (name: string, password: string) =>
    server.call('POST', `/v1/auth/userpass/login/${name}`, { password }, {})

  it('CVE-2025-6011: an unknown name and a locked user take a hash as a wrong password does', async () => {
    for (const name of ['timed', 'locked']) await server.data('POST', `auth/userpass/users/${name}`, { password: 'pw' })
    for (let at = 0; at < 5; at++) await tryLogin('locked', 'wrong')
    const times = async (name: string, password = 'wrong') => {
      const taken: number[] = []
      for (let at = 0; at < 7; at++) {
        const start = performance.now()
        await tryLogin(name, password)
        taken.push(performance.now() - start)
      }
      return taken.sort((a, b) => a - b)[3] as number
    }
    const known = await times('timed')
    // Without the hash it would be a hundredth.
    expect((await times('nobody-of-that-name')) / known).to.be.within(0.3, 3)
    expect((await times('locked', 'pw')) / known).to.be.within(0.3, 3)
    expect((await times('timed', 'a'.repeat(73))) / known).to.be.within(0.3, 3)
  })

  it('many logins at once hold up nobody else, and too many are told to come back', async () => {
    const logins = Promise.all(Array.from({ length: 90 }, async () => tryLogin('nobody', 'x')))
    const start = performance.now()
    expect((await server.call('GET', '/v1/sys/health', undefined, {})).status).to.equal(200)
    expect((await server.call('POST', '/v1/secret/data/a', { data: { a: 1 } })).status).to.equal(200)
    const taken = performance.now() - start
    const statuses = (await logins).map(({ status }) => status)
    expect(new Set(statuses)).to.deep.equal(new Set([400, 503]))
    expect(statuses.filter((status) => status === 400).length).to.be.greaterThan(60)
    expect(taken).to.be.lessThan(3000)
  })
})
