import { cpSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs' // prettier-ignore
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../../src/server/start.ts'
import { Shell } from '../../cli/support.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { TestServer, levelServer, openLevelServer, unseal } from '../../support/server.ts'
import type { Reply } from '../../support/server.ts'

/** The last answer of an unseal. */
async function opened(server: TestServer, more: Readonly<Record<string, string>> = {}): Promise<Reply> {
  let reply = await server.call('GET', '/v1/sys/seal-status')
  for (const key of server.shares.slice(0, 2)) reply = await server.call('PUT', '/v1/sys/unseal', { key, ...more })
  return reply
}

const message = (reply: Reply): string => (reply.body['errors'] as readonly string[] | undefined)?.[0] ?? ''

/** Random places, the same at every run. */
function places(count: number, below: number): number[] {
  let state = 12345
  return Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  })
}

describe('a log that somebody changed while the server was away', function () {
  this.timeout(180_000)
  let whole: TestServer
  const [pristine, older] = [temporaryFolder(), temporaryFolder()]
  const run = { lines: 0 }

  before(async () => {
    whole = await openLevelServer()
    await whole.data('POST', 'sys/mounts/secret', { type: 'kv' })
    for (let at = 0; at < 10; at++) await whole.data('POST', `secret/${at}`, { value: `v${at}` })
    await whole.running.stop()
    cpSync(whole.folder, older, { recursive: true })
    whole = await again(whole.folder)
    await unseal(whole)
    for (let at = 0; at < 15; at++) await whole.data('POST', `secret/${at}`, { value: `w${at}` })
    for (let at = 0; at < 15; at++) await whole.data('GET', `secret/${at}`)
    await whole.running.stop()
    run.lines = linesIn(whole.folder).length
    cpSync(whole.folder, pristine, { recursive: true })
  })

  const restore = (from: string): void => {
    for (const name of readdirSync(whole.folder)) rmSync(join(whole.folder, name), { recursive: true })
    cpSync(from, whole.folder, { recursive: true })
  }

  const again = async (folder: string): Promise<TestServer> => {
    const server = await levelServer(folder)
    server.shares = whole.shares
    server.token = whole.token
    return server
  }
  const linesIn = (folder: string): Buffer[] => {
    const bytes = readFileSync(join(folder, 'audit.log'))
    const found: Buffer[] = []
    for (let from = 0, end = bytes.indexOf(10); end >= 0; from = end + 1, end = bytes.indexOf(10, from))
      found.push(bytes.subarray(from, end + 1))
    return found
  }
  /** Everything as it was, changed; what the unseal says. */
  const after = async (
    change: (log: string, folder: string) => void,
  ): Promise<{ server: TestServer; reply: Reply }> => {
    const { folder } = whole
    restore(pristine)
    change(join(folder, 'audit.log'), folder)
    const server = await again(folder)
    return { server, reply: await opened(server) }
  }
  const isNoticed = async (change: (log: string, folder: string) => void, what: string): Promise<void> => {
    const { server, reply } = await after(change)
    await server.running.stop()
    expect(reply.status, what).to.equal(400)
    expect(message(reply)).to.include('stays sealed').and.include('accept_audit_log=')
    expect(message(reply)).to.not.include(server.folder)
  }

  it('unseals with an intact one, and shows its head', async () => {
    const { server, reply } = await after(() => {})
    expect(reply.body).to.include({ sealed: false })
    const heads = reply.body['audit_heads'] as Readonly<Record<string, string>>
    expect(heads['file/']).to.match(/^[0-9]+:[A-Za-z0-9+/]{43}=$/)
    await server.running.stop()
  })

  it('notices a changed byte in any line', async () => {
    // The last line is checked by the head, all others by the chain.
    for (const place of [run.lines - 1, ...places(20, run.lines - 1)])
      await isNoticed(
        (log) => {
          const lines = linesIn(join(log, '..'))
          const line = Buffer.from(lines[place] as Buffer)
          const [byte = 0] = places(1, Math.max(1, line.length - 130))
          line[byte + 2] = (line[byte + 2] as number) ^ 1
          writeFileSync(log, Buffer.concat(lines.with(place, line)))
        },
        `line ${place + 1}`,
      )
  })

  const edits: Readonly<Record<string, (lines: Buffer[], place: number) => Buffer[]>> = {
    'a removed line': (lines, place) => lines.toSpliced(place, 1),
    'a repeated line': (lines, place) => lines.toSpliced(place, 0, lines[place] as Buffer),
    'two swapped lines': (lines, place) =>
      lines.with(place, lines[place + 1] as Buffer).with(place + 1, lines[place] as Buffer),
  }
  for (const [name, edit] of Object.entries(edits))
    it(`notices ${name}`, async () => {
      for (const place of places(20, run.lines - 2))
        await isNoticed(
          (log) => writeFileSync(log, Buffer.concat(edit(linesIn(join(log, '..')), place))),
          `${name} ${place + 1}`,
        )
    })

  it('notices lines cut off its end, any number of them', async () => {
    for (const place of [run.lines - 1, ...places(20, run.lines - 1)])
      await isNoticed(
        (log) => writeFileSync(log, Buffer.concat(linesIn(join(log, '..')).slice(0, place))),
        `${place} lines left`,
      )
  })

  it('notices an emptied, a removed, a replaced and an older file', async () => {
    await isNoticed((log) => truncateSync(log, 0), 'empty')
    await isNoticed((log) => rmSync(log), 'removed')
    await isNoticed((log) => cpSync(join(older, 'audit.log'), log), 'older')
    await isNoticed((log) => {
      rmSync(log)
      renameSync(`${log}.checkpoints`, `${log}.away`)
    }, 'removed with its checkpoints')
  })

  it('refuses to start on a link', async () => {
    restore(pristine)
    const { folder } = whole
    renameSync(join(folder, 'audit.log'), join(folder, 'elsewhere'))
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'audit.log'))
    const failed = await again(folder).then(() => undefined, (thrown: Error) => thrown) // prettier-ignore
    expect(failed?.message).to.include('is a link; name the file itself')
  })

  it('rollback: notices an older storage beside a newer log', async () => {
    const { server, reply } = await after((_, folder) => {
      rmSync(join(folder, 'data'), { recursive: true })
      cpSync(join(older, 'data'), join(folder, 'data'), { recursive: true })
    })
    expect(reply.status).to.equal(400)
    expect(message(reply)).to.include('the storage is older than the log')
    await server.running.stop()
    // Without the checkpoints the log itself tells of a later unseal.
    await isNoticed((log, folder) => {
      rmSync(join(folder, 'data'), { recursive: true })
      cpSync(join(older, 'data'), join(folder, 'data'), { recursive: true })
      rmSync(`${log}.checkpoints`)
    }, 'without checkpoints')
  })

  it('rollback: notices that storage and log are old together by the head that was noted down', async () => {
    const { server, reply } = await after(() => {})
    const head = (reply.body['audit_heads'] as Readonly<Record<string, string>>)['file/'] as string
    await server.running.stop()
    const ahead = await again(server.folder)
    expect((await opened(ahead, { expected_head: head })).body).to.include({ sealed: false })
    await ahead.running.stop()
    restore(older)
    const back = await again(whole.folder)
    const refused = await opened(back, { expected_head: head })
    expect(refused.status).to.equal(400)
    expect(message(refused)).to.include('expected_head')
    expect((await opened(back, { expected_head: 'nonsense' })).status).to.equal(400)
    expect((await opened(back)).body).to.include({ sealed: false })
    await back.running.stop()
  })

  it('does not open by a head that the files left can no longer show', async () => {
    const { server, reply } = await after(() => {})
    const head = (reply.body['audit_heads'] as Readonly<Record<string, string>>)['file/'] as string
    const log = join(server.folder, 'audit.log')
    renameSync(log, `${log}.1`)
    await server.running.reload()
    await server.data('POST', 'secret/1', { value: 'behind the rotation' })
    await server.running.stop()
    rmSync(`${log}.1`)
    const left = await again(server.folder)
    const refused = await opened(left, { expected_head: head })
    expect(refused.status).to.equal(400)
    expect(message(refused)).to.include('cannot be checked')
    expect((await opened(left)).body).to.include({ sealed: false })
    await left.running.stop()
  })

  it('is shown on the command line, with the flag that accepts it; -expected-head is checked, too', async () => {
    const { server, reply } = await after(() => {})
    const head = (reply.body['audit_heads'] as Readonly<Record<string, string>>)['file/'] as string
    await server.running.stop()
    const unsealing = async (folder: string, flags: readonly string[]) => {
      const sealed = await again(folder)
      const shell = new Shell({ VAULT_ADDR: sealed.running.address })
      const [first = '', second = ''] = whole.shares
      const begun = await shell.run(['operator', 'unseal', first])
      expect(begun.code, begun.err).to.equal(0)
      return { sealed, outcome: await shell.run(['operator', 'unseal', ...flags, second]) }
    }
    const seen = await unsealing(server.folder, [`-expected-head=${head}`])
    expect(seen.outcome).to.include({ code: 0 })
    expect(seen.outcome.out).to.match(/Sealed\s+false/)
    await seen.sealed.running.stop()
    const cut = (): void => {
      restore(pristine)
      truncateSync(join(whole.folder, 'audit.log'), 4000)
    }
    cut()
    const refused = await unsealing(whole.folder, [])
    expect(refused.outcome.code).to.equal(2)
    const [, code = ''] = /accept_audit_log=([0-9a-f]{16})/.exec(refused.outcome.err) ?? []
    await refused.sealed.running.stop()
    cut()
    const accepted = await unsealing(whole.folder, [`-accept-audit-log=${code}`])
    expect(accepted.outcome.out).to.match(/Sealed\s+false/)
    await accepted.sealed.running.stop()
  })

  describe('and the configuration of its device changed', () => {
    const device = (path: string, file: string): string =>
      `audit "file" "${path}" { options { file_path = "${whole.folder}/${file}" } }`
    /** Everything as it was but for the devices; what the unseal says. */
    const reconfigured = async (audit: string, change: (log: string) => void = () => {}): Promise<Reply> => {
      restore(pristine)
      change(join(whole.folder, 'audit.log'))
      const config = join(whole.folder, 'other.hcl')
      writeFileSync(
        config,
        `storage "level" { path = "${whole.folder}/data" }\nlistener "tcp" { address = "127.0.0.1:0" tls_disable = true }\n${audit}\n`,
      )
      const server = new TestServer(await startServer({ config: [config], log: () => {} }), whole.folder, config)
      server.shares = whole.shares
      const reply = await opened(server)
      await server.running.stop()
      return reply
    }

    it('unseals with another file, another name or none, while the old file is intact', async () => {
      for (const audit of [device('file', 'elsewhere.log'), device('renamed', 'renamed.log'), ''])
        expect((await reconfigured(audit)).body, audit).to.include({ sealed: false })
    })

    it('stays sealed when the old file is missing or was cut', async () => {
      for (const audit of [device('file', 'elsewhere.log'), device('renamed', 'renamed.log'), '']) {
        expect((await reconfigured(audit, (log) => rmSync(log))).status, audit).to.equal(400)
        expect((await reconfigured(audit, (log) => truncateSync(log, 4000))).status, audit).to.equal(400)
      }
    })
  })

  it('unseals when an operator accepts exactly this damage, and records it in the log', async () => {
    const { server, reply } = await after((log) =>
      writeFileSync(log, Buffer.concat(linesIn(join(log, '..')).slice(0, 30))),
    )
    const [, code = ''] = /accept_audit_log=([0-9a-f]{16})/.exec(message(reply)) ?? []
    expect((await opened(server, { accept_audit_log: '0123456789abcdef' })).status).to.equal(400)
    const open = await opened(server, { accept_audit_log: code })
    expect(open.body).to.include({ sealed: false })
    expect((await server.data('GET', 'secret/1'))['value']).to.equal('w1')
    const text = readFileSync(join(server.folder, 'audit.log'), 'utf8')
    expect(text).to.include('sys/audit/accepted').and.include(code)
    // The old file is there as it was found, and the new log names it.
    const names = readdirSync(server.folder).filter((name) => /^audit\.log\.[0-9a-f]{8}\./.test(name))
    expect(names.length).to.be.greaterThan(0)
    expect(text.slice(0, text.indexOf('\n'))).to.include('"follows":{"log":')
    await server.running.stop()
    const next = await again(server.folder)
    expect((await opened(next)).body).to.include({ sealed: false })
    await next.running.stop()
  })

  it('unseals after a crash that left an incomplete line, wherever it was cut', async () => {
    const last = (linesIn(whole.folder).at(-1) as Buffer).length
    for (const cut of places(20, last - 1)) {
      const { server, reply } = await after((log) => {
        const bytes = readFileSync(log)
        writeFileSync(log, Buffer.concat([bytes, bytes.subarray(0, cut + 1)]))
      })
      expect(reply.body, `cut ${cut}`).to.include({ sealed: false })
      expect(existsSync(join(server.folder, 'audit.log.torn'))).to.equal(true)
      await server.running.stop()
    }
  })
})
