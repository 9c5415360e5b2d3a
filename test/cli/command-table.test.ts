import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { commandGroups } from '../../src/cli/command-table.ts'
import type { Command } from '../../src/cli/framework/command.ts'
import { devServer, levelServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { Shell, scripted } from './support.ts'

async function allCommands(): Promise<readonly Command[]> {
  return [...new Set((await Promise.all(commandGroups.map(async ({ load }) => load()))).flat())]
}

describe('the table of commands', () => {
  it('loads every family, and every command begins with the word of one', async () => {
    for (const { word, load } of commandGroups)
      expect(
        (await load()).some(({ name }) => name === word || name.startsWith(`${word} `)),
        word,
      ).to.equal(true)
    const names = (await allCommands()).map(({ name }) => name)
    expect(names).to.have.length(new Set(names).size)
  })

  it('prints the help of every command on standard output, with exit status 0', async () => {
    for (const { name } of await allCommands()) {
      const { code, out, err } = await new Shell().run(`${name} -h`)
      expect([code, err], name).to.deep.equal([0, ''])
      expect(out, name).to.match(new RegExp(`^Usage: strongroom ${name} `))
    }
  })

  it('has an exit status for every unknown command', async () => {
    const statuses: Readonly<Record<string, number>> = {
      '': 127,
      nonsense: 127,
      help: 127,
      '-h': 0,
      '--help': 0,
      '-version': 0,
      version: 0,
      kv: 1,
      'kv -h': 0,
      'kv nonsense': 1,
      'kv -field=x get a': 1,
      '-format=json status': 1,
      'version -output-curl-string': 1,
      'status now': 1,
      'token lookup -field=id': 1,
      'secrets enable -format=json transit': 1,
      'read a -format=raw extra': 1,
    }
    for (const [line, code] of Object.entries(statuses))
      expect((await new Shell().run(line === '' ? [] : line)).code, line).to.equal(code)
  })

  it('names the unknown command, and suggests a similar one', async () => {
    const said = async (line: string): Promise<string> => (await new Shell().run(line)).err.split('\n')[0] as string
    expect(await said('secerts list')).to.equal('There is no command secerts. Did you mean secrets?')
    expect(await said('plugin list')).to.equal('There is no command plugin.')
    expect(await said('kv gett -field=x a')).to.equal('There is no command kv gett. Did you mean kv get?')
    expect(await said('kv metadata lst')).to.equal('There is no command kv metadata lst.')
    expect(await said('operator raft join')).to.equal('There is no command operator raft join.')
    expect(await said('operator raft snapshot sav a')).to.equal(
      'There is no command operator raft snapshot sav. Did you mean operator raft snapshot save?',
    )
    for (const line of ['kv', 'kv metadata', 'operator raft', 'operator raft snapshot', 'kv -h', 'help'])
      expect((await new Shell().run(line)).err, line).not.to.include('There is no')
  })
})

describe('the command line against a server', () => {
  let server: TestServer
  let shell: Shell
  before(async () => {
    server = await devServer()
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
  })
  after(async () => server.running.stop())

  it('runs the commands of a first session', async () => {
    expect((await shell.run('secrets enable transit')).out).to.equal(
      'Success! Enabled the transit secrets engine at: transit/\n',
    )
    expect((await shell.run('write -f transit/keys/orders')).out).to.match(/^name +orders$/m)
    const { out: sealed } = await shell.run('write -field=ciphertext transit/encrypt/orders plaintext=aGVsbG8=')
    expect(sealed).to.match(/^vault:v1:\S+$/)
    expect(
      (await shell.run(['write', '-field=plaintext', 'transit/decrypt/orders', `ciphertext=${sealed}`])).out,
    ).to.equal('aGVsbG8=')
    expect((await shell.run('list transit/keys')).out).to.equal('Keys\n----\norders\n')
    expect((await shell.run('read transit/keys/none')).err).to.equal('No value found at transit/keys/none\n')
    expect(await shell.run('list -format=json transit/none')).to.include({ code: 2, out: '{}\n' })
  })

  it('writes data from words, files and standard input', async () => {
    const file = join(shell.home, 'note.txt')
    writeFileSync(file, 'two\nlines\n')
    shell.stdin = '{"n": 12345678901234567890, "colour": "blue"}'
    const words = ['write', 'cubbyhole/a', '-', 'colour=red', `note=@${file}`, 'handle=\\@ann', 'eq=a=b', 'empty=']
    expect((await shell.run(words)).out).to.equal('Success! Data written to: cubbyhole/a\n')
    const { out } = await shell.run('read -format=json cubbyhole/a')
    expect((JSON.parse(out) as { data: unknown }).data).to.deep.include({
      colour: ['blue', 'red'],
      empty: '',
      eq: 'a=b',
      handle: '@ann',
      note: 'two\nlines\n',
    })
    expect(out).to.include('"n": 12345678901234567890')
    for (const bad of ['x', '=x', 'x=@/no/such/file', '@/no/such/file'])
      expect((await shell.run(`write cubbyhole/a ${bad}`)).code, bad).to.equal(1)
    shell.stdin = '{"a":'
    expect((await shell.run('write cubbyhole/a -')).code).to.equal(1)
  })

  it('manages policies, tokens and their leases', async () => {
    shell.stdin = 'path "transit/*" { capabilities = ["update"] }\n'
    expect((await shell.run('policy write App -')).out).to.equal('Success! Uploaded policy: app\n')
    expect((await shell.run('policy read APP')).out).to.equal(shell.stdin)
    const { out: token } = await shell.run('token create -policy=app -ttl=1h -field=token')
    expect((await shell.run(`token capabilities ${token} transit/x`)).out).to.equal('update\n')
    expect((await shell.run(`token lookup ${token}`)).out).to.match(/^policies +\[app default\]$/m)
    expect((await shell.run(`token revoke ${token}`)).out).to.equal('Success! Revoked token (if it existed)\n')
    expect(await shell.run(`token lookup ${token}`)).to.include({ code: 2 })
    const role = 'auth/token/create-orphan'
    await shell.run('write -f -field=token auth/token/create-orphan ttl=1h')
    const id = `${role}/${(await shell.run(`list sys/leases/lookup/${role}`)).out.split('\n').at(-2) ?? ''}`
    expect((await shell.run(`lease lookup ${id}`)).out).to.match(/^path +auth\/token\/create-orphan$/m)
    expect(await shell.run(`lease renew ${id}`)).to.include({ code: 2 })
    expect((await shell.run(`lease revoke -sync ${id}`)).out).to.equal(`Success! Revoked lease: ${id}\n`)
    expect((await shell.run(`lease lookup ${id}`)).err).to.include('invalid lease')
    expect((await shell.run('policy read none')).err).to.equal('No policy named: none\n')
  })

  it('names features that a server does not support', async () => {
    const missing = { status: 404, body: { errors: ['1 error occurred:\n\t* unsupported path\n\n'] } }
    await scripted({ 'POST /v1/sys/namespaces/north': [missing] }, async (other) => {
      const { code, err } = await other.run('namespace create north')
      expect(code).to.equal(2)
      expect(err).to.include('This server has no namespaces.')
    })
  })

  it('creates, annotates, lists, locks, unlocks and removes namespaces, and works in them', async () => {
    const made = await shell.run('namespace create -custom-metadata=owner=ann -field=path lands')
    expect([made.code, made.out]).to.deep.equal([0, 'lands/'])
    await shell.run('namespace create -ns=lands höhe')
    await shell.run('namespace create -ns=lands/höhe inner')
    expect((await shell.run('namespace list')).out).to.equal('Keys\n----\nlands/\n')
    expect((await shell.run('namespace scan')).out).to.equal('Keys\n----\nlands/\nlands/höhe/\nlands/höhe/inner/\n')
    expect((await shell.run('namespace scan -ns=lands')).out).to.equal('Keys\n----\nhöhe/\nhöhe/inner/\n')
    const patch = 'namespace patch -custom-metadata=stage=test -remove-custom-metadata=owner -field=custom_metadata'
    expect((await shell.run(`${patch} lands`)).out).to.equal('map[stage:test]')
    expect(await shell.run('namespace patch lands')).to.include({ code: 1 })
    expect(await shell.run('namespace patch -custom-metadata=a=b none')).to.include({
      code: 2,
      err: 'Namespace not found\n',
    })
    await shell.run('secrets enable -ns=lands -version=2 -path=store kv')
    await shell.run('kv put -ns=lands store/a x=1')
    expect((await shell.run('kv get -field=x lands/store/a')).out).to.equal('1')
    expect((await shell.run('token create -ns=lands -policy=default -field=token')).code).to.equal(0)
    const locked = await shell.run('namespace lock lands')
    const key = /^Unlock Key: (\w{24})\n$/.exec(locked.out)?.[1] ?? ''
    expect(key).to.have.length(24)
    shell.env['VAULT_MAX_RETRIES'] = '0'
    const refused = await shell.run('kv get -ns=lands/höhe store/a')
    expect([refused.code, refused.err]).to.deep.equal([2, refused.err])
    expect(refused.err).to.include('Namespace: lands/höhe/\n').and.to.include('"lands/" must be unlocked')
    expect(await shell.run('namespace unlock -unlock-key=wrong lands')).to.include({ code: 2 })
    expect((await shell.run(`namespace unlock -unlock-key=${key} lands`)).out).to.equal(
      'Namespace unlocked successfully!\n',
    )
    const json = JSON.parse((await shell.run('namespace lock -ns=lands -format=json')).out) as object
    expect(Object.keys(json)).to.deep.equal(['unlock_key'])
    expect((await shell.run('namespace unlock -ns=lands')).err).to.include('unlocked using sudo')
    delete shell.env['VAULT_MAX_RETRIES']
    expect(await shell.run('namespace delete lands')).to.include({ code: 2 })
  })

  it('warns on standard error in tables only', async () => {
    const { out, err } = await shell.run('token create -policy=ghost -ttl=5m')
    expect(out).to.match(/^Key/)
    expect(err).to.match(/^WARNING! .*\n\n {2}\* Policy "ghost" does not exist\n\n$/)
    const json = await shell.run('token create -policy=ghost -ttl=5m -format=json')
    expect([json.err, (JSON.parse(json.out) as { warnings: unknown }).warnings]).to.deep.equal([
      '',
      ['Policy "ghost" does not exist'],
    ])
  })

  it('prompts for a token, and stores it readable for its owner only', async () => {
    const person = new Shell({ VAULT_ADDR: server.running.address })
    expect((await person.run('login')).code, 'nobody to ask').to.equal(2)
    person.typed = 'root'
    const { code, out } = await person.run('login')
    expect([code, out]).to.satisfy(([c, o]: [number, string]) => c === 0 && o.startsWith('Success! You are now'))
    const file = join(person.home, '.vault-token')
    expect(readFileSync(file, 'utf8')).to.equal('root')
    expect(statSync(file).mode & 0o777).to.equal(0o600)
    expect((await person.run('token lookup')).code).to.equal(0)
    expect((await person.run('login nobody')).code).to.equal(2)
    expect(readFileSync(file, 'utf8'), 'a failed login keeps the old one').to.equal('root')
  })

  it('restricts an existing token file that others could read', async () => {
    const person = new Shell({ VAULT_ADDR: server.running.address })
    const file = join(person.home, '.vault-token')
    writeFileSync(file, 'old', { mode: 0o644 })
    await person.run('login root')
    expect(statSync(file).mode & 0o777).to.equal(0o600)
  })

  it('verifies audit files offline: exit status 0 intact, 3 broken, 1 missing', async () => {
    const file = join(shell.home, 'audit.log')
    await shell.run(['audit', 'enable', 'file', `file_path=${file}`])
    await shell.run('policy list')
    await shell.run('policy list')
    expect((await shell.run('audit list')).out).to.match(/^file\/ +file +n\/a$/m)
    await shell.run('audit disable file')
    expect((await shell.run(['audit', 'verify', file])).code).to.equal(0)
    const lines = readFileSync(file, 'utf8').split('\n')
    writeFileSync(file, [...lines.slice(0, 2), ...lines.slice(3)].join('\n'))
    const { code, out } = await shell.run(['audit', 'verify', file])
    expect([code, out]).to.satisfy(([c, o]: [number, string]) => c === 3 && o.includes('line 3'))
    expect((await shell.run('audit verify /no/such/file')).code).to.equal(1)
  })

  it('formats a policy file, and does not change an invalid one', async () => {
    const file = join(shell.home, 'p.hcl')
    writeFileSync(file, 'path   "a/*" {\ncapabilities=["read","list"]\n}\n')
    expect((await shell.run(['policy', 'fmt', file])).code).to.equal(0)
    expect(readFileSync(file, 'utf8')).to.equal('path "a/*" {\n  capabilities = ["read", "list"]\n}\n')
    writeFileSync(file, 'path "a" { capabilities = ["fly"] }')
    expect((await shell.run(['policy', 'fmt', file])).code).to.equal(1)
    expect(readFileSync(file, 'utf8')).to.include('fly')
  })
})

describe('key-share operations over the command line, on LevelDB', () => {
  for (const doors of ['open to anybody', 'for a token only'] as const) {
    it(`init, unseal, rekey and generate-root, with the endpoints without a token ${doors}`, async () => {
      const open = 'disable_unauthed_rekey_endpoints = false\n  disable_unauthed_generate_root_endpoints = false'
      const server = await levelServer(undefined, doors === 'open to anybody' ? open : '')
      const shell = new Shell({ VAULT_ADDR: server.running.address })
      expect((await shell.run('status')).code).to.equal(2)
      expect(await shell.run('operator init -status')).to.include({ code: 2, out: 'Vault is not initialized\n' })
      const { out: paper } = await shell.run('operator init -n 3 -t 2')
      const keys = [...paper.matchAll(/^Unseal Key \d: (\S+)$/gm)].map(([, key]) => key as string)
      expect(keys).to.have.length(3)
      shell.typed = ` ${keys[0]} `
      expect((await shell.run('operator unseal')).out).to.match(/^Unseal Progress +1\/2$/m)
      shell.stdin = `${keys[2]}\n`
      expect((await shell.run('operator unseal -')).out).to.match(/^Sealed +false$/m)
      expect((await shell.run('status')).code).to.equal(0)
      if (doors === 'for a token only') {
        expect((await shell.run('operator rekey -status')).code, 'without a token').to.equal(2)
        shell.env['VAULT_TOKEN'] = /^Initial Root Token: (\S+)$/m.exec(paper)?.[1] ?? ''
      }
      await newShares(shell, keys)
      await server.running.stop()
    })
  }

  /** Changes the shares of an open server, and makes a root token with the new ones. */
  async function newShares(shell: Shell, keys: readonly string[]): Promise<void> {
    const begun = JSON.parse((await shell.run('operator rekey -init -n 2 -t 2 -format=json')).out) as { nonce: string }
    expect((await shell.run(['operator', 'rekey', keys[0] as string])).code, 'a share without its nonce').to.equal(1)
    await shell.run(['operator', 'rekey', `-nonce=${begun.nonce}`, keys[0] as string])
    const { out } = await shell.run(['operator', 'rekey', `-nonce=${begun.nonce}`, keys[1] as string])
    const fresh = [...out.matchAll(/^Key \d: (\S+)$/gm)].map(([, key]) => key as string)
    expect(fresh).to.have.length(2)
    expect((await shell.run('operator rekey -status')).out).to.match(/^Nonce +n\/a\nStarted +false$/m)

    const { out: started } = await shell.run('operator generate-root -init')
    const [, nonce = ''] = /^Nonce +(\S+)$/m.exec(started) ?? []
    const [, otp = ''] = /^OTP +(\S+)$/m.exec(started) ?? []
    await shell.run(['operator', 'generate-root', `-nonce=${nonce}`, fresh[0] as string])
    const { out: done } = await shell.run(['operator', 'generate-root', `-nonce=${nonce}`, fresh[1] as string])
    const [, encoded = ''] = /^Encoded Token +(\S+)$/m.exec(done) ?? []
    const { out: token } = await shell.run(['operator', 'generate-root', `-decode=${encoded}`, `-otp=${otp}`])
    const root = new Shell({ ...shell.env, VAULT_TOKEN: token })
    expect((await root.run('token lookup')).out).to.match(/^policies +\[root\]$/m)
    expect((await root.run('operator seal')).out).to.equal('Success! Vault is sealed.\n')
    expect((await root.run('operator seal')).code).to.equal(0)
  }
})
