import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('numbers that JavaScript writes differently, in a body that anyone may send', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())

  it('are counted while they are read: the rest behind too many of them costs nothing', async () => {
    const nested = '['.repeat(100) + ']'.repeat(100)
    for (const literal of ['1e999', '1.50', '-0', '12345678901234567890']) {
      const body = `{"a":[${`${literal},`.repeat(20_001)}${nested}]}`
      const reply = await server.call('PUT', '/v1/sys/unseal', body)
      expect(reply.status, literal).to.equal(400)
      expect(reply.text, literal).to.include('more than 20000 numbers')
    }
  })

  it('are kept as they were sent', async () => {
    const literals = ['-0', '-1', '-1.5', '-1.50', '-123456789012345', '-1234567890123456789', '1e2', '0.10', '5']
    await server.call('PUT', '/v1/cubbyhole/numbers', `{"list":[${literals.join(',')}]}`)
    const reply = await server.call('GET', '/v1/cubbyhole/numbers')
    expect(reply.text).to.include(`[${literals.join(',')}]`)
  })

  it('are refused when they are malformed, or in place of a name', async () => {
    await server.call('PUT', '/v1/cubbyhole/none', '{"a":1}')
    for (const body of [
      '{"a":1e}',
      '{"a":-}',
      '{"a":-01}',
      '{"a":1.2.3}',
      '{"a":[5.0.]}',
      '{1.50:"a"}',
      '{"b":0.10,1e400:2}',
    ]) {
      const reply = await server.call('PUT', '/v1/cubbyhole/none', body)
      expect(reply.status, body).to.equal(400)
    }
    expect((await server.call('GET', '/v1/cubbyhole/none')).body['data']).to.deep.equal({ a: 1 })
  })
})
