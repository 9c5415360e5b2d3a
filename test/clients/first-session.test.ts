import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { devServer, openLevelServer } from '../support/server.ts'
import { program } from '../support/program.ts'

interface NodeVault {
  (options: { readonly endpoint: string; readonly token: string }): {
    readonly [method: string]: (
      ...args: unknown[]
    ) => Promise<{ readonly data: Readonly<Record<string, unknown>> } & Readonly<Record<string, unknown>>>
  }
}

describe('a first session with real clients', () => {
  it('node-vault, unmodified', async () => {
    const server = await devServer()
    const vault = (createRequire(import.meta.url)('node-vault') as NodeVault)({
      endpoint: server.running.address,
      token: 'root',
    })
    const call = async (method: string, ...args: unknown[]) => {
      const found = vault[method]
      if (!found) throw new Error(`node-vault has no ${method}`)
      return found.call(vault, ...args)
    }
    expect((await call('health'))['sealed']).to.equal(false)
    await call('mount', { mount_point: 'transit', type: 'transit' })
    await call('write', 'transit/keys/k', {})
    const { data } = await call('write', 'transit/encrypt/k', { plaintext: 'aGk=' })
    expect((await call('write', 'transit/decrypt/k', { ciphertext: data['ciphertext'] })).data['plaintext']).to.equal(
      'aGk=',
    )
    expect((await call('list', 'transit/keys')).data['keys']).to.deep.equal(['k'])
    await call('addPolicy', { name: 'p', rules: 'path "a" { capabilities = ["read"] }' })
    expect((await call('policies'))['policies']).to.include('p')
    expect((await call('tokenLookupSelf')).data['policies']).to.deep.equal(['root'])
    await call('delete', 'cubbyhole/x')
    await call('write', 'cubbyhole/handed-on', { password: 'opensesame' })
    const wrapped = await call('read', 'cubbyhole/handed-on', { headers: { 'X-Vault-Wrap-TTL': '60' } })
    expect(wrapped.data).to.equal(null)
    const { token } = wrapped['wrap_info'] as { readonly token: string }
    expect((await call('unwrap', { token })).data).to.deep.equal({ password: 'opensesame' })
    expect(await call('unwrap', { token }).catch(String)).to.include('wrapping token is not valid or does not exist')
    await call('write', 'secret/data/app', { data: { user: 'a', password: 'first' } })
    await call('update', 'secret/data/app', { data: { password: 'second' } })
    const secret = (await call('read', 'secret/data/app')).data
    expect(secret['data']).to.deep.equal({ user: 'a', password: 'second' })
    expect((await call('read', 'secret/data/app?version=1')).data['data']).to.include({ password: 'first' })
    await call('write', 'secret/metadata/app', { custom_metadata: { team: 'x' } })
    expect((await call('list', 'secret/metadata')).data['keys']).to.deep.equal(['app'])
    await call('delete', 'secret/data/app')
    const gone = await call('read', 'secret/data/app').catch((thrown: unknown) => thrown)
    expect(gone).to.have.nested.property('response.statusCode', 404)
    await call('mount', { mount_point: 'plain', type: 'kv', options: { version: '1' } })
    await call('write', 'plain/a b/ключ', { n: 1, ttl: '90s' })
    expect(await call('read', 'plain/a b/ключ')).to.include({ lease_duration: 90 })
    await call('remount', { from: 'plain', to: 'moved' })
    expect(await call('mounts')).to.have.property('moved/')
    const made = (await call('tokenCreateOrphan', { policies: ['p'], ttl: '1h' }))['auth'] as Record<string, string>
    // node-vault goes on with each token that an answer carries.
    Object.assign(vault, { token: 'root' })
    expect((await call('tokenLookup', { token: made['client_token'] })).data).to.include({ orphan: true })
    expect((await call('tokenRenew', { token: made['client_token'], increment: '2h' }))['auth']).to.include({
      lease_duration: 7200,
    })
    Object.assign(vault, { token: 'root' })
    expect((await call('tokenAccessors')).data['keys']).to.include(made['accessor'])
    await call('tokenRevokeAccessor', { accessor: made['accessor'] })
    expect(await call('tokenLookup', { token: made['client_token'] }).catch(String)).to.include('bad token')
    await call('unmount', { mount_point: 'transit' })
    expect((await call('tokenCreate', { policies: ['p'], ttl: '1h' }))['auth']).to.have.property('client_token')
    await server.running.stop()
  })

  it('our own command line, from init to verified audit log', async function () {
    this.timeout(60_000)
    const server = await openLevelServer()
    const home = temporaryFolder()
    const strongroom = async (line: string, expected = 0): Promise<string> => {
      const env = { PATH: process.env['PATH'], HOME: home, VAULT_ADDR: server.running.address }
      const done = await promisify(execFile)(process.execPath, [program, ...line.split(' ')], {
        env,
      }).catch(
        (thrown: unknown) => thrown as { readonly code: number; readonly stdout: string; readonly stderr: string },
      )
      expect((done as { readonly code?: number }).code ?? 0, `${line}\n${done.stderr}`).to.equal(expected)
      return done.stdout
    }
    expect(await strongroom(`login ${server.token}`)).to.match(/Success!/)
    await strongroom('secrets enable transit')
    await strongroom('write -f transit/keys/orders')
    const ciphertext = await strongroom('write -field=ciphertext transit/encrypt/orders plaintext=aGVsbG8=')
    expect(await strongroom(`write -field=plaintext transit/decrypt/orders ciphertext=${ciphertext}`)).to.equal(
      'aGVsbG8=',
    )
    writeFileSync(join(home, 'p.hcl'), 'path "transit/encrypt/orders" { capabilities = ["update"] }')
    await strongroom(`policy write app ${join(home, 'p.hcl')}`)
    const token = await strongroom('token create -policy=app -ttl=1h -field=token')
    expect(await strongroom(`token capabilities ${token} transit/encrypt/orders`)).to.equal('update\n')
    expect(await strongroom('list transit/keys')).to.equal('Keys\n----\norders\n')
    expect(JSON.parse(await strongroom('read -format=json sys/key-status'))).to.have.nested.property('data.term', 1)
    await strongroom('operator rotate')
    await strongroom('read transit/keys/none', 2)
    await strongroom('operator seal')
    await strongroom('status', 2)
    await strongroom(`operator unseal ${server.shares[0]}`)
    await strongroom(`operator unseal ${server.shares[2]}`)
    await strongroom('status')
    await server.running.stop()
    const log = join(server.folder, 'audit.log')
    expect(await strongroom(`audit verify ${log}`)).to.match(/^intact: \d+ lines/)
    writeFileSync(`${log}.cut`, (await promisify(execFile)('sed', ['3d', log])).stdout)
    expect(await strongroom(`audit verify ${log}.cut`, 3)).to.match(/BROKEN at .* line 3/)
  })
})
