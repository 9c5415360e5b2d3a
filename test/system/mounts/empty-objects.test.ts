import { expect } from 'chai'
import { devServer } from '../../support/server.ts'

/** Clients in PHP and Lua write an empty map as an empty list; the real server reads it as one. */
describe('an empty list in place of an object', () => {
  it('is an empty object', async () => {
    const server = await devServer()
    const empty = [
      ['sys/mounts/kv', { type: 'kv', config: [], options: [] }],
      ['sys/mounts/kv/tune', { options: [], user_lockout_config: [] }],
      ['sys/namespaces/team', { custom_metadata: [] }],
      ['secret/metadata/a', { custom_metadata: [] }],
      ['secret/data/a', { data: { a: 1 }, options: [] }],
      ['secret/data/none', { data: [] }],
      ['sys/policies/explain', { policies: ['default'], path: 'kv/x', parameters: [] }],
      ['auth/token/create', { meta: [] }],
    ] as const
    for (const [path, body] of empty) {
      const { status, text } = await server.call('POST', `/v1/${path}`, body)
      expect(status, `${path}: ${text}`).to.be.lessThan(300)
    }
    for (const [path, body] of [['sys/mounts/other', { type: 'kv', config: ['a'] }], ['secret/data/b', { data: [1] }]] as const)
      expect((await server.call('POST', `/v1/${path}`, body)).status, path).to.equal(400) // prettier-ignore
    await server.running.stop()
  })
})
