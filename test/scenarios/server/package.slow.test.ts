import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { cpSync, readdirSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { freePort } from '../../support/free-port.ts'

/** The packed program, as npx runs it in a folder that holds nothing but the packed file. */
describe('the packed program', function () {
  this.timeout(180_000)
  const folder = temporaryFolder()
  let server: ChildProcess | undefined

  const npx = (words: readonly string[], env: Readonly<Record<string, string>> = {}) => ({
    words: ['--yes', './' + (readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''), ...words],
    options: { cwd: folder, env: { ...process.env, npm_config_prefer_offline: 'true', ...env } },
  })

  after(() => {
    // npx stands between this test and the server: the whole group is ended.
    if (server?.pid !== undefined && server.exitCode === null) process.kill(-server.pid, 'SIGKILL')
  })

  it('contains the files to run and to read, and nothing else', () => {
    // In a copy: packing builds afresh, and other tests run what was built here.
    const copy = temporaryFolder()
    for (const name of readdirSync('.').filter((one) => !['.git', 'build', 'dist', 'node_modules'].includes(one)))
      cpSync(name, join(copy, name), { recursive: true })
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
    const packed = spawnSync('npm', ['pack', '--json', '--silent', '--pack-destination', folder], { cwd: copy, encoding: 'utf8' }) // prettier-ignore
    expect(packed.status, packed.stderr).to.equal(0)
    const [{ files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('['))) as [
      { readonly files: readonly { readonly path: string; readonly mode: number }[] },
    ]
    const tops = new Set(files.map(({ path }) => path.split('/')[0]))
    const pages = ['CHANGELOG.md', 'LICENSE', 'README.md']
    expect([...tops].toSorted((a = '', b = '') => (a < b ? -1 : 1))).to.deep.equal([
      ...pages,
      'config',
      'dist',
      'docs',
      'package.json',
      'policies',
    ])
    expect(files.find(({ path }) => path === 'dist/main.js')?.mode).to.equal(0o755)
  })

  it('starts a development server in an empty folder, stores a secret, and ends on a signal', async () => {
    const listen = `127.0.0.1:${await freePort()}`
    const address = { VAULT_ADDR: `http://${listen}`, VAULT_TOKEN: 'root', HOME: folder }
    const flags = [`-dev-listen-address=${listen}`, '-dev-root-token-id=root', '-dev-no-store-token']
    const { words, options } = npx(['server', '-dev', ...flags])
    server = spawn('npx', words, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    await says(server, 'Root Token: root')

    const command = (line: string): string => {
      const one = npx(line.split(' '), { ...address, npm_config_cache: npmCache() })
      const done = spawnSync('npx', one.words, { ...one.options, encoding: 'utf8' })
      expect(done.status, `${line}\n${done.stdout}${done.stderr}`).to.equal(0)
      return done.stdout
    }
    command('kv put -mount=secret first note=hello')
    expect(command('kv get -mount=secret -field=note first')).to.match(/^hello\s*$/)

    const ended = new Promise((done) => server?.once('close', done))
    process.kill(-(server.pid as number), 'SIGTERM')
    await ended
    expect(await fetch(`${address.VAULT_ADDR}/v1/sys/health`).catch(() => 'nobody there')).to.equal('nobody there')
  })
})

/** Waits for a text in what a program prints. @throws with all that it printed, when it ends without */
async function says(program: ChildProcess, wanted: string): Promise<void> {
  let printed = ''
  await new Promise<void>((found, reject) => {
    const read = (part: Buffer): void => {
      printed += part.toString()
      if (printed.includes(wanted)) found()
    }
    program.stdout?.on('data', read)
    program.stderr?.on('data', read)
    program.once('close', () => reject(new Error(`ended before it said "${wanted}":\n${printed}`)))
  })
}

const npmCache = (): string => spawnSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).stdout.trim()
