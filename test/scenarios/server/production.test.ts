import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect } from 'chai'
import { Shell } from '../../cli/support.ts'
import { certificateFiles } from '../../support/certificate.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { program } from '../../support/program.ts'

/** The production path as its operators go it: a process of its own, TLS, LevelDB, a declared audit file, the command line. */
describe('a production server', () => {
  const folder = temporaryFolder()
  const files = certificateFiles()
  const config = join(folder, 'strongroom.hcl')
  const audit = join(folder, 'audit.log')
  let address = ''
  let child: ChildProcess
  let shell: Shell
  let shares: readonly string[] = []

  const start = async (): Promise<string> => {
    // A wide umask: the server must not depend on whoever starts it.
    const line = `umask 000; exec ${process.execPath} ${program} server -config=${config}`
    child = spawn('/bin/sh', ['-c', line], { stdio: ['ignore', 'pipe', 'pipe'] })
    return new Promise((resolve) => {
      let said = ''
      const hear = (part: Buffer): void => {
        said += part.toString()
        if (said.includes('listens on')) resolve(said)
      }
      child.stdout?.on('data', hear)
      child.stderr?.on('data', hear)
      child.once('exit', () => resolve(said))
    })
  }
  const run = async (line: string): Promise<string> => {
    const { code, out, err } = await shell.run(line)
    expect(code, `${line}: ${err}`).to.equal(0)
    return out
  }
  const unseal = async (): Promise<void> => {
    for (const share of shares.slice(0, 3)) await run(`operator unseal ${share}`)
  }
  const shownCertificate = async (): Promise<string> => {
    const { hostname, port } = new URL(address)
    const socket = connect({
      host: hostname,
      port: Number(port),
      ca: readFileSync(files.cert),
      rejectUnauthorized: false,
    })
    await once(socket, 'secureConnect')
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }
  const levels = async (): Promise<string[]> => {
    const { data } = JSON.parse(await run('read -format=json sys/loggers')) as {
      data: Readonly<Record<string, string>>
    }
    return [...new Set(Object.values(data))]
  }
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; !(await holds()); tries++) {
      if (tries === 200) throw new Error('it did not come to that')
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }

  before(async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    address = `https://127.0.0.1:${(probe.address() as AddressInfo).port}`
    probe.close()
    const listener = `  address = "${address.slice('https://'.length)}"\n  tls_cert_file = "${files.cert}"\n  tls_key_file = "${files.key}"`
    writeFileSync(
      config,
      `storage "level" {\n  path = "${folder}/data"\n}\nlistener "tcp" {\n${listener}\n}\naudit "file" "file" {\n  options { file_path = "${audit}" }\n}\n`,
    )
    shell = new Shell({ VAULT_ADDR: address, VAULT_CACERT: files.cert })
    await start()
  })
  after(() => void child.kill('SIGKILL'))

  it('starts uninitialised and sealed, and is unsealed by three of five holders', async () => {
    expect((await shell.run('status')).code).to.equal(2)
    const made = JSON.parse(await run('operator init -key-shares=5 -key-threshold=3 -format=json')) as {
      readonly unseal_keys_b64: readonly string[]
      readonly root_token: string
    }
    shares = made.unseal_keys_b64
    expect(shares).to.have.length(5)
    expect((await shell.run('status')).code).to.equal(2)
    await unseal()
    expect((await shell.run('status')).code).to.equal(0)
    shell.env['VAULT_TOKEN'] = made.root_token
  })

  it('keeps secrets and keys over a restart, after which it is sealed again', async () => {
    await run('secrets enable -path=secret -version=2 kv')
    await run('secrets enable transit')
    await run('kv put -mount=secret db password=first')
    await run('write -f transit/keys/orders')
    const ciphertext = (await run('write -field=ciphertext transit/encrypt/orders plaintext=Y2FyZA==')).trim()
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).to.deep.equal([0, null])
    await start()
    expect((await shell.run('status')).code).to.equal(2)
    expect((await shell.run('kv get -mount=secret db')).code).to.equal(2)
    await unseal()
    expect(await run('kv get -mount=secret -field=password db')).to.include('first')
    expect(await run(`write -field=plaintext transit/decrypt/orders ciphertext=${ciphertext}`)).to.include('Y2FyZA==')
  })

  it('lets nobody else read its files, whatever the umask was', () => {
    const modes = [folder, join(folder, 'data')].flatMap((place) =>
      readdirSync(place, { withFileTypes: true })
        .filter(({ name }) => place !== folder || name === 'data' || name.startsWith('audit'))
        .map(({ name }) => [name, statSync(join(place, name)).mode & 0o077] as const),
    )
    expect(modes.length).to.be.greaterThan(4)
    for (const [name, mode] of modes) expect(mode, name).to.equal(0)
  })

  it('refuses TLS 1.1, and a second server on its storage', async () => {
    const { hostname, port } = new URL(address)
    const old = connect({
      host: hostname,
      port: Number(port),
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
      rejectUnauthorized: false,
    })
    expect(
      await Promise.race([
        once(old, 'secureConnect').then(
          () => 'open',
          () => 'refused',
        ),
        once(old, 'close').then(() => 'refused'),
      ]),
    ).to.equal('refused')
    const other = join(folder, 'second.hcl')
    writeFileSync(
      other,
      readFileSync(config, 'utf8')
        .replace(/127\.0\.0\.1:\d+/, '127.0.0.1:0')
        .replace('audit.log', 'second.log'),
    )
    const second = spawn(process.execPath, [program, 'server', `-config=${other}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [second.stdout, second.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()))
    const [code] = (await once(second, 'close')) as [number]
    expect(code).to.equal(1)
    expect(said).to.include('another process has the storage open')
  })

  it('does not renegotiate, and a connection that fails below HTTP is gone', async () => {
    const { hostname, port } = new URL(address)
    const socket = connect({ host: hostname, port: Number(port), maxVersion: 'TLSv1.2', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const outcome = new Promise((resolve) => {
      socket.on('error', () => resolve('refused'))
      socket.renegotiate({ rejectUnauthorized: false }, (failed) => resolve(failed ? 'refused' : 'renegotiated'))
    })
    expect(await outcome).to.equal('refused')
    socket.destroy()
  })

  it('on SIGHUP uses its new certificate and continues in a new audit file', async () => {
    const before = await shownCertificate()
    const fresh = certificateFiles()
    copyFileSync(fresh.cert, files.cert)
    copyFileSync(fresh.key, files.key)
    renameSync(audit, `${audit}.1`)
    let heard = ''
    child.stderr?.on('data', (part: Buffer) => (heard += part.toString()))
    child.kill('SIGHUP')
    await until(async () => (await shownCertificate()) !== before && heard.includes('reloaded: '))
    const shown = await shownCertificate()
    copyFileSync(files.cert, files.key)
    child.kill('SIGHUP')
    await until(async () => /the reload failed[^\n]*\(tls_key_file\): no private key/.test(heard))
    expect(await shownCertificate()).to.equal(shown)
    copyFileSync(fresh.key, files.key)
    await run('kv get -mount=secret db')
    expect(readFileSync(audit, 'utf8')).to.include('"path":"secret/data/db"')
    const { code, out, err } = await shell.run(`audit verify ${audit}.1 ${audit}`)
    expect(code, out + err).to.equal(0)
  })

  it('on SIGHUP reloads its configuration: names errors, applies the log level, and names the settings that need a restart', async () => {
    const before = readFileSync(config, 'utf8')
    let heard = ''
    child.stderr?.on('data', (part: Buffer) => (heard += part.toString()))
    const reloaded = async (text: string, wanted: RegExp): Promise<void> => {
      heard = ''
      writeFileSync(config, text)
      child.kill('SIGHUP')
      await until(async () => wanted.test(heard))
    }
    await reloaded(`${before}\nnonsense = 1\n`, /the reload failed[^\n]*nonsense/)
    await reloaded(`${before}\nlog_level = "loud"\n`, /the reload failed[^\n]*log_level/)
    await reloaded(`${before}\nlog_level = "debug"\nmax_lease_ttl = "5h"\n`, /reloaded: [^\n]*need_restart="default_lease_ttl, max_lease_ttl"\n/) // prettier-ignore
    expect(await levels()).to.deep.equal(['debug'])
    await reloaded(before, /reloaded: what="[^"\n]*"\n/)
    expect(await levels()).to.deep.equal(['info'])
  })

  it('on SIGTERM completes requests, seals, and exits with status 0', async () => {
    const answer = shell.run('kv put -mount=secret last is=kept')
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).to.equal(0)
    await answer
    const verdict = await shell.run(`audit verify ${audit}.1 ${audit}`)
    expect(verdict.code, verdict.out + verdict.err).to.equal(0)
  })
})
