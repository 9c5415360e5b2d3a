import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { devServer } from '../../../support/server.ts'
import type { TestServer } from '../../../support/server.ts'
import { Shell } from '../../support.ts'

/** Keeps the token in a file, notes its arguments, and talks on standard error and, when it stores, on standard output. */
const keeper = `#!/bin/sh
echo "$# $*" >> "$HOME/calls"
echo "helper: $1" >&2
case $1 in
  get) cat "$HOME/kept" 2>/dev/null || true ;;
  store) cat > "$HOME/kept"; echo 'a word nobody wants' ;;
  erase) rm -f "$HOME/kept" ;;
esac
`

describe('a token helper', () => {
  let server: TestServer
  let shell: Shell
  const inHome = (name: string): string => join(shell.home, name)
  const calls = (): readonly string[] => readFileSync(inHome('calls'), 'utf8').trim().split('\n')
  function program(text: string, name = 'help er;touch x'): string {
    writeFileSync(inHome(name), text)
    chmodSync(inHome(name), 0o755)
    return inHome(name)
  }
  const setting = (path: string): string => `# of this user\ntoken_helper = "${path}"\n`

  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())
  beforeEach(() => {
    shell = new Shell({ VAULT_ADDR: server.running.address, PATH: process.env['PATH'] ?? '' })
  })

  it('keeps the token of a login, gives it to commands, and forgets it when it is revoked', async () => {
    writeFileSync(inHome('.vault'), setting(program(keeper)))
    const root = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    const token = (await root.run('token create -field=token')).out
    const login = await shell.run(['login', '-no-print', token])
    expect(login).to.deep.equal({ code: 0, out: '', err: 'helper: store\n' })
    expect(readFileSync(inHome('kept'), 'utf8')).to.equal(token)
    expect(existsSync(inHome('.vault-token'))).to.equal(false)
    expect(await shell.run('print token')).to.deep.equal({ code: 0, out: `${token}\n`, err: 'helper: get\n' })
    expect((await shell.run('token lookup')).out).to.include(token)
    expect(calls()).to.deep.equal(['1 store', '1 get', '1 get'])
    const revoked = await shell.run('token revoke -self')
    expect(revoked).to.deep.equal({
      code: 0,
      out: 'Success! Revoked token (if it existed)\n',
      err: 'helper: get\nhelper: erase\n',
    })
    expect(existsSync(inHome('kept'))).to.equal(false)
    expect((await shell.run('print token')).out).to.equal('\n')
  })

  it('is not asked when the environment has a token, and loses none that it did not give', async () => {
    writeFileSync(inHome('.vault'), setting(program(keeper)))
    const root = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    shell.env['VAULT_TOKEN'] = (await root.run('token create -field=token')).out
    writeFileSync(inHome('kept'), 'other')
    expect((await shell.run('token revoke -self')).err).to.equal('')
    expect(readFileSync(inHome('kept'), 'utf8')).to.equal('other')
    expect(existsSync(inHome('calls'))).to.equal(false)
  })

  it('is named in ~/.vault, or in the file of STRONGROOM_, BAO_ or VAULT_CONFIG_PATH', async () => {
    for (const variable of ['VAULT_CONFIG_PATH', 'BAO_CONFIG_PATH', 'STRONGROOM_CONFIG_PATH']) {
      program(`#!/bin/sh\necho from-${variable}\n`, variable)
      writeFileSync(inHome(`${variable}.hcl`), setting(inHome(variable)))
      shell.env[variable] = `~/${variable}.hcl`
      expect((await shell.run('print token')).out, variable).to.equal(`from-${variable}\n`)
    }
    shell.env['STRONGROOM_CONFIG_PATH'] = inHome('nowhere')
    expect(await shell.run('print token')).to.deep.include({ code: 1, out: '' })
  })

  it('that fails, or cannot be run, is named; its output is not shown', async () => {
    const failing = program('#!/bin/sh\necho hvs.secret\necho locked >&2\nexit 3\n', 'failing')
    for (const [text, words] of [
      [setting(failing), 'failed to get the token (exit status 3)'],
      [setting(inHome('absent')), 'could not be run (ENOENT)'],
      [setting(shell.home), 'could not be run (EACCES)'],
      [setting('bin/helper'), 'absolute path'],
      ['token_helper = 7', 'in double quotes'],
      ['tokenhelper = "/x"', 'no setting "tokenhelper"'],
      ['token_helper = ', 'line 1'],
    ] as const) {
      writeFileSync(inHome('.vault'), text)
      const { code, out, err } = await shell.run('token lookup')
      expect([code, out], text).to.deep.equal([1, ''])
      expect(err, text).to.include(words)
      expect(err).not.to.include('hvs.secret')
    }
    expect(existsSync(inHome('x'))).to.equal(false)
  })

  it('that fails to give or to store does not stop a login: the token is shown once', async () => {
    writeFileSync(inHome('.vault'), setting(program('#!/bin/sh\nexit 1\n', 'failing')))
    const { code, out, err } = await shell.run('login root')
    expect(code).to.equal(2)
    expect(err).to.include('failed to store the token')
    expect(out).to.match(/^token +root$/m)
    expect(existsSync(inHome('.vault-token'))).to.equal(false)
  })

  it('is not there with an empty setting, nor with a folder ~/.vault: the file is used', async () => {
    writeFileSync(inHome('.vault'), 'token_helper = ""\n')
    await shell.run('login root')
    expect(readFileSync(inHome('.vault-token'), 'utf8')).to.equal('root')
    expect((await shell.run('print token')).out).to.equal('root\n')
    rmSync(inHome('.vault'))
    mkdirSync(inHome('.vault'))
    expect((await shell.run('print token')).out).to.equal('root\n')
  })
})
