import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

describe('docs/key-lifecycle.md', function () {
  this.timeout(60_000)

  it('has the documented output', async () => {
    const server = await devServer()
    try {
      await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
      const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
      const examples = examplesOf('docs/key-lifecycle.md', 'lifecycle')
      expect(examples).to.have.length(3)
      await reader.converses(examples)
    } finally {
      await server.running.stop()
    }
  })
})
