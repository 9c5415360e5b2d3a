import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { ProcessServer } from '../../support/processes/process-server.ts'
import { program } from '../../support/program.ts'

/** Somebody without rights, where the tests run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

/** A start that is to fail, as the program makes it: what it says, in a process without rights. */
async function started(
  data: string,
  audit: string,
  listeners = 'listener "tcp" { address = "127.0.0.1:0" tls_disable = true }',
): Promise<string> {
  const folder = temporaryFolder()
  const config = join(folder, 'strongroom.hcl')
  writeFileSync(
    config,
    `storage "level" { path = "${data}" }\n${listeners}\naudit "file" "main" { options { file_path = "${audit}" } }\n`,
  )
  // A server that another test started in this process has set the umask.
  chmodSync(config, 0o644)
  if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid)
  const child = spawn(process.execPath, [program, 'server', `-config=${config}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    ...nobody,
  })
  let heard = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      heard += part.toString()
      if (heard.includes('listens on')) child.kill('SIGKILL')
    })
  const [code] = (await once(child, 'close')) as [number | null]
  expect(code, heard).to.equal(1)
  expect(heard).to.not.match(/\n\s+at |\.ts:|\.js:|node:internal|Error:/)
  return withoutStart(heard)
}

/** The log says first what is started. */
const withoutStart = (heard: string): string =>
  heard.replace(/^\d{4}-\S+ \[INFO\] {2}core: the server starts: [^\n]*\n/, '')

const ours = (folder: string, mode = 0o700): string => {
  mkdirSync(folder)
  if (nobody.uid !== undefined) chownSync(folder, nobody.uid, nobody.gid)
  chmodSync(folder, mode)
  return folder
}

describe('a start that fails', function () {
  this.timeout(60_000)
  let folder = ''
  beforeEach(() => {
    folder = temporaryFolder()
    chmodSync(folder, 0o755)
  })
  const told = async (data: string, audit: string, ...words: readonly (string | RegExp)[]): Promise<void> => {
    const heard = await started(data, audit)
    for (const word of words)
      if (typeof word === 'string') expect(heard).to.include(word)
      else expect(heard).to.match(word)
    // One line: file, setting, cure.
    expect(heard.trim().split('\n'), heard).to.have.length(1)
  }

  it('names the audit file, its setting and the cure', async () => {
    const place = ours(join(folder, 'ours'))
    const data = join(place, 'data')
    const named = (file: string): string => `${file} (file_path of audit "file" "main")`
    for (const stream of ['/dev/stdout', '/dev/stderr', '/dev/fd/1', '/proc/self/fd/1'])
      await told(data, stream, named(stream), 'file_path = "stdout"')
    const missing = join(folder, 'missing', 'audit.log')
    await told(data, missing, named(missing), 'its folder does not exist; make it')
    await told(data, place, named(place), 'name a file in it')
    const link = join(place, 'link.log')
    symlinkSync(join(place, 'elsewhere.log'), link)
    await told(data, link, named(link), 'name the file itself')
    mkdirSync(join(folder, 'theirs'))
    chmodSync(join(folder, 'theirs'), 0o555)
    const barred = join(folder, 'theirs', 'audit.log')
    await told(data, barred, named(barred), 'may not write', 'chown')
  })

  it('names the data folder, its setting and the cure, and changes nothing there', async () => {
    const audit = join(ours(join(folder, 'ours')), 'audit.log')
    const named = (path: string): string => `${path} (path of storage "level"): `
    const missing = join(folder, 'missing', 'deep', 'data')
    await told(missing, audit, named(missing), 'create it, mount its volume, or correct the path')
    const theirs = join(folder, 'theirs')
    mkdirSync(theirs)
    chmodSync(theirs, 0o555)
    for (const path of [theirs, join(theirs, 'data')])
      await told(path, audit, named(path), 'may not read and write there', 'chown')
    const file = join(folder, 'ours', 'file')
    writeFileSync(file, '')
    await told(file, audit, named(file), 'it is a file')
    await told(join(file, 'data'), audit, named(join(file, 'data')), 'not a folder')
    const other = ours(join(folder, 'other'), 0o755)
    writeFileSync(join(other, 'notes.txt'), 'of somebody')
    await told(
      other,
      audit,
      named(other),
      'no storage (LevelDB) of this server',
      'a folder that is empty or does not exist yet',
    )
    expect([readdirSync(other), statSync(other).mode & 0o777]).to.deep.equal([['notes.txt'], 0o755])
    writeFileSync(join(other, 'CURRENT'), 'of somebody')
    await told(other, audit, named(other), 'damaged or missing; restore a backup')
  })

  it('names the listener, its setting and the cure, ends, and leaves no other listener up', async () => {
    const place = ours(join(folder, 'ours'))
    const [data, audit] = [join(place, 'data'), join(place, 'audit.log')]
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const tcp = (address: string): string => `listener "tcp" {\n address = "${address}"\n tls_disable = true\n}`
    const unix = (path: string): string => `listener "unix" {\n address = "${path}"\n}`
    const socket = join(place, 'taken.sock')
    const holder = createServer((peer) => peer.destroy()).listen(socket)
    await once(holder, 'listening')
    if (nobody.uid !== undefined) chownSync(socket, nobody.uid, nobody.gid)
    for (const [address, kind, cure] of [
      [`127.0.0.1:${port}`, 'tcp', 'another program listens there already; stop it, or choose another address'],
      ['127.0.0.1:1', 'tcp', 'may not listen on a port below 1024; choose a higher one, or give it the right'],
      [socket, 'unix', 'another program listens there already; stop it, or choose another address'],
      [join(folder, 'missing', 's.sock'), 'unix', 'its folder does not exist'],
      [join(folder, 's.sock'), 'unix', 'may not write in it'],
      [audit, 'unix', 'a file exists there that is not a socket; move it away'],
    ] as const) {
      // Whichever comes up first: the other one must not keep the process alive.
      const heard = await started(
        data,
        audit,
        `${tcp('127.0.0.1:0')}\n${kind === 'tcp' ? tcp(address) : unix(address)}`,
      )
      expect(heard).to.include(`cannot listen on ${address} (address of listener "${kind}"): `).and.include(cure)
      expect(heard.trim().split('\n'), heard).to.have.length(1)
    }
    for (const server of [taken, holder]) await new Promise((resolve) => server.close(resolve))
    const again = spawn(process.execPath, [
      program,
      'server',
      '-dev',
      `-dev-listen-address=127.0.0.1:${port}`,
      '-dev-no-store-token',
    ])
    again.stdout.on('data', (part: Buffer) => part.includes('Root Token') && again.kill('SIGTERM'))
    expect((await once(again, 'close'))[0]).to.equal(0)
  })

  it('names the data folder that another process has', async () => {
    const first = new ProcessServer()
    await first.start()
    await first.init()
    const second = join(temporaryFolder(), 'strongroom.hcl')
    writeFileSync(
      second,
      `storage "level" { path = "${first.data}" }\nlistener "tcp" { address = "127.0.0.1:0" tls_disable = true }\n`,
    )
    const child = spawn(process.execPath, [program, 'server', `-config=${second}`])
    let heard = ''
    child.stderr.on('data', (part: Buffer) => (heard += part.toString()))
    expect((await once(child, 'close'))[0]).to.equal(1)
    expect(withoutStart(heard)).to.equal(
      `${first.data} (path of storage "level"): another process has the storage open; stop it first\n`,
    )
    await first.kill()
  })
})
