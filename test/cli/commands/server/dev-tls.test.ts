import { X509Certificate } from 'node:crypto'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { devCertificates, isServerName } from '../../../../src/crypto/encoding/dev-certificates.ts'
import { randomBytes } from '../../../../src/crypto/fast/random.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { program } from '../../../support/program.ts'

const home = temporaryFolder()
const world = (more: Readonly<Record<string, string>> = {}) => ({
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  ...more,
})

/** Runs the program to its end. */
async function ended(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [program, ...args], { env: world(env) })
  let [out, err] = ['', '']
  child.stdout.on('data', (part: Buffer) => (out += part.toString()))
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

/** A development server with TLS, and the variables that its banner tells to export. */
interface Started {
  readonly child: ChildProcess
  readonly env: { readonly VAULT_ADDR: string; readonly VAULT_CACERT: string }
}

async function started(...flags: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [program, 'server', '-dev-tls', '-dev-listen-address=127.0.0.1:0', ...flags], {
    env: world(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const banner = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (part: Buffer) => {
      text += part.toString()
      if (text.includes('Try: ')) resolve(text)
    })
    child.stderr.on('data', (part: Buffer) => (text += part.toString()))
    child.once('exit', () => reject(new Error(`the server ended: ${text}`)))
  })
  const exported = (name: string): string => new RegExp(`export ${name}='(.+)'`).exec(banner)?.[1] ?? ''
  return { child, env: { VAULT_ADDR: exported('VAULT_ADDR'), VAULT_CACERT: exported('VAULT_CACERT') } }
}

async function stopped({ child }: Started): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await gone).to.deep.equal([0, null])
}

describe('server -dev-tls', () => {
  it('speaks TLS under an authority of its own, in a folder that goes with it', async () => {
    const server = await started()
    try {
      expect(server.env.VAULT_ADDR).to.match(/^https:\/\/127\.0\.0\.1:\d+$/)
      const { code, out, err } = await ended(['status'], server.env)
      expect(code, err).to.equal(0)
      expect(out).to.match(/^Sealed +false$/m)
      const { VAULT_ADDR } = server.env
      const untrusted = await ended(['status'], { VAULT_ADDR, VAULT_MAX_RETRIES: '0' })
      expect(untrusted.code).to.not.equal(0)
      expect(untrusted.err).to.match(/certificate/i)
      const byName = await ended(['status'], {
        ...server.env,
        VAULT_ADDR: VAULT_ADDR.replace('127.0.0.1', 'localhost'),
      })
      expect(byName.code, byName.err).to.equal(0)
      const folder = dirname(server.env.VAULT_CACERT)
      expect(statSync(folder).mode & 0o777).to.equal(0o700)
      expect(readdirSync(folder).toSorted()).to.deep.equal(['vault-ca.pem', 'vault-cert.pem', 'vault-key.pem'])
      for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).to.equal(0o600)
    } finally {
      await stopped(server)
    }
    expect(existsSync(dirname(server.env.VAULT_CACERT))).to.equal(false)
  })

  it('has more names, and a folder of the user’s, where no file of another is written through', async () => {
    const folder = join(temporaryFolder(), 'new')
    const names = ['-dev-tls-san=vault.test', '-dev-tls-san=10.1.2.3', '-dev-tls-san=fd00::12']
    const server = await started(`-dev-tls-cert-dir=${folder}`, ...names)
    try {
      expect(server.env.VAULT_CACERT).to.equal(join(folder, 'vault-ca.pem'))
      const named = await ended(['status'], { ...server.env, VAULT_TLS_SERVER_NAME: 'vault.test' })
      expect(named.code, named.err).to.equal(0)
      const other = await ended(['status'], { ...server.env, VAULT_TLS_SERVER_NAME: 'other.test', VAULT_MAX_RETRIES: '0' }) // prettier-ignore
      expect(other.code).to.not.equal(0)
    } finally {
      await stopped(server)
    }
    expect(statSync(folder).mode & 0o777).to.equal(0o700)
    const cert = new X509Certificate(readFileSync(join(folder, 'vault-cert.pem')))
    for (const ip of ['127.0.0.1', '::1', '10.1.2.3', 'fd00::12']) expect(cert.checkIP(ip), ip).to.equal(ip)

    const shared = temporaryFolder()
    const elsewhere = join(temporaryFolder(), 'elsewhere')
    writeFileSync(elsewhere, 'somebody else’s')
    symlinkSync(elsewhere, join(shared, 'vault-key.pem'))
    writeFileSync(join(shared, 'vault-cert.pem'), 'of an earlier run', { mode: 0o644 })
    await stopped(await started(`-dev-tls-cert-dir=${shared}`))
    expect(readFileSync(elsewhere, 'utf8')).to.equal('somebody else’s')
    for (const name of readdirSync(shared)) expect(statSync(join(shared, name)).mode & 0o777, name).to.equal(0o600)
  })

  it('refuses flags without effect, invalid names, and folders that cannot be', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'full', 'vault-ca.pem'), { recursive: true })
    writeFileSync(join(folder, 'file'), '')
    const refused: readonly (readonly [RegExp, readonly string[]])[] = [
      [/-dev-tls-cert-dir has no effect/, ['-dev', `-dev-tls-cert-dir=${folder}`]],
      [/-dev-tls-san has no effect/, ['-dev', '-dev-tls-san=vault.test']],
      [/-dev-tls-san has no effect/, ['-dev', '-dev-tls=false', '-dev-tls-san=vault.test']],
      [/exclude each other/, ['-dev-tls', `-config=${folder}`]],
      [/-dev-tls-san=a b is neither a DNS name/, ['-dev-tls', '-dev-tls-san=a b']],
      [/-dev-tls-san=10\.0\.0\.0\/8 is neither/, ['-dev-tls', '-dev-tls-san=10.0.0.0/8']],
      [/cannot be written in .*file \(EEXIST\)/, ['-dev-tls', `-dev-tls-cert-dir=${join(folder, 'file')}`]],
      [/cannot be written in .*full \(/, ['-dev-tls', `-dev-tls-cert-dir=${join(folder, 'full')}`]],
    ]
    for (const [why, words] of refused) {
      const { code, out, err } = await ended(['server', '-dev-listen-address=127.0.0.1:0', ...words])
      expect(err, words.join(' ')).to.match(why)
      expect([code, out]).to.deep.equal([1, ''])
    }
  })
})

describe('a development server without TLS', () => {
  const refused = async (words: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { code, out, err } = await ended(['server', ...words], env)
    expect([code, out], words.join(' ')).to.deep.equal([1, ''])
    return err
  }
  const allow = '-dev-unsafe-allow-tls-disable-on-network'

  it('listens beyond this machine only where that is asked for by name', async () => {
    for (const address of ['0.0.0.0:0', '[::]:0', 'myhost:0', '127.1:0', '10.0.0.1:0', '[::ffff:10.0.0.1]:0']) {
      expect(await refused(['-dev', `-dev-listen-address=${address}`])).to.match(
        /in clear: .*-dev-tls.*-dev-unsafe-allow/,
      )
      for (const name of ['VAULT', 'BAO', 'STRONGROOM'])
        if (address === '0.0.0.0:0')
          expect(await refused(['-dev'], { [`${name}_DEV_LISTEN_ADDRESS`]: address })).to.include('in clear')
    }
    const child = spawn(process.execPath, [program, 'server', '-dev', '-dev-listen-address=0.0.0.0:0', allow], {
      env: world(),
    })
    let out = ''
    child.stdout.on('data', (part: Buffer) => {
      out += part.toString()
      if (out.includes('Root Token')) child.kill('SIGTERM')
    })
    await once(child, 'close')
    expect(out).to.include('http://0.0.0.0:')
  })

  it('writes its log as -log-format says', async () => {
    const words = ['server', '-dev', '-dev-listen-address=127.0.0.1:0', '-dev-no-store-token', '-log-format=json']
    const child = spawn(process.execPath, [program, ...words], { env: world() })
    let [out, err] = ['', '']
    child.stdout.on('data', (part: Buffer) => {
      out += part.toString()
      if (out.includes('Root Token')) child.kill('SIGTERM')
    })
    child.stderr.on('data', (part: Buffer) => (err += part.toString()))
    await once(child, 'close')
    const lines = err.split('\n').filter((line) => line !== '')
    expect(lines.map((line) => (JSON.parse(line) as Readonly<Record<string, string>>)['@message'])).to.include(
      'unsealed',
    )
    expect(await refused(['-dev', '-log-format=xml'])).to.include('the log format is "standard" or "json"')
  })

  it('takes the word for it only where it has an effect', async () => {
    for (const [why, words] of [
      [/no effect on 127\.0\.0\.1/, ['-dev', allow]],
      [/no effect on ::1/, ['-dev', '-dev-listen-address=[::1]:0', allow]],
      [/no effect with -dev-tls/, ['-dev-tls', '-dev-listen-address=0.0.0.0:0', allow]],
      [/is for -dev: .*unsafe_allow_tls_disable_on_network = true/, ['-config=x.hcl', allow]],
    ] as const)
      expect(await refused(words)).to.match(why)
  })
})

describe('certificates of development servers', () => {
  const now = Date.UTC(2026, 10, 30, 12)

  it('are for every name and address that they were made for, and no other', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    fc.assert(
      fc.property(fc.array(fc.oneof(address, fc.domain()), { minLength: 1, maxLength: 60 }), (names) => {
        expect(names.every(isServerName)).to.equal(true)
        const made = devCertificates(names, now, randomBytes)
        const [cert, ca] = [new X509Certificate(made.cert), new X509Certificate(made.ca)]
        for (const name of names) {
          const checked = /^[\d.]+$|:/.test(name) ? cert.checkIP(name) : cert.checkHost(name)
          expect(checked?.toLowerCase(), name).to.equal(name.toLowerCase())
        }
        expect(cert.checkHost('not-among-them.test')).to.equal(undefined)
        expect([cert.verify(ca.publicKey), ca.verify(ca.publicKey), cert.checkIssued(ca)]).to.deep.equal([true, true, true]) // prettier-ignore
        expect([ca.ca, cert.ca]).to.deep.equal([true, false])
      }),
      { numRuns: 25 },
    )
  })

  it('end after a year', () => {
    const cert = new X509Certificate(devCertificates(['localhost'], now, randomBytes).cert)
    expect([cert.validFrom, cert.validTo]).to.deep.equal(['Nov 29 12:00:00 2026 GMT', 'Nov 30 12:00:00 2027 GMT'])
  })

  it('are for no text that is no name', () => {
    for (const name of [
      '',
      ' ',
      'a b',
      'a..b',
      '.a',
      'a.',
      '-a',
      'a,DNS:b',
      'a\0b',
      'é.test',
      'fe80::1%eth0',
      '*.',
      `${'a'.repeat(64)}.test`,
      'a/b',
    ])
      // prettier-ignore
      expect(isServerName(name), JSON.stringify(name)).to.equal(false)
    for (const name of ['localhost', '*.vault.test', 'a-b.test', '::ffff:10.0.0.1'])
      expect(isServerName(name)).to.equal(true)
  })
})
