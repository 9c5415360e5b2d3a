import { expect } from 'chai'
import { freePort } from '../support/free-port.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader, programAlone } from './runner/reader.ts'

describe('the examples of docs/seals.md', function () {
  this.timeout(180_000)

  it('initialise with a static seal, change its key, and go back to shares', async () => {
    const address = `127.0.0.1:${await freePort()}`
    const reader = new Reader({ ADDRESS: address, VAULT_ADDR: `http://${address}` }, programAlone)
    const examples = examplesOf('docs/seals.md', 'seals')
    expect(examples).to.have.length(3)
    // One terminal: the server of one example runs in the next. Where it is sealed, `status` ends with 2.
    const script = examples.map(({ code }) => code).join('\n')
    const printed = await reader.follows({
      kind: '',
      language: 'sh',
      code: `trap 'kill $!' EXIT\n${script}`,
      promised: undefined,
    })
    const types = [...printed.matchAll(/^Seal Type +(\w+)$/gm)].map(([, type]) => type)
    expect([types[0], types.at(-1)]).to.deep.equal(['static', 'shamir'])
    expect([...printed.matchAll(/^Sealed +(\w+)$/gm)].map(([, sealed]) => sealed)).to.deep.equal(['false', 'true', 'false', 'false']) // prettier-ignore
  })
})
