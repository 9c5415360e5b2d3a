import { execFile } from 'node:child_process'
import { appendFileSync, cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { checkpointFileOf, vkeyFileOf } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { ProcessServer } from '../../support/processes/process-server.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { program } from '../../support/program.ts'

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

const runFile = promisify(execFile)

/** The real command line. */
async function strongroom(server: ProcessServer, ...words: readonly string[]): Promise<Outcome> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: server.folder, VAULT_ADDR: server.address }
  return runFile(process.execPath, [program, ...words], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }: { readonly code: number; readonly stdout: string; readonly stderr: string }) => ({ code, out: stdout, err: stderr }), // prettier-ignore
  )
}

describe('damage to the audit log that an operator accepts on the command line', function () {
  this.timeout(240_000)
  let server: ProcessServer
  let pristine: string
  /** Another whole log, of another server. */
  const foreign = join(temporaryFolder(), 'foreign.log')
  /** The storage before the last changes. */
  const older = join(temporaryFolder(), 'data')

  before(async () => {
    const other = new ProcessServer()
    await other.start()
    await other.init()
    await other.unseal()
    await other.kill('SIGTERM')
    cpSync(join(other.folder, 'audit.log'), foreign)

    server = new ProcessServer()
    await server.start()
    await server.init()
    await server.unseal()
    await server.done('POST', 'sys/mounts/secret', { type: 'kv' })
    for (let at = 0; at < 10; at++) await server.done('POST', `secret/${at}`, { value: at })
    cpSync(server.data, older, { recursive: true })
    for (let at = 0; at < 10; at++) await server.done('POST', `secret/${at}`, { value: -at })
    await server.kill('SIGTERM')
    pristine = temporaryFolder()
    cpSync(server.folder, pristine, { recursive: true })
  })
  afterEach(async () => server.kill())

  const log = (): string => join(server.folder, 'audit.log')
  const rewritten = (change: (lines: string[]) => string[]) => (): void => {
    const lines = readFileSync(log(), 'utf8').split('\n').slice(0, -1)
    writeFileSync(log(), change(lines).map((line) => `${line}\n`).join('')) // prettier-ignore
  }
  const damages: Readonly<Record<string, () => void>> = {
    'cut at its end': rewritten((lines) => lines.slice(0, -7)),
    'cut by one line': rewritten((lines) => lines.slice(0, -1)),
    'cut in the middle of a line': () => truncateSync(log(), readFileSync(log()).length - 1500),
    'cut at its start': rewritten((lines) => lines.slice(5)),
    'cut to its first line': rewritten((lines) => lines.slice(0, 1)),
    'cut within its first line': () => truncateSync(log(), 40),
    emptied: () => truncateSync(log(), 0),
    'changed in a line': rewritten((lines) => lines.with(20, (lines[20] as string).replace('request', 'Request'))),
    'changed in its last line': rewritten((lines) => [
      ...lines.slice(0, -1),
      (lines.at(-1) as string).replace('update', 'Update'),
    ]),
    'without a line': rewritten((lines) => lines.toSpliced(20, 1)),
    removed: () => rmSync(log()),
    'removed with everything beside it': () => {
      for (const path of [log(), checkpointFileOf(log()), vkeyFileOf(log())]) rmSync(path)
    },
    'without its checkpoint file': () => rmSync(checkpointFileOf(log())),
    'beside an older storage': () => {
      rmSync(server.data, { recursive: true })
      cpSync(older, server.data, { recursive: true })
    },
    'another one in its place': () => cpSync(foreign, log()),
    'cut, and its checkpoint file removed': () => {
      rewritten((lines) => lines.slice(0, -7))()
      rmSync(checkpointFileOf(log()))
    },
  }

  const damaged = async (damage: () => void): Promise<void> => {
    for (const name of ['data', 'audit.log', 'audit.log.checkpoints', 'audit.log.vkeys'])
      rmSync(join(server.folder, name), { recursive: true, force: true })
    cpSync(pristine, server.folder, { recursive: true })
    damage()
    await server.start()
  }
  /** Requests to a sealed server, which are lines too. */
  const chatter = async (): Promise<void> => {
    for (const path of ['sys/seal-status', 'sys/health', 'secret/1', 'sys/leader']) await server.call('GET', path)
  }
  const attempt = async (...flags: readonly string[]): Promise<Outcome> => {
    await server.call('PUT', 'sys/unseal', { key: server.keys[0] })
    return strongroom(server, 'operator', 'unseal', ...flags, server.keys[1] as string)
  }
  const codeIn = ({ code, err }: Outcome): string => {
    expect(code, err).to.equal(2)
    expect(err).to.include('strongroom operator unseal').and.include('accept_audit_log=')
    const found = /-accept-audit-log=([0-9a-f]{16})/.exec(err)?.[1]
    expect(found, err).to.be.a('string')
    return found as string
  }

  for (const [name, damage] of Object.entries(damages))
    it(`has one code: a log ${name}`, async () => {
      await damaged(damage)
      const code = codeIn(await attempt())
      await chatter()
      expect(codeIn(await attempt('-accept-audit-log=0123456789abcdef')), 'with another code').to.equal(code)
      for (let tries = 0; tries < 5; tries++) await chatter()
      await server.kill()
      await server.start()
      expect(codeIn(await attempt()), 'after a crash').to.equal(code)
      await chatter()
      const opened = await attempt(`-accept-audit-log=${code}`)
      expect(opened, opened.err).to.include({ code: 0 })
      expect(opened.out).to.match(/Sealed\s+false/)
      expect(server.lines().filter((line) => line.includes('"path":"sys/audit/accepted"') && line.includes(code))).to.have.length(1) // prettier-ignore
      await server.done('POST', 'secret/1', { value: 'goes on' })
      await server.kill()
      await server.start()
      expect((await attempt()).out).to.match(/Sealed\s+false/)
    })

  it('has another code when the damage is another one', async () => {
    const codes = new Set<string>()
    const cuts = [3, 7].map((count) => rewritten((lines) => lines.slice(0, -count)))
    const changes = ['a', 'b'].map((text) => rewritten((lines) => lines.with(20, (lines[20] as string).replace('request', text)))) // prettier-ignore
    for (const damage of [...cuts, ...changes]) {
      await damaged(damage)
      codes.add(codeIn(await attempt()))
      await server.kill()
    }
    expect(codes.size).to.equal(4)
  })

  it('is none when the key file is not there: it is made again, from the storage', async () => {
    const keys = readFileSync(vkeyFileOf(join(pristine, 'audit.log')), 'utf8')
    await damaged(() => rmSync(vkeyFileOf(log())))
    expect((await attempt()).out).to.match(/Sealed\s+false/)
    expect(existsSync(vkeyFileOf(log()))).to.equal(true)
    expect(readFileSync(vkeyFileOf(log()), 'utf8')).to.equal(keys)
  })

  it('is none when there is only half a line behind the last one', async () => {
    await damaged(() => appendFileSync(log(), '{"time":'))
    expect((await attempt()).out).to.match(/Sealed\s+false/)
  })
})
