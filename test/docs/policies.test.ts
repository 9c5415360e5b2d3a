import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

describe('the examples of docs/policies.md', function () {
  this.timeout(60_000)

  it('have the documented output', async () => {
    const server = await devServer()
    const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    const examples = examplesOf('docs/policies.md', 'policies')
    expect(examples).to.have.length(5)
    try {
      await reader.converses(examples)
    } finally {
      await server.running.stop()
    }
  })
})
