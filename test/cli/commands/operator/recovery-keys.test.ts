import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { decrypt, generateKey, readMessage } from 'openpgp'
import { startServer } from '../../../../src/server/start.ts'
import type { RunningServer } from '../../../../src/server/start.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { keyFile, sealedConfig, staticSeal } from '../../../support/seals.ts'
import { Shell } from '../../support.ts'

describe('the command line, of a server that a seal unseals', () => {
  const folder = temporaryFolder()
  let server: RunningServer
  let shell: Shell
  before(async () => {
    const config = sealedConfig(folder, staticSeal(keyFile(folder, 'k')))
    server = await startServer({ config: [config], log: () => {} })
    shell = new Shell({ VAULT_ADDR: server.address })
  })
  after(async () => server.stop())

  it('refuses flags for key shares, before anything is made', async () => {
    for (const flag of ['-key-shares=1', '-key-threshold=1', '-pgp-keys=a']) {
      const { code, err } = await shell.run(`operator init ${flag}`)
      expect([code > 0, err.includes('-recovery-shares')], err).to.deep.equal([true, true])
    }
    expect((await shell.run('operator init -recovery-pgp-keys=')).code).to.be.greaterThan(0)
    expect((await shell.run('operator init -status')).code).to.equal(2)
  })

  it('encrypts recovery keys with PGP, shows them once, and replaces them', async () => {
    const { privateKey, publicKey } = await generateKey({ userIDs: [{ name: 'anna' }], format: 'object' })
    writeFileSync(join(folder, 'anna.pgp'), publicKey.write())
    const init = `operator init -recovery-shares=1 -recovery-threshold=1 -recovery-pgp-keys=${join(folder, 'anna.pgp')}`
    const { out } = await shell.run(init)
    const [, message = ''] = /^Recovery Key 1: (\S+)$/m.exec(out) ?? []
    const [, token = ''] = /^Initial Root Token: (\S+)$/m.exec(out) ?? []
    const { data } = await decrypt({ message: await readMessage({ binaryMessage: Buffer.from(message, 'base64') }), decryptionKeys: privateKey }) // prettier-ignore
    const status = (await shell.run('status')).out
    expect(status)
      .to.match(/^Seal Type +static$/m)
      .and.match(/^Recovery Seal Type +shamir$/m)
    expect(status)
      .to.match(/^Total Recovery Shares +1$/m)
      .and.match(/^Sealed +false$/m)

    const begun = await shell.run('operator rekey -target=recovery -init -key-shares=2 -key-threshold=2 -format=json')
    const { nonce } = JSON.parse(begun.out) as { readonly nonce: string }
    const made = await shell.run(`operator rekey -target=recovery -nonce=${nonce} -format=json ${String(data)}`)
    expect(made.code, made.err).to.equal(0)
    const { keys } = JSON.parse(made.out) as { readonly keys: readonly string[] }
    expect((await shell.run('operator rekey -init')).err).to.include('rekey-recovery-key')

    shell.env['VAULT_TOKEN'] = token
    expect((await shell.run('operator seal')).code).to.equal(0)
    for (const key of keys) expect((await shell.run(`operator unseal ${key}`)).code).to.equal(0)
    expect((await shell.run('status')).code).to.equal(0)
    expect(readFileSync(join(folder, 'audit.log'), 'utf8')).to.not.include(keys[0])
  })
})
