import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('the end of a policy', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())

  const put = async (expiration: unknown) =>
    server.call('PUT', '/v1/sys/policies/acl/p', { policy: 'path "a" { capabilities = ["read"] }', expiration })

  it('is given as a time, or in Unix seconds, as a number or a string', async () => {
    for (const given of ['2100-01-02T03:04:05Z', 4102542245, '4102542245']) {
      expect((await put(given)).status, String(given)).to.equal(204)
      const { expiration } = await server.data('GET', 'sys/policies/acl/p')
      expect(expiration, String(given)).to.equal('2100-01-02T03:04:05Z')
    }
  })

  it('is refused when it has passed, or is no time', async () => {
    for (const given of [
      1,
      '1',
      1_000_000_000,
      0,
      '0',
      -1,
      '1e12',
      '9999999999999',
      'tomorrow',
      '2100',
      '2100-13-45T00:00:00Z',
    ])
      expect((await put(given)).status, String(given)).to.equal(400)
  })
})
