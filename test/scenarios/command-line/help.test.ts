import { expect } from 'chai'
import { Shell } from '../../cli/support.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

/** What people are told by the command line when they ask, or when something is missing. */
describe('help and refusals of the command line', () => {
  let server: TestServer
  let shell: Shell
  before(async () => {
    server = await devServer()
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
  })
  after(async () => server.running.stop())

  it('shows the help of the given path, and of a whole mount', async () => {
    const path = (await shell.run('path-help sys/mounts/x/tune')).out
    expect(path).to.include('sys/mounts/*path').and.not.include('sys/seal')
    expect(path.length).to.be.lessThan(3000)
    expect((await shell.run('path-help auth/token/create')).out)
      .to.include('num_uses')
      .and.not.include('auth/token/roles')
    expect((await shell.run('path-help sys/')).out).to.include('sys/seal')
    // A secrets engine has paths only for what its users can do.
    for (const line of [
      'path-help secret',
      'path-help secret/data/x',
      'path-help secret/metadata',
      'path-help secret/x',
    ]) {
      const { out } = await shell.run(line)
      expect(out, line)
        .to.match(/secret\/(?:data|metadata)/)
        .and.not.include('Not a path')
      expect(out.length, line).to.be.lessThan(8000)
    }
    const missing = await shell.run('path-help nothing/here')
    expect([missing.code, missing.err.includes('nothing is mounted there')]).to.deep.equal([2, true])
  })

  it('has examples, flags of the command before those of the connection, and names methods that exist', async () => {
    const { out } = await shell.run('kv get -h')
    expect(out).to.match(/Examples:[^]*kv get[^]*\nFlags:[^]*-version[^]*\nConnection flags:[^]*-address/)
    expect((await shell.run('login -h')).out).to.not.match(/radius/)
    for (const line of ['login -method=bogus', 'auth help bogus']) {
      const { code, err } = await shell.run(line)
      expect(code, line).to.be.greaterThan(0)
      expect(err, line).to.match(/supported.*: token, userpass, approle, jwt, oidc, kubernetes, cert, ldap$/m)
      expect(err, line).to.not.match(/radius/)
    }
  })

  it('lists the commands of a group, and of a group inside it', async () => {
    const { code, out } = await shell.run('operator snapshot -h')
    expect(code).to.equal(0)
    expect(out)
      .to.match(/^Usage: strongroom operator snapshot <subcommand>/)
      .and.include('operator snapshot save')
    expect(out).to.not.match(/operator init|raft/)
    expect((await shell.run('operator -h')).out)
      .to.include('operator init')
      .and.include('operator raft snapshot save')
    const mistyped = await shell.run('kv metadata gett')
    expect([mistyped.code, mistyped.err.split('\n')[0]]).to.deep.equal([1, 'There is no command kv metadata gett. Did you mean kv metadata get?']) // prettier-ignore
    expect(mistyped.err).to.include('kv metadata put')
  })

  it('names the next command for a sealed server', async () => {
    const sealed = await devServer()
    await sealed.call('PUT', '/v1/sys/seal')
    const { code, err } = await new Shell({ VAULT_ADDR: sealed.running.address, VAULT_TOKEN: 'root' }).run(
      'secrets list',
    )
    await sealed.running.stop()
    expect([code, err.includes('* Vault is sealed')]).to.deep.equal([2, true])
    expect(err).to.match(/\n {2}next: the server is sealed: .*"strongroom operator unseal"/)
  })

  it('shows the release beside the API level', async () => {
    expect((await shell.run('status')).out).to.match(/^Version +2\.\d+\.\d+ \(strongroom \d+\.\d+\.\d+\)$/m)
    const inJson = JSON.parse((await shell.run('status -format=json')).out) as Readonly<Record<string, unknown>>
    expect([inJson['version'], inJson['strongroom_release']].map((one) => /^\d+\.\d+\.\d+$/.test(String(one)))).to.deep.equal([true, true]) // prettier-ignore
    expect((await shell.run('status -format=yaml')).out).to.match(/^strongroom_release: "?\d+\.\d+\.\d+"?$/m)
    for (const path of ['sys/health', 'sys/seal-status'])
      expect((await server.call('GET', `/v1/${path}`)).body['strongroom_release']).to.match(/^\d+\.\d+\.\d+$/)
  })

  it('names a missing namespace, a missing mount, and an empty share', async () => {
    for (const line of [
      'read NS sys/mounts',
      'kv get NS secret/x',
      'kv put NS secret/x a=b',
      'namespace list NS',
      'secrets list NS',
      'write NS secret/x a=b',
    ]) {
      const { code, out, err } = await shell.run(line.replace('NS', '-namespace=nowhere'))
      expect([code, out], line).to.deep.equal([2, ''])
      expect(err, line).to.match(/\n {2}next: there is no namespace nowhere\//)
    }
    for (const line of [
      'read nothing/x',
      'list nothing',
      'write nothing/x a=b',
      'kv get nothing/x',
      'kv list -format=json nothing',
    ]) {
      const { code, out, err } = await shell.run(line)
      expect([code, out.trim().replace('{}', '')], line).to.deep.equal([2, ''])
      expect(err, line).to.match(/nothing is mounted there.*secrets list/)
    }
    expect((await shell.run('read secret/data/none')).err).to.equal('No value found at secret/data/none\n')
    expect((await shell.run(['operator', 'unseal', '  '])).err).to.include('the key share is empty')
    expect((await shell.run('login -method=userpass username=a password=b')).err).to.include('auth list')
  })

  it('points from a refusal to the question that explains it, or to the login that is missing', async () => {
    await shell.run('namespace create team')
    const token = (await shell.run('token create -policy=default -field=token')).out
    const other = new Shell({ ...shell.env, VAULT_TOKEN: token })
    for (const line of [
      'read secret/data/x',
      'list -format=json secret/metadata',
      'write secret/data/x a=b',
      'delete secret/data/x',
      'token create',
      'read -namespace=team sys/mounts',
      'operator seal',
      ['read', "secret/data/it's"],
    ]) {
      const { code, out, err } = await other.run(line)
      expect([code, out], String(line)).to.deep.equal([2, ''])
      const [, question = ''] = /\n {2}next: "strongroom ([^\n]*)" shows the deciding rule/.exec(err) ?? []
      const words =
        question
          .match(/'[^ ]+'|\S+/g)
          ?.map((word) => word.replaceAll(`'"'"'`, '\0').replaceAll("'", '').replaceAll('\0', "'")) ?? []
      expect((await other.run(words)).out, `${String(line)}: ${question}`).to.match(/^Denied: /)
    }
    expect((await other.run('kv get secret/x')).err).to.include('policy explain read PATH')
    for (const [sent, hint] of [
      ['', 'no token was sent'],
      ['nonsense', 'unknown, expired or revoked'],
    ]) {
      const stranger = new Shell({ ...shell.env, VAULT_TOKEN: sent as string })
      for (const line of ['token lookup', 'policy explain read secret/data/x'])
        expect((await stranger.run(line)).err, `${sent} ${line}`).to.match(
          new RegExp(`next: .*${hint}.*strongroom login`),
        )
    }
  })

  it('takes -1 for the lifetimes of the server when a mount is tuned', async () => {
    for (const none of ['-1', '-1s', 'system']) {
      await shell.run('secrets tune -default-lease-ttl=1h -max-lease-ttl=2h secret')
      expect((await shell.run(`secrets tune -default-lease-ttl=${none} -max-lease-ttl=${none} secret`)).code).to.equal(
        0,
      )
      expect((await shell.run('read -field=max_lease_ttl sys/mounts/secret/tune')).out, none).to.equal('2764800')
    }
    expect((await shell.run('secrets tune -default-lease-ttl=-5 secret')).code).to.equal(1)
  })

  it('has a command for scanning, paging, taking keys out, members, releases and new shares', async () => {
    const done = async (line: string): Promise<string> => {
      const { code, out, err } = await shell.run(line)
      expect(code, `${line}: ${err}`).to.equal(0)
      return out
    }
    for (const path of ['a', 'b', 'c', 'deep/d']) await done(`kv put secret/${path} x=1 y=2`)
    expect(await done('kv scan secret')).to.equal('Keys\n----\na\nb\nc\ndeep/d\n')
    expect(await done('scan secret/metadata')).to.include('deep/d')
    expect(await done('kv list -limit=1 -after=a secret')).to.equal('Keys\n----\nb\n')
    expect(await done('list -limit=2 -after=b secret/metadata')).to.equal('Keys\n----\nc\ndeep/\n')
    expect((await shell.run('kv list -limit=0 secret')).code).to.equal(1)
    await done('kv patch -remove-data=x secret/a')
    await done('kv patch -method=rw -remove-data=y secret/b z=3')
    expect(JSON.parse(await done('kv get -format=json -field=data secret/a'))).to.deep.equal({ y: '2' })
    expect(JSON.parse(await done('kv get -format=json -field=data secret/b'))).to.deep.equal({ x: '1', z: '3' })
    expect((await shell.run('kv patch secret/a')).code).to.equal(1)
    expect((await shell.run('kv patch -remove-data=y secret/a y=1')).code).to.equal(1)
    expect(await done('version-history')).to.match(/^Version .*\n[- ]+\n\d+\.\d+\.\d+ .* \d{4}-\d\d-\d\d\n/)
    const columns = ['Host Name', 'API Address', 'Cluster Address', 'Active Node', 'Version', 'Upgrade Version', 'Last Echo'] // prettier-ignore
    const [heading = '', , node = ''] = (await done('operator members')).split('\n')
    expect(heading.split(/ {2,}/)).to.deep.equal(columns)
    expect(node.split(/ {2,}/)[3]).to.equal('true')
    expect(node.split(/ {2,}/)[6]).to.equal('n/a')
    const { Nodes: nodes } = JSON.parse(await done('operator members -format=json')) as { readonly Nodes: readonly unknown[] } // prettier-ignore
    expect(nodes[0]).to.include({ active_node: true, last_echo: null })
    const begun = JSON.parse(await done('operator rotate-keys -init -n=2 -t=2 -format=json')) as { nonce: string }
    expect(begun.nonce).to.match(/^[0-9a-f-]{36}$/)
    expect(await done('operator rotate-keys -cancel')).to.include('Canceled')
  })
})
