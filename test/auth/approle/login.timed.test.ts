import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('logins with role ids and secret ids, by the clock', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/auth/approle', { type: 'approle' })
    await server.data('POST', 'auth/approle/role/web', { role_id: 'web' })
    await server.data('POST', 'auth/approle/role/other', { role_id: 'other' })
    await server.data('POST', 'auth/approle/role/other/custom-secret-id', { secret_id: 'of-the-other' })
  })
  after(async () => server.running.stop())

  it('an unknown role id takes as long as an unknown secret id, and one of another role', async () => {
    const pairs = [['web', 'unknown'], ['web', 'of-the-other'], ['nobody', 'of-the-other']] as const // prettier-ignore
    const taken = pairs.map(() => [] as number[])
    for (let round = 0; round < 301; round++)
      for (const [at, [role_id, secret_id]] of pairs.entries()) {
        const start = performance.now()
        await server.call('POST', '/v1/auth/approle/login', { role_id, secret_id }, {})
        taken[at]?.push(performance.now() - start)
      }
    const [first = 0, ...others] = taken.map((times) => times.sort((a, b) => a - b)[150] ?? 0)
    for (const other of others) expect(other / first).to.be.within(0.5, 2)
  })
})
