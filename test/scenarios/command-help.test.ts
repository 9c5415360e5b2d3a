import { expect } from 'chai'
import { Shell } from '../cli/support.ts'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

/** What people are told by the command line when they ask, or when something is missing. */
describe('help and refusals of the command line', () => {
  let server: TestServer
  let shell: Shell
  before(async () => {
    server = await devServer()
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    shell.errIsTerminal = true
  })
  after(async () => server.running.stop())

  it('tells about the path that was asked, and about a mount all of it', async () => {
    const path = (await shell.run('path-help sys/mounts/x/tune')).out
    expect(path).to.include('sys/mounts/*path').and.not.include('sys/seal')
    expect(path.length).to.be.lessThan(3000)
    expect((await shell.run('path-help auth/token/create')).out)
      .to.include('num_uses')
      .and.not.include('auth/token/roles')
    expect((await shell.run('path-help sys/')).out).to.include('sys/seal')
    const missing = await shell.run('path-help nothing/here')
    expect([missing.code, missing.err.includes('nothing is mounted there')]).to.deep.equal([2, true])
  })

  it('has examples, flags of the command before those of the connection, and names methods that exist', async () => {
    const { out } = await shell.run('kv get -h')
    expect(out).to.match(/For example:[^]*kv get[^]*\nFlags:[^]*-version[^]*\nFlags for the connection:[^]*-address/)
    expect((await shell.run('login -h')).out).to.not.match(/userpass|ldap|kubernetes/)
  })

  it('shows the release beside the API level', async () => {
    expect((await shell.run('status')).out).to.match(/^Version +2\.\d+\.\d+ \(strongroom \d+\.\d+\.\d+\)$/m)
    for (const path of ['sys/health', 'sys/seal-status'])
      expect((await server.call('GET', `/v1/${path}`)).body['strongroom_release']).to.match(/^\d+\.\d+\.\d+$/)
  })

  it('names a namespace that may be missing, an empty share, and where a refusal is explained', async () => {
    expect((await shell.run('kv get -namespace=nowhere secret/x')).err).to.include('namespace nowhere/')
    expect((await shell.run(['operator', 'unseal', '  '])).err).to.include('the key share is empty')
    const token = (await shell.run('token create -policy=default -field=token')).out
    const other = new Shell({ ...shell.env, VAULT_TOKEN: token })
    other.errIsTerminal = true
    expect((await other.run('read secret/data/x')).err).to.include('policy explain')
    other.errIsTerminal = false
    expect((await other.run('read secret/data/x')).err).to.not.include('policy explain')
  })
})
