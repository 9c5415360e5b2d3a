import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { cpSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { freePort } from '../support/free-port.ts'
import { examplesOf } from './runner/examples.ts'
import { leaveOut } from '../support/leave-out.ts'

const codeOf = (kind: string): string =>
  examplesOf('README.md', kind)
    .filter(({ language }) => language === 'sh')
    .map(({ code }) => code)
    .join('\n')

/** The README from its first line, typed into one terminal for the server and one for its user. */
describe('the first minute of the README', function () {
  this.timeout(300_000)
  const servers: ChildProcess[] = []
  // A server stands behind make or npm: its whole group is ended.
  after(() => servers.forEach(({ pid }) => pid !== undefined && process.kill(-pid, 'SIGKILL')))

  /** Types the lines that end in a server. @returns its address, as it printed it */
  async function serving(folder: string, code: string): Promise<string> {
    const listen = `127.0.0.1:${await freePort()}`
    const env = { ...process.env, HOME: temporaryFolder(), VAULT_DEV_LISTEN_ADDRESS: listen }
    const server = spawn('bash', ['-ec', code], { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    servers.push(server)
    let said = ''
    await new Promise<void>((resolve, reject) => {
      const hear = (part: Buffer): void => {
        said += part.toString()
        if (said.includes('the server listens')) resolve()
      }
      server.stdout.on('data', hear)
      server.stderr.on('data', hear)
      server.once('exit', () => reject(new Error(said)))
    })
    return `http://${listen}`
  }

  /** Types what stands in the page for the second terminal. */
  function uses(folder: string, address: string, alias?: string): string {
    const terminal = codeOf('terminal')
    const written = alias === undefined ? terminal : terminal.replace(/^alias .*$/m, alias)
    const lines = `shopt -s expand_aliases\n${written.replace('http://127.0.0.1:8200', address)}\n${codeOf('dev')}`
    writeFileSync(join(folder, 'typed'), lines)
    const done = spawnSync('bash', ['-e', 'typed'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: temporaryFolder() },
      encoding: 'utf8',
    })
    expect(done.status, `${lines}\n${done.stdout}${done.stderr}`).to.equal(0)
    return done.stdout
  }

  it('works in a fresh checkout', async function () {
    const files = spawnSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).stdout.split('\0').filter(Boolean)
    if (files.length === 0) leaveOut(this, 'no git checkout here')
    const folder = temporaryFolder()
    for (const file of files) cpSync(file, join(folder, file))
    // As npm ci would leave it: what it downloads is here already.
    cpSync('node_modules', join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true })
    utimesSync(join(folder, 'node_modules/.package-lock.json'), new Date(), new Date())
    const out = uses(folder, await serving(folder, codeOf('checkout')))
    expect(out).to.include('card 4111').and.include('Success! Uploaded policy: app')
  })

  it('works with the packed file', async () => {
    const folder = temporaryFolder()
    const packed = spawnSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder])
    expect(packed.status).to.equal(0)
    const [file = ''] = readdirSync(folder)
    const code = codeOf('packed')
    expect(code).to.include(file)
    const alias = /^\(with the packed file: `(.+)`\)$/m.exec(readFileSync('README.md', 'utf8'))?.[1]
    expect(alias).to.be.a('string')
    const out = uses(folder, await serving(folder, code), alias)
    expect(out).to.include('card 4111').and.include('Success! Uploaded policy: app')
  })
})
