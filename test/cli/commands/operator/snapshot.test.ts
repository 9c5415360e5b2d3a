import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { measure } from '../../../../src/snapshot/sums.ts'
import { snapshotFile } from '../../../../src/snapshot/write.ts'
import { startServer } from '../../../../src/server/start.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { keyFile, sealedConfig, staticSeal } from '../../../support/seals.ts'
import { TestServer, openLevelServer, unseal } from '../../../support/server.ts'
import { unsealRestored } from '../../../support/storages/snapshot-files.ts'
import { Shell, scripted } from '../../support.ts'

async function* nothing(): AsyncGenerator<never> {}

describe('the command line, of snapshots', () => {
  const folder = temporaryFolder()
  const file = join(folder, 'a.snap')
  let server: TestServer
  let shell: Shell
  before(async () => {
    server = await openLevelServer()
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: server.token })
  })
  after(async () => server.running.stop())

  it('saves one to a file that it does not replace, and shows and checks its content', async () => {
    const saved = await shell.run(`operator snapshot save ${file}`)
    expect([saved.code, saved.out], saved.err).to.satisfy(([code, out]: [number, string]) => code === 0 && /^Success! Saved \d+ records of revision \d+/.test(out)) // prettier-ignore
    const bytes = readFileSync(file)
    expect((await shell.run(`operator snapshot save ${file}`)).code).to.be.greaterThan(0)
    expect(readFileSync(file).equals(bytes)).to.equal(true)
    expect((await shell.run(`operator snapshot save -force ${file}`)).code).to.equal(0)
    const offline = new Shell()
    const { out, code } = await offline.run(`operator snapshot inspect ${file}`)
    expect([code, out]).to.deep.equal([0, out])
    expect(out).to.match(/^After A Restore +2 of the 3 shares unseal the server$/m)
    const sha256 = (await offline.run(`operator raft snapshot inspect -field=sha256 ${file}`)).out.trim()
    expect(sha256).to.match(/^[0-9a-f]{64}$/)
    expect(JSON.parse((await offline.run(`operator snapshot inspect -format=json ${file}`)).out)).to.include({ sha256, seal_type: 'shamir', shares: 3, threshold: 2 }) // prettier-ignore
    expect((await shell.run(`operator snapshot verify ${file}`)).out).to.match(/^Intact: .*; the present shares unseal it\.$/m) // prettier-ignore
    expect((await shell.run(`operator raft snapshot verify -field=sha256 ${file}`)).out.trim()).to.equal(sha256)
  })

  it('recovers one secret out of one, to another path or in place of the present one', async () => {
    const [archive, secret] = [join(folder, 'secret.snap'), 'kv/data/app']
    await server.data('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '2' } })
    for (const at of [1, 2]) await server.data('POST', secret, { data: { at } })
    expect((await shell.run(`operator snapshot save ${archive}`)).code).to.equal(0)
    const copied = await shell.run(`operator snapshot recover -version=1 -to=kv/data/copy ${archive} ${secret}`)
    expect([copied.code, copied.out], copied.err).to.satisfy(([code, out]: [number, string]) => code === 0 && /^Success! Recovered kv\/data\/app as of .* to kv\/data\/copy\.$/m.test(out)) // prettier-ignore
    expect((await server.data('GET', 'kv/data/copy'))['data']).to.deep.equal({ at: 1 })
    await server.data('POST', secret, { data: { at: 3 } })
    const refused = await shell.run(`operator snapshot recover ${archive} ${secret}`)
    expect([refused.code, refused.err]).to.satisfy(
      ([code, err]: [number, string]) => code > 0 && err.includes('already'),
    )
    const forced = await shell.run(`operator snapshot recover -force -field=replaced ${archive} ${secret}`)
    expect([forced.code, forced.out.trim()], forced.err).to.deep.equal([0, 'true'])
    expect((await server.data('GET', secret))['data']).to.deep.equal({ at: 2 })
    for (const wrong of ['-version=0', '-version=x', '-to=', '-version='])
      expect((await shell.run(`operator snapshot recover ${wrong} ${archive} ${secret}`)).code, wrong).to.be.greaterThan(0) // prettier-ignore
  })

  it('restores one, and names the next command', async () => {
    await server.data('PUT', 'cubbyhole/later', { value: 'x' })
    const { code, out, err } = await shell.run(`operator raft snapshot restore ${file}`)
    expect([code, out], err).to.satisfy(([status, text]: [number, string]) => status === 0 && text.startsWith('Success! Restored the snapshot of ')) // prettier-ignore
    expect(err).to.include('2 of the 3 present shares unseal the server').and.include('-accept-audit-log')
    expect((await shell.run('status')).code).to.equal(2)
    expect(await unsealRestored(server)).to.include('"sealed":false')
    expect((await server.call('GET', '/v1/cubbyhole/later')).status).to.equal(404)
  })

  it('refuses files that are no snapshot, and missing files', async () => {
    const other = join(folder, 'other')
    writeFileSync(other, 'not packed')
    for (const command of ['inspect', 'verify', 'restore', 'restore -force'])
      for (const path of [other, join(folder, 'none')]) {
        const { code, err } = await shell.run(`operator snapshot ${command} ${path}`)
        expect(code, err).to.be.greaterThan(0)
        expect(err).to.match(/no snapshot|ENOENT|does not exist|no such file/i)
      }
    expect((await shell.run('status')).code).to.equal(0)
  })

  it('escapes control characters in the content of a snapshot', async () => {
    const seal = { type: 'shamir', shares: 3, threshold: 2 }
    const { records, bytes, sha256 } = await measure(nothing())
    const about = { format: 1, created: 'now', release: '1', cluster_name: 'a\u001b[2J', cluster_id: 'i', seal, revision: '1', records, bytes, audit_heads: { 'x\r': '1:' } } as const // prettier-ignore
    const forged = join(folder, 'forged.snap')
    const content = { meta: about, sha256, entries: nothing, mac: () => Buffer.alloc(32) }
    await writeFile(
      forged,
      snapshotFile(content, () => {}),
    )
    const { code, out } = await new Shell().run(`operator snapshot inspect ${forged}`)
    expect(code).to.equal(0)
    expect(out).to.include('a\\u001b[2J').and.include('Audit Head x\\u000d')
    expect(out).not.to.match(/[\u001b\r]/)
  })

  it('asks sys/storage/raft/snapshot-verify and sys/storage/raft/snapshot-force, and is content with no other response', async () => {
    const script = {
      'POST /v1/sys/storage/raft/snapshot-verify': [{ body: {} }],
      'POST /v1/sys/storage/raft/snapshot-force?revoke_tokens=true': [{ body: '<html>' }],
      'GET /v1/sys/storage/raft/snapshot': [{ body: {} }],
    }
    await scripted(script, async (fooled, asked) => {
      const commands = [`verify ${file}`, `restore -force -revoke-tokens ${file}`, `save ${join(folder, 'fooled')}`]
      for (const command of commands)
        expect((await fooled.run(`operator snapshot ${command}`)).code, command).to.be.greaterThan(0)
      expect(asked.lines).to.deep.equal(Object.keys(script))
    })
    expect(existsSync(join(folder, 'fooled'))).to.equal(false)
  })
})

describe('the command line, of snapshots of a server that a seal unseals', () => {
  it('shows seals and recovery keys, and restores with them', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'a.snap')
    const config = sealedConfig(folder, staticSeal(keyFile(folder, 'k')))
    const server = new TestServer(await startServer({ config: [config], log: () => {} }), folder, config)
    try {
      const init = await server.call('PUT', '/v1/sys/init', { recovery_shares: 3, recovery_threshold: 2 })
      server.token = String(init.body['root_token'])
      server.shares = init.body['recovery_keys'] as string[]
      const shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: server.token })
      expect((await shell.run(`operator snapshot save ${file}`)).code).to.equal(0)
      const shown = await new Shell().run(`operator snapshot inspect ${file}`)
      expect(shown.out).to.include('seals static unseal the server; 2 of the 3 recovery keys authorise')
      expect((await shell.run(`operator snapshot verify ${file}`)).out).to.include('the present seals unseal it')
      await server.data('PUT', 'cubbyhole/later', { value: 'x' })
      const { code, err } = await shell.run(`operator snapshot restore ${file}`)
      expect(code, err).to.equal(0)
      expect(err).to.include('seals static unseal the server; 2 of the 3 present recovery keys authorise')
      expect(await unsealRestored(server)).to.include('"sealed":false')
      expect((await server.call('GET', '/v1/cubbyhole/later')).status).to.equal(404)
      await server.data('PUT', 'sys/seal')
      await unseal(server)
      await server.data('PUT', 'cubbyhole/later', { value: 'x' })
    } finally {
      await server.running.stop()
    }
  })
})
