import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const rounds = 51

/** Half of them took longer: a few that the machine held up do not count. */
const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0

describe('logins with passwords, by the clock', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/auth/userpass', { type: 'userpass' })
  })
  after(async () => server.running.stop())

  const tryLogin = async (name: string, password: string) =>
    server.call('POST', `/v1/auth/userpass/login/${name}`, { password }, {})

  it('CVE-2025-6011: an unknown name, a locked user and an overlong password take as long as a wrong password', async () => {
    for (const name of ['timed', 'locked']) await server.data('POST', `auth/userpass/users/${name}`, { password: 'pw' })
    for (let at = 0; at < 5; at++) await tryLogin('locked', 'wrong')
    const kinds = {
      wrong: ['timed', 'wrong'],
      unknown: ['nobody-of-that-name', 'wrong'],
      locked: ['locked', 'pw'],
      overlong: ['timed', 'a'.repeat(73)],
    } as const
    const taken = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, [] as number[]]))
    const answers = new Set<string>()
    // All kinds in turn, the first of each round another one: what the machine does besides falls on all of them.
    const order = Object.entries(kinds)
    for (let round = 0; round < rounds; round++, order.push(order.shift() as (typeof order)[0]))
      for (const [kind, [name, password]] of order) {
        const start = performance.now()
        const { status, body } = await tryLogin(name, password)
        taken[kind]?.push(performance.now() - start)
        answers.add(JSON.stringify([status, body['errors']]))
      }
    expect([...answers]).to.deep.equal(['[400,["invalid username or password"]]'])
    const { wrong = 0, ...others } = Object.fromEntries(Object.entries(taken).map(([kind, all]) => [kind, median(all)]))
    // Without the hash it would be a hundredth, with a hash of the next cost twice as long.
    for (const [kind, other] of Object.entries(others)) expect(other / wrong, kind).to.be.within(0.7, 1.4)
  }).timeout(5 * 60_000)

  it('many simultaneous logins delay nobody else, and too many get 503 with Retry-After', async () => {
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
