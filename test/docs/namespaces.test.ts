import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

describe('the examples of docs/namespaces.md', function () {
  this.timeout(60_000)

  it('have the documented output', async () => {
    const server = await devServer()
    try {
      const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
      const examples = examplesOf('docs/namespaces.md', 'namespaces')
      expect(examples).to.have.length(4)
      await reader.converses(examples)
    } finally {
      await server.running.stop()
    }
  })
})
