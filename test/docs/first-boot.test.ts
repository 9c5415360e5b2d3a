import { expect } from 'chai'
import { freePort } from '../support/free-port.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader, programAlone } from './runner/reader.ts'

describe('the examples of docs/first-boot.md', function () {
  this.timeout(60_000)

  it('start without hands, log in, make recovery keys, plan and apply', async () => {
    const address = `127.0.0.1:${await freePort()}`
    const reader = new Reader({ ADDRESS: address, VAULT_ADDR: `http://${address}` }, programAlone)
    const examples = examplesOf('docs/first-boot.md', 'boot')
    expect(examples).to.have.length(3)
    const script = examples.map(({ code }) => code).join('\n')
    const printed = await reader.follows({ kind: '', language: 'sh', code: `trap 'kill $!' EXIT\n${script}`, promised: undefined }) // prettier-ignore
    expect(printed).to.match(/^userpass\/ +userpass +\S+ +people/m)
    expect(printed).to.match(/^Total (Recovery )?Shares +3$/m)
    expect(printed).to.match(
      /No changes.*^1 to create, 1 to update, 0 to delete\..*Applied: 1 created, 1 updated, 0 deleted\..*No changes/ms,
    )
  })
})
