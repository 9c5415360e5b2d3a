import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { amount, withProgress } from '../../../../src/cli/output/progress.ts'
import { Envelope } from '../../../../src/envelope/envelope.ts'
import { inParts, whole } from '../../../envelope/support.ts'
import { HandClock } from '../../../support/clock.ts'
import { devServer } from '../../../support/server.ts'
import type { TestServer } from '../../../support/server.ts'
import { Shell } from '../../support.ts'
import type { Outcome } from '../../support.ts'

const data = Buffer.from(Array.from({ length: 150_000 }, (_, at) => (at * 7) % 256))

describe('transit envelope', () => {
  let server: TestServer
  let shell: Shell
  const at = (name: string): string => join(shell.home, name)
  const envelope = async (...words: readonly string[]): Promise<Outcome> => shell.run(['transit', 'envelope', ...words])
  const succeeds = async (...words: readonly string[]): Promise<Outcome> => {
    const outcome = await envelope(...words)
    expect(outcome.code, outcome.err).to.equal(0)
    return outcome
  }
  /** It ends with this status and a sentence, and leaves nothing behind. */
  const fails = async (code: number, why: RegExp, ...words: readonly string[]): Promise<void> => {
    const before = readdirSync(shell.home)
    const outcome = await envelope(...words)
    expect(outcome.err).to.match(why)
    expect(outcome.code).to.equal(code)
    expect(readdirSync(shell.home)).to.deep.equal(before)
  }

  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/backups')
    await server.data('POST', 'transit/keys/others')
  })
  after(async () => server.running.stop())
  beforeEach(async () => {
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
    writeFileSync(at('data'), data)
    await succeeds('encrypt', '-key=backups', at('data'), at('sealed'))
  })

  it('encrypts and decrypts files, which are their owner’s alone and have no half-written neighbours', async () => {
    expect((await succeeds('decrypt', at('sealed'), at('out'))).out).to.equal(`Success! Decrypted to: ${at('out')}\n`)
    expect(readFileSync(at('out')).equals(data)).to.equal(true)
    expect(readFileSync(at('sealed')).includes(data.subarray(0, 64))).to.equal(false)
    for (const name of ['sealed', 'out']) expect(statSync(at(name)).mode & 0o777).to.equal(0o600)
    expect(readdirSync(shell.home).toSorted()).to.deep.equal(['data', 'out', 'sealed'])
  })

  it('encrypts and decrypts streams, with nothing else on standard output', async () => {
    shell.piped = inParts(data, 1000)
    expect((await succeeds('encrypt', '-key=backups')).out).to.equal('')
    const sealed = shell.bytesOut
    shell.bytesOut = Buffer.alloc(0)
    shell.piped = inParts(sealed, 999)
    expect((await succeeds('decrypt')).out).to.equal('')
    expect(shell.bytesOut.equals(data)).to.equal(true)
  })

  it('replaces a file only with -force, and never a folder or device', async () => {
    const before = readFileSync(at('sealed'))
    await fails(1, /already exists\n {2}next: .*-force/, 'encrypt', '-key=backups', at('data'), at('sealed'))
    await fails(1, /already exists/, 'decrypt', at('sealed'), at('data'))
    expect(readFileSync(at('sealed')).equals(before)).to.equal(true)
    await succeeds('encrypt', '-key=backups', '-force', at('data'), at('sealed'))
    expect(readFileSync(at('sealed')).equals(before)).to.equal(false)
    symlinkSync(at('data'), at('link'))
    mkdirSync(at('folder'))
    for (const name of ['link', 'folder'])
      await fails(1, /not a regular file/, 'encrypt', '-key=backups', '-force', at('data'), at(name))
    await fails(1, /not a regular file/, 'encrypt', '-key=backups', '-force', at('data'), '/dev/null')
  })

  it('does not replace a file that came while it was working', async () => {
    shell.piped = (async function* () {
      yield data
      writeFileSync(at('late'), 'somebody else’s')
    })()
    const { code, err } = await envelope('encrypt', '-key=backups', '-', at('late'))
    expect([code, err]).to.match(/1,.*already exists/)
    expect(readFileSync(at('late'), 'utf8')).to.equal('somebody else’s')
    expect(readdirSync(shell.home).toSorted()).to.deep.equal(['data', 'late', 'sealed'])
  })

  it('shows the header without a server or a token', async () => {
    shell.env['VAULT_ADDR'] = 'http://127.0.0.1:1'
    delete shell.env['VAULT_TOKEN']
    const { out } = await succeeds('header', '-format=json', at('sealed'))
    const shown = JSON.parse(out) as Record<string, unknown>
    expect(shown).to.include({ mount: 'transit', key: 'backups', key_version: 1, chunk_size: 65_536 })
    expect((await succeeds('header', '-field=key', at('sealed'))).out).to.equal('backups')
    expect((await succeeds('header', at('sealed'))).out).to.match(/^key_version +1$/m)
    await fails(3, /data is DAMAGED: it is no envelope/, 'header', at('data'))
  })

  it('verifies without writing', async () => {
    expect((await succeeds('verify', at('sealed'))).out).to.equal(
      'intact: 150000 bytes under version 1 of the key backups at transit/\n',
    )
    expect(readdirSync(shell.home)).to.have.length(2)
  })

  it('names the damage of an envelope, exits with status 3, and outputs verified data only', async () => {
    const sealed = readFileSync(at('sealed'))
    const changed = Buffer.from(sealed)
    changed[100_000] = (changed[100_000] as number) ^ 1
    const files = { cut: sealed.subarray(0, -1), atChunk: sealed.subarray(0, -(150_000 % 65_536) - 16), changed }
    for (const [name, bytes] of Object.entries(files)) {
      writeFileSync(at(name), bytes)
      const why = name === 'changed' ? /changed is DAMAGED: chunk 2 was changed/ : /is DAMAGED: .*cut off/
      await fails(3, why, 'decrypt', at(name), at('out'))
      await fails(3, why, 'verify', at(name))
      expect(existsSync(at('out'))).to.equal(false)
      shell.bytesOut = Buffer.alloc(0)
      await fails(3, why, 'decrypt', at(name))
      expect(shell.bytesOut.length % 65_536).to.equal(0)
      expect(shell.bytesOut.equals(data.subarray(0, shell.bytesOut.length))).to.equal(true)
    }
  })

  it('moves to the newest version of the key without touching the data, and is left alone when it is there', async () => {
    const before = readFileSync(at('sealed'))
    expect((await succeeds('rewrap', at('sealed'))).out).to.match(/already uses version 1, the newest/)
    expect(readFileSync(at('sealed')).equals(before)).to.equal(true)
    await server.data('POST', 'transit/keys/backups/rotate')
    expect((await succeeds('rewrap', at('sealed'))).out).to.match(/^Success! Rewrapped from version 1 to 2: /)
    const after = readFileSync(at('sealed'))
    expect(after.subarray(-150_000).equals(before.subarray(-150_000))).to.equal(true)
    await server.data('POST', 'transit/keys/backups/config', { min_decryption_version: 2 })
    expect((await succeeds('verify', at('sealed'))).out).to.match(/under version 2/)
    writeFileSync(at('old'), before)
    await fails(2, /unwrapping the data key at transit\/decrypt\/backups/, 'decrypt', at('old'), at('out'))
    await server.data('POST', 'transit/keys/backups/config', { min_decryption_version: 1 })
    await succeeds('rewrap', at('old'), at('new'))
    expect(readFileSync(at('old')).equals(before)).to.equal(true)
    await succeeds('verify', at('new'))
    shell.piped = inParts(before, 999)
    expect((await succeeds('rewrap')).out).to.equal('')
    writeFileSync(at('piped'), shell.bytesOut)
    expect((await succeeds('verify', at('piped'))).out).to.match(/under version 2/)
  })

  it('refuses a wrapped data key of another envelope, of another key, or none', async () => {
    await succeeds('encrypt', '-key=backups', at('data'), at('second'))
    await succeeds('encrypt', '-key=others', at('data'), at('third'))
    const transplanted = async (from: string): Promise<void> => {
      const { wrapped } = (await Envelope.read(inParts(readFileSync(at(from))))).header
      const mine = await Envelope.read(inParts(readFileSync(at('sealed'))))
      writeFileSync(at('mixed'), await whole(mine.rewrapped(wrapped)))
    }
    await transplanted('second')
    await fails(3, /data key is that of another envelope/, 'decrypt', at('mixed'), at('out'))
    await transplanted('third')
    await fails(2, /unwrapping the data key/, 'decrypt', at('mixed'), at('out'))
  })

  it('sends nothing for an envelope that names another mount or key than expected', async () => {
    shell.env['VAULT_ADDR'] = 'http://127.0.0.1:1'
    for (const command of ['decrypt', 'verify', 'rewrap']) {
      await fails(
        1,
        /uses the mount transit, not elsewhere: nothing was sent/,
        command,
        '-mount=elsewhere',
        at('sealed'),
      )
      await fails(1, /uses the key backups, not others: nothing was sent/, command, '-key=others', at('sealed'))
    }
  })

  it('has clear errors for impossible requests', async () => {
    await fails(1, /no key was given/, 'encrypt', at('data'), at('out'))
    await fails(1, /names consist of/, 'encrypt', '-key=a/b', at('data'), at('out'))
    await fails(1, /nowhere cannot be read: there is no such file/, 'encrypt', '-key=backups', at('nowhere'), at('out'))
    await fails(1, /nowhere cannot be read: there is no such file/, 'header', at('nowhere'))
    await fails(1, /cannot be read: it is a folder/, 'encrypt', '-key=backups', shell.home, at('out'))
    await fails(1, /cannot be written \(ENOTDIR\)/, 'encrypt', '-key=backups', at('data'), at('data/below'))
    await fails(1, /cannot be written \(ENOENT\)/, 'encrypt', '-key=backups', at('data'), at('no/such/folder'))
    await fails(
      2,
      /making a data key at transit\/datakey\/plaintext\/missing/,
      'encrypt',
      '-key=missing',
      at('data'),
      at('out'),
    )
    await fails(2, /contains no wrapped data key/, 'encrypt', '-key=backups', '-wrap-ttl=60s', at('data'), at('out'))
    shell.outIsTerminal = true
    await fails(1, /binary data: name a file/, 'encrypt', '-key=backups', at('data'))
  })

  it('lets the policies of writer and restorer do their part and no more', async () => {
    const tokenOf = async (name: string): Promise<string> =>
      server.tokenWith(readFileSync(`policies/${name}.hcl`, 'utf8'))
    shell.env['VAULT_TOKEN'] = await tokenOf('backup-writer')
    await succeeds('encrypt', '-key=backups', at('data'), at('written'))
    await succeeds('rewrap', at('sealed'))
    await fails(2, /permission denied/, 'decrypt', at('written'), at('out'))
    await fails(2, /permission denied/, 'verify', at('written'))
    await fails(2, /permission denied/, 'encrypt', '-key=others', at('data'), at('out'))
    shell.env['VAULT_TOKEN'] = await tokenOf('backup-restorer')
    await succeeds('verify', at('written'))
    await succeeds('decrypt', at('written'), at('restored'))
    await fails(2, /permission denied/, 'encrypt', '-key=backups', at('data'), at('out'))
  })

  it('shows its progress on a terminal only', async () => {
    const clock = new HandClock()
    const shown: string[] = []
    const slow = (async function* () {
      for (let part = 0; part < 3; part++) {
        yield Buffer.alloc(1024 * 1024)
        clock.advance(500)
      }
    })()
    for await (const part of withProgress(slow, clock, (text) => shown.push(text))) expect(part).to.have.length(1048576)
    expect(shown).to.deep.equal(['\r\u001b[K2.0 MiB, 4.0 MiB/s', '\r\u001b[K3.0 MiB, 3.0 MiB/s', '\r\u001b[K'])
    expect([0, 1023, 1024, 5e12, 2 ** 61].map(amount)).to.deep.equal([
      '0 bytes',
      '1023 bytes',
      '1.0 KiB',
      '4.5 TiB',
      '2097152.0 TiB',
    ])
    expect((await succeeds('verify', at('sealed'))).err).to.equal('')
  })
})
