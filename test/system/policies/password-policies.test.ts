import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const charset = (characters: string) => `rule "charset" { charset = "${characters}" }\n`

describe('password policies over HTTP', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())

  it('none is kept that makes the same password every time', async () => {
    for (const [at, rules] of ['', charset(''), charset('q'), charset('qqq'), charset('q') + charset('qq')].entries())
      for (const policy of [`length = 20\n${rules}`, Buffer.from(`length = 20\n${rules}`).toString('base64')]) {
        const path = `sys/policies/password/p${at}`
        const reply = await server.call('PUT', `/v1/${path}`, { policy })
        expect(reply.status, rules).to.equal(400)
        expect((await server.call('GET', `/v1/${path}`)).status).to.equal(404)
        expect((await server.call('GET', `/v1/${path}/generate`)).status).to.equal(404)
      }
  })

  it('two characters make passwords that differ', async () => {
    await server.data('PUT', 'sys/policies/password/two', { policy: `length = 100\n${charset('ab')}` })
    const made = new Set<unknown>()
    for (let count = 0; count < 5; count++)
      made.add((await server.data('GET', 'sys/policies/password/two/generate'))['password'])
    expect(made.size).to.equal(5)
  })
})
