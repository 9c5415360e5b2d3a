import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs' // prettier-ignore
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Check } from '../../../src/cli/framework/command.ts'
import { diagnose } from '../../../src/server/diagnose/diagnose.ts'
import { checkMachine } from '../../../src/server/diagnose/machine.ts'
import { Shell } from '../../cli/support.ts'
import { certificate, certificateFiles } from '../../support/certificate.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { freePort } from '../../support/free-port.ts'
import { issue } from '../../support/pki.ts'
import { ProcessServer } from '../../support/processes/process-server.ts'

const plain = 'listener "tcp" { address = "127.0.0.1:0" tls_disable = true }\n'
const memory = 'storage "inmem" {}\n'

function configFile(text: string, folder = temporaryFolder()): string {
  const file = join(folder, 'strongroom.hcl')
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

/** Every check without children, by its path. */
function leaves(check: Check, path: readonly string[] = []): ReadonlyMap<string, Check> {
  if (check.children.length === 0) return new Map([[path.join(' > '), check]])
  return new Map(check.children.flatMap((child) => [...leaves(child, [...path, child.name])]))
}

async function found(text: string, name: RegExp, clock?: HandClock): Promise<string> {
  const all = [...leaves(await diagnose([configFile(text)], [], clock))].filter(([path]) => name.test(path))
  return all.map(([, { status, message, advice }]) => `${status} ${message}${advice ? ` → ${advice}` : ''}`).join('\n')
}

const tlsListener = (cert: string, key: string, more = ''): string =>
  `${more}\nlistener "tcp" { address = "127.0.0.1:0" tls_cert_file = "${cert}" tls_key_file = "${key}" }\n`

/** What is in a folder, with times of change. */
const contentOf = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${name} ${statSync(join(folder, name)).mtimeMs}`) // prettier-ignore

describe('operator diagnose', () => {
  it('finds nothing wrong with a server that can start, and creates nothing', async () => {
    const folder = temporaryFolder()
    const { cert, key } = certificateFiles({ ends: 200 * 86_400 }, folder)
    const audit = `audit "file" "f" { options { file_path = "${folder}/audit.log" } }\n`
    const text = `storage "level" { path = "${folder}/data" }\n${audit}${tlsListener(cert, key)}api_addr = "https://localhost:8200"\n`
    const file = configFile(text, folder)
    const before = contentOf(folder)
    const wrong = [...leaves(await diagnose([file]))].filter(([path, { status }]) => status !== 'ok' && !/Machine|Free space/.test(path)) // prettier-ignore
    expect(wrong).to.deep.equal([])
    expect(contentOf(folder)).to.deep.equal(before)
  })

  it('shows the faults of the configuration, and no more', async () => {
    const { status, children } = await diagnose([configFile('log_level = "loud"')])
    expect([status, children.length, children[0]?.children.length]).to.deep.equal(['fail', 1, 3])
  })

  it('says that a server runs, and leaves its storage alone', async () => {
    const port = await freePort()
    const server = new ProcessServer(['audit'], `listener "tcp" { address = "127.0.0.1:${port}" tls_disable = true }`)
    await server.start()
    try {
      await server.init()
      await server.unseal()
      const restoring = join(server.data, `restoring-${'0'.repeat(32)}`)
      mkdirSync(restoring)
      const all = leaves(await diagnose([server.config]))
      expect(all.get('Storage')?.message).to.equal('a server runs on it; it was not opened')
      expect(all.get(`Listeners > http://127.0.0.1:${port} > Port`)?.message).to.equal('taken; a server runs on this storage') // prettier-ignore
      expect(existsSync(restoring)).to.equal(true)
      expect((await server.call('GET', 'sys/mounts')).status).to.equal(200)
      await server.kill('SIGTERM')
      expect(leaves(await diagnose([server.config])).get('Storage')?.message).to.match(/^it opens; revision [1-9]/)
    } finally {
      await server.kill()
    }
    // What it opened can be used afterwards.
    await server.start()
    expect((await server.unseal()).body['sealed']).to.equal(false)
    await server.kill('SIGTERM')
    const key = join(server.folder, 'unseal.key')
    writeFileSync(key, Buffer.alloc(32, 7), { mode: 0o600 })
    const sealed = `${readFileSync(server.config, 'utf8')}seal "static" { current_key_id = "a" current_key = "file://${key}" }\n`
    const seals = leaves(await diagnose([configFile(sealed)]))
    expect(seals.get('Seals > static')?.status).to.equal('ok')
    expect(seals.get('Seals > Seal of the storage')?.advice).to.include('operator unseal -migrate')
  })

  it('finds ports that are taken, and addresses of other machines', async () => {
    const other = createServer()
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done))
    const { port } = other.address() as AddressInfo
    const taken = `${memory}listener "tcp" { address = "127.0.0.1:${port}" tls_disable = true }`
    expect(await found(taken, /Port/)).to.equal(`fail another program listens on it → see which one: ss -ltnp 'sport = :${port}'`) // prettier-ignore
    other.close()
    const away = 'listener "tcp" { address = "203.0.113.7:8200" tls_disable = true unsafe_allow_tls_disable_on_network = true }' // prettier-ignore
    expect(await found(memory + away, /Port/)).to.match(/^fail this machine does not have the address/)
    expect(await found(memory + away, /TLS/)).to.match(/^warn off: whoever reads the network/)
    expect(await found(`${memory}listener "unix" { address = "/nowhere/s" }`, /Socket/)).to.match(/^fail \/nowhere is not there.* → ls -ld \/nowhere$/) // prettier-ignore
  })

  it('finds certificates that expire, do not belong to the key, or to the address', async () => {
    const folder = temporaryFolder()
    const { cert, key } = certificateFiles({ ends: 200 * 86_400 }, folder)
    const text = memory + tlsListener(cert, key)
    const at = (days: number): HandClock => new HandClock(Date.now() + days * 86_400_000)
    expect(await found(text, /Validity/)).to.match(/^ok until /)
    expect(await found(text, /Validity/, at(180))).to.match(/^warn it expires at .*, in 19 days → get a new one/)
    expect(await found(text, /Validity/, at(201))).to.match(/^fail it expired at /)
    expect(await found(text, /Validity/, at(-1))).to.match(/^fail it is not valid before /)
    expect(await found(`${text}api_addr = "https://vault.example"`, /Name/)).to.match(/^warn it is not for vault\.example/) // prettier-ignore
    expect(await found(`${text}api_addr = "https://127.0.0.1:8200"`, /Name/)).to.equal('ok it is for 127.0.0.1')
    const other = join(folder, 'other.pem')
    writeFileSync(other, certificate().key, { mode: 0o600 })
    expect(await found(memory + tlsListener(cert, other), /Certificate/)).to.match(/^fail .*is not the key of the certificate/) // prettier-ignore
  })

  it('finds chains out of order', async () => {
    const root = issue({ commonName: 'root', isAuthority: true })
    const between = issue({ commonName: 'between', issuer: root, isAuthority: true })
    const own = issue({ commonName: 'own', issuer: between, dns: ['localhost'] })
    const [cert, key] = [join(temporaryFolder(), 'c.pem'), join(temporaryFolder(), 'k.pem')]
    writeFileSync(key, own.key, { mode: 0o600 })
    const chain = async (...some: readonly { readonly cert: string }[]): Promise<string> => {
      writeFileSync(cert, some.map((one) => one.cert).join(''))
      return found(memory + tlsListener(cert, key), /Chain/)
    }
    expect(await chain(own, between)).to.equal('ok clients must know CN=root')
    expect(await chain(own, between, root)).to.equal('ok complete, up to CN=root')
    expect(await chain(own, root)).to.match(/^fail certificate 2 of the file is not the issuer/)
  })

  it('finds files that others can read or change, and folders of other users', async () => {
    const folder = temporaryFolder()
    const { cert, key } = certificateFiles({}, folder)
    const unseal = join(folder, 'unseal.key')
    writeFileSync(unseal, Buffer.alloc(32, 7))
    mkdirSync(join(folder, 'data'))
    chmodSync(join(folder, 'data'), 0o755)
    const seal = `seal "static" { current_key_id = "a" current_key = "file://${unseal}" }\n`
    const file = configFile(`storage "level" { path = "${folder}/data" }\n${seal}${tlsListener(cert, key)}`, folder)
    for (const path of [file, key, unseal]) chmodSync(path, 0o666)
    const seen = async (): Promise<readonly string[]> => {
      const { children } = await diagnose([file])
      const permissions = children.find(({ name }) => name === 'Permissions')?.children ?? []
      return permissions.map(({ status, advice }) => `${status} ${advice.split(';')[0]}`)
    }
    expect(await seen()).to.deep.equal([`fail chmod go-w ${file}`, `fail chmod o-rwx ${key}`, `fail chmod go-rwx ${unseal}`, `warn chmod 700 ${folder}/data`]) // prettier-ignore
    for (const path of [file, key, unseal]) chmodSync(path, 0o600)
    chmodSync(join(folder, 'data'), 0o700)
    expect(await seen()).to.deep.equal(['ok ', 'ok ', 'ok ', 'ok '])
    if (process.getuid?.() !== 0) return
    chownSync(join(folder, 'data'), 12345, 12345)
    expect((await seen())[3]).to.match(/^warn run this as the server's user: sudo -u '#12345'/)
  })

  it('finds audit devices that cannot be used', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'a'))
    const audit = (options: string, type = 'file'): string => `${memory}${plain}audit "${type}" "x" { options { ${options} } }` // prettier-ignore
    expect(await found(audit(`file_path = "${folder}/a.log"`), /Audit/)).to.match(/^ok /)
    expect(await found(audit(`file_path = "${folder}/none/a.log"`), /Audit/)).to.match(/^fail .*none is not there.* → ls -ld /) // prettier-ignore
    expect(await found(audit(`file_path = "${folder}/a"`), /Audit/)).to.match(/^fail .*is no regular file/)
    expect(await found(audit(`file_pth = "${folder}/a.log"`), /Audit/)).to.match(/^fail .*file_path is required/)
    expect(await found(audit('', 'fil'), /Audit/)).to.match(/^fail .*there is no such type; there are: file, socket/)
    expect(await found(memory + plain, /Audit/)).to.match(/^warn there is none: nothing is recorded → declare one/)
  })

  it('finds a clock that is behind, few descriptors, and swap', async () => {
    const folder = temporaryFolder()
    const machine = { limits: 'Max open files            1024                 4096                 files\n', swaps: 'Filename Type\n/dev/sda2 partition 1 0 -2\n/dev/zram0 partition 1 0 5\n', now: Date.now() } // prettier-ignore
    const results = async (more: Partial<typeof machine> = {}) =>
      (await checkMachine({ ...machine, ...more }, [folder])).children.map(({ status, message }) => `${status} ${message}`) // prettier-ignore
    expect((await results()).slice(0, 2)).to.deep.equal(['warn the limit is 1024', 'warn memory with secrets can be written to /dev/sda2']) // prettier-ignore
    expect((await results({ limits: '', swaps: '' })).slice(0, 2)).to.deep.equal(['skipped this system has no /proc/self/limits', 'ok there is none on a disk']) // prettier-ignore
    expect((await results())[2]).to.match(/^ok /)
    expect((await results({ now: Date.UTC(2020, 0, 1) }))[2]).to.match(/^fail it shows 2020-.*before this release was built/) // prettier-ignore
    writeFileSync(join(folder, 'later'), '')
    utimesSync(join(folder, 'later'), Date.now() / 1000, Date.now() / 1000 + 3600)
    expect((await results())[2]).to.match(/^fail it shows .*, but files were written at /)
  })

  it('asks seals to decrypt, and has none of their secrets in its output', async () => {
    const port = await freePort()
    const seal = `seal "transit" { address = "http://127.0.0.1:${port}" token = "canary5e7d" key_name = "k" }`
    const shell = new Shell()
    const { code, out, err } = await shell.run(`operator diagnose ${configFile(`${memory}${plain}${seal}`)}`)
    expect(code).to.equal(1)
    expect(out).to.match(/\[ *fail *\] transit: the server with the transit key cannot be used/)
    expect(out + err).to.not.include('canary5e7d')
  })

  it('has exit status 2 for warnings, and JSON with the members of OpenBao', async () => {
    const file = configFile(memory + plain)
    const { code, out } = await new Shell().run(`operator diagnose -format=json -skip=listener,autounseal ${file}`)
    expect(code).to.equal(2)
    const { name, status, Advice, children } = JSON.parse(out) as Readonly<Record<string, unknown>>
    expect([name, status, Advice]).to.deep.equal(['strongroom', 'warn', ''])
    const listeners = (children as readonly Check[]).find((child) => child.name === 'Listeners')
    expect(listeners).to.deep.equal({ name: 'Listeners', status: 'skipped', Advice: '' })
    const { code: wrong, err } = await new Shell().run(`operator diagnose -skip=everything ${file}`)
    expect([wrong, err]).to.deep.equal([1, '-skip is any of listener, storage, autounseal, not "everything"\n'])
  })
})
