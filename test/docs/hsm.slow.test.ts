import { existsSync } from 'node:fs'
import { expect } from 'chai'
import { freePort } from '../support/free-port.ts'
import { leaveOut } from '../support/leave-out.ts'
import { SoftHsm, hasSoftHsm } from '../support/services/softhsm.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader, programAlone } from './runner/reader.ts'

describe('the example with an HSM of docs/seals.md', function () {
  this.timeout(120_000)

  it('makes a key in SoftHSM, which unseals the server', async function () {
    if (!hasSoftHsm() || !existsSync('/usr/bin/pkcs11-tool'))
      leaveOut(this, 'no SoftHSM or no pkcs11-tool on this machine: `make test-seals` brings them')
    const { config } = new SoftHsm()
    const address = `127.0.0.1:${await freePort()}`
    const env = { ADDRESS: address, VAULT_ADDR: `http://${address}`, SOFTHSM2_CONF: config }
    const [example, ...others] = examplesOf('docs/seals.md', 'hsm')
    if (!example || others.length > 0) throw new Error('there is one example')
    const printed = await new Reader(env, programAlone).follows({ ...example, code: `trap 'kill $!' EXIT\n${example.code}` }) // prettier-ignore
    expect(printed).to.match(/pkcs11: it decrypts what it encrypts/)
    expect(printed)
      .to.match(/^Seal Type +pkcs11$/m)
      .and.match(/^Sealed +false$/m)
  })
})
