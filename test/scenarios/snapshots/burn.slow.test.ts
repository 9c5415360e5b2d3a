import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { temporaryFolder } from '../../support/folder.ts'
import { ProcessServer } from '../../support/processes/process-server.ts'
import { program } from '../../support/program.ts'

const run = promisify(execFile)
const route = 'sys/storage/raft/snapshot'

/** Writes secrets until it is told to stop. Each path is written once; the map has what was acknowledged. */
class Load {
  readonly acknowledged = new Map<string, string>()
  readonly #server: ProcessServer
  readonly #writers: Promise<void>
  #stopped = false

  constructor(server: ProcessServer, writers: number) {
    this.#server = server
    this.#writers = Promise.all(Array.from({ length: writers }, async (_, at) => this.#write(at))).then(() => {})
  }

  /** Waits until so many more are acknowledged. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged.size + count
    while (this.acknowledged.size < enough) await new Promise(setImmediate)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#writers
  }

  async #write(writer: number): Promise<void> {
    for (let at = 0; !this.#stopped; at++) {
      const [path, value] = [`secret/data/w${writer}/${at}`, randomBytes(12).toString('hex')]
      await this.#server.done('POST', path, { data: { value } })
      this.acknowledged.set(path, value)
    }
  }
}

async function unseal(server: ProcessServer, shares: readonly string[], more: Readonly<Record<string, string>> = {}) {
  let last = { error: '' }
  for (const key of shares) last = await server.call('PUT', 'sys/unseal', { key, ...more })
  return last.error
}

describe('a server whose machine burns', function () {
  this.timeout(120_000)
  const [old, empty] = [new ProcessServer(), new ProcessServer()]
  after(async () => Promise.all([old.kill(), empty.kill()]))

  it('comes back on an empty one with three shares, and everything that was acknowledged before the snapshot', async () => {
    await old.start()
    const made = await old.done('PUT', 'sys/init', { secret_shares: 5, secret_threshold: 3 })
    old.token = String(made['root_token'])
    const shares = (made['keys'] as readonly string[]).slice(1, 4)
    await unseal(old, shares)
    await old.done('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })

    const load = new Load(old, 8)
    await load.more(300)
    const acknowledged = new Map(load.acknowledged)
    const answer = await fetch(`${old.address}/v1/${route}`, { headers: { 'X-Vault-Token': old.token } })
    const file = new Uint8Array(await answer.arrayBuffer())
    await load.more(100)
    await load.stop()

    await old.kill()
    const log = join(temporaryFolder(), 'audit.log')
    copyFileSync(join(old.folder, 'audit.log'), log)
    rmSync(old.folder, { recursive: true })

    const burnt = performance.now()
    await empty.start()
    const restored = await fetch(`${empty.address}/v1/${route}`, { method: 'POST', body: file })
    const { data } = (await restored.json()) as { readonly data: Readonly<Record<string, unknown>> }
    expect(restored.status, JSON.stringify(data)).to.equal(200)
    const [, code = ''] = /-accept-audit-log=([0-9a-f]+)/.exec(await unseal(empty, shares)) ?? []
    expect(await unseal(empty, shares, { accept_audit_log: code })).to.equal('')
    empty.token = old.token
    for (const [path, value] of acknowledged) {
      const { data: read } = await empty.done('GET', path)
      expect((read as { readonly data: unknown }).data, path).to.deep.equal({ value })
    }
    const took = performance.now() - burnt
    await empty.done('POST', 'secret/data/after', { data: { value: 'written' } })

    const { stdout } = await run(process.execPath, [program, 'audit', 'verify', log])
    expect(stdout).to.match(/intact|OK|Success/i)
    const lines = readFileSync(log, 'utf8')
    expect(lines).to.include(`"sha256":"${String(data['sha256'])}"`)
    console.log(`      restored ${acknowledged.size} secrets, and read all of them, ${(took / 1000).toFixed(1)} s after the start of the empty server`) // prettier-ignore
  })
})
