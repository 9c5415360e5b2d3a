import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs' // prettier-ignore
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { freePort } from '../../support/free-port.ts'
import { leaveOut } from '../../support/leave-out.ts'

const sh = (command: string, ...words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8' })
  expect(status, `${command} ${words.join(' ')}\n${stdout}${stderr}`).to.equal(0)
  return stdout + stderr
}

describe('the package for Debian, in a root of its own', function () {
  this.timeout(120_000)
  const root = join(temporaryFolder(), 'root')
  const config = join(root, 'etc/strongroom/strongroom.hcl')
  let file = ''
  let server: ChildProcess | undefined
  const dpkg = (...words: readonly string[]): string =>
    sh('dpkg', `--root=${root}`, '--force-script-chrootless', '--force-depends', ...words)

  before(function () {
    if (process.getuid?.() !== 0) leaveOut(this, 'dpkg installs as root only')
    if (spawnSync('dpkg-deb', ['--version']).status !== 0) leaveOut(this, 'dpkg-deb is missing')
    if (spawnSync('systemd-sysusers', ['--version']).status !== 0) leaveOut(this, 'systemd-sysusers is missing')
    sh('packaging/deb/build.sh')
    file = resolve('build', readdirSync('build').find((name) => name.endsWith('.deb')) ?? '')
    for (const folder of ['var/lib/dpkg/info', 'var/lib/dpkg/updates', 'etc']) mkdirSync(join(root, folder), { recursive: true }) // prettier-ignore
    for (const empty of ['var/lib/dpkg/status', 'var/lib/dpkg/available', 'etc/passwd', 'etc/group']) writeFileSync(join(root, empty), '') // prettier-ignore
  })
  after(() => server?.kill('SIGKILL'))

  it('makes a user, and a configuration that only root writes and only the server reads', () => {
    expect(dpkg('-i', file)).to.include('next, certificates')
    const [, , uid, gid] = /^strongroom:.*/m.exec(readFileSync(join(root, 'etc/passwd'), 'utf8'))?.[0].split(':') ?? []
    expect(Number(uid)).to.be.greaterThan(0)
    for (const [path, mode] of [
      [config, 0o640],
      [join(root, 'etc/strongroom'), 0o750],
    ] as const) {
      const found = statSync(path)
      expect([found.uid, found.gid, found.mode & 0o777], path).to.deep.equal([0, Number(gid), mode])
    }
    expect(dpkg('--verify', 'strongroom')).to.equal('')
  })

  it('holds nothing that others may write, and no program for other machines', () => {
    const listed = sh('dpkg-deb', '-c', file).split('\n').slice(0, -1)
    expect(listed.filter((line) => /^.{5}w|^.{8}w/.test(line) && !line.startsWith('l'))).to.deep.equal([])
    expect(listed.filter((line) => /(win32|darwin|android)/.test(line))).to.deep.equal([])
    expect(listed.some((line) => / \.\/lib\//.test(line))).to.equal(false)
  })

  it('is the same, byte for byte, when it is built again', () => {
    const first = readFileSync(file)
    // Of a checkout with umask 077.
    chmodSync('dist/demo.js', 0o600)
    try {
      sh('packaging/deb/build.sh')
    } finally {
      chmodSync('dist/demo.js', 0o644)
    }
    expect(readFileSync(file).equals(first)).to.equal(true)
  })

  it('starts with its own configuration, once paths and certificates are those of a host', async () => {
    const port = await freePort()
    const changed = readFileSync(config, 'utf8')
      .replace('0.0.0.0:8200', `127.0.0.1:${port}`)
      .replaceAll(/^ *tls_(cert|key)_file.*$/gm, '')
      .replace('tls_min_version = "tls12"', 'tls_disable = true')
      .replaceAll(/"\/var\/(lib|log)\/strongroom/g, `"${root}/var/$1/strongroom`)
    writeFileSync(config, changed)
    for (const folder of ['var/lib/strongroom', 'var/log/strongroom']) mkdirSync(join(root, folder), { mode: 0o700, recursive: true }) // prettier-ignore
    const program = join(root, 'usr/bin/strongroom')
    server = spawn(program, ['server', `-config=${config}`], { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' })
    let log = ''
    server.stderr?.on('data', (part: Buffer) => (log += part.toString()))
    await new Promise<void>((started, failed) => {
      server?.stderr?.on('data', () => log.includes('"@event":"started"') && started())
      server?.once('exit', () => failed(new Error(log)))
    })
    const env = { ...process.env, VAULT_ADDR: `http://127.0.0.1:${port}` }
    const { stdout } = spawnSync(program, ['operator', 'init', '-key-shares=1', '-key-threshold=1'], { env, encoding: 'utf8', cwd: '/' }) // prettier-ignore
    expect(stdout).to.include('Unseal Key 1: ')
    server.kill('SIGTERM')
  })

  it('keeps the configuration of the operator at an upgrade, and data and logs always', () => {
    appendFileSync(config, '# ours\n')
    expect(dpkg('--force-confold', '-i', file)).to.include('was not restarted')
    expect(readFileSync(config, 'utf8')).to.match(/# ours\n$/)
    renameSync(config, join(root, 'etc/strongroom/ours.hcl'))
    expect(dpkg('-i', file)).to.include('was not restarted')
    expect(existsSync(config)).to.equal(false)
    renameSync(join(root, 'etc/strongroom/ours.hcl'), config)
    expect(dpkg('--purge', 'strongroom')).to.include('are left')
    expect(existsSync(config)).to.equal(false)
    expect(existsSync(join(root, 'usr/lib/strongroom'))).to.equal(false)
    expect(readdirSync(join(root, 'var/lib/strongroom'))).to.include('data')
    expect(readdirSync(join(root, 'var/log/strongroom'))).to.include('audit.log')
  })
})
