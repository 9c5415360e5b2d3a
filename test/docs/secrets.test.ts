import { expect } from 'chai'
import { devServer } from '../support/server.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

describe('docs/secrets.md', function () {
  this.timeout(120_000)

  it('has the documented output, from top to bottom', async () => {
    const server = await devServer()
    const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    const examples = examplesOf('docs/secrets.md', 'secrets')
    expect(examples).to.have.length.greaterThan(7)
    const printed: string[] = []
    for (const example of examples) {
      const out = await reader.follows(example)
      if (example.promised !== undefined) expect(out, example.code).to.equal(example.promised)
      printed.push(out)
    }
    await server.running.stop()
    expect(printed.at(-2)).to.include('permission denied')
    expect(printed.at(-1)).to.match(/b$/m)
  })
})
