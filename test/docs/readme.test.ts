import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { devServer, levelServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { examplesOf } from './runner/examples.ts'
import { Reader } from './runner/reader.ts'

/** Follows every example of a kind. @returns what each printed */
async function followed(server: TestServer, reader: Reader, kind: string): Promise<readonly string[]> {
  const printed: string[] = []
  try {
    for (const example of examplesOf('README.md', kind)) {
      const out = await reader.follows(example)
      if (example.promised !== undefined) expect(out, example.code).to.equal(example.promised)
      printed.push(out)
    }
  } finally {
    await server.running.stop()
  }
  return printed
}

describe('the examples of the README', function () {
  this.timeout(60_000)

  it('have the documented output, with a development server', async () => {
    const server = await devServer()
    const reader = new Reader({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    const [secrets = '', encryption = '', , curl = '', node] = await followed(server, reader, 'dev')
    expect(secrets).to.match(/secondfirst$/)
    expect(encryption).to.match(/card 4111$/)
    expect(readFileSync(join(reader.folder, 'order.enc'), 'utf8')).to.match(/^vault:v1:/)
    expect(curl).to.include('"ciphertext":"vault:v1:').and.to.include('"password":"second"')
    expect(node).to.equal('node-vault\n')
  })

  it('have the documented output, with a sealed server', async () => {
    const server = await levelServer()
    const reader = new Reader({ VAULT_ADDR: server.running.address })
    symlinkSync(join(server.folder, 'audit.log'), join(reader.folder, 'audit.log'))
    const [opening = '', operating = '', audit = ''] = await followed(server, reader, 'production')
    expect(opening.match(/^Unseal Key \d: /gm)).to.have.length(5)
    expect(opening).to.match(/^Sealed +false$(?![^]*^Sealed +true$)/m)
    expect(operating).to.match(/^secret\/ +kv /m)
    expect(operating).to.match(/Success! .*sealed/i)
    expect(audit).to.match(/\d+ lines/)
  })
})
