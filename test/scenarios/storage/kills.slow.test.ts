import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect } from 'chai'
import { verifyAuditFiles } from '../../audit/verdict.ts'
import type { Verdict } from '../../audit/verdict.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { program } from '../../support/program.ts'

const kills = Number(process.env['STRONGROOM_SERVER_KILLS'] ?? 200)

/** A whole server in a process of its own, killed in the middle of its work, again and again. */
async function storm(cycles: number): Promise<void> {
  const folder = temporaryFolder()
  const config = join(folder, 'strongroom.hcl')
  const audit = join(folder, 'audit.log')
  let address = ''
  let token = ''
  let keys: readonly string[] = []

  const call = async (method: string, path: string, body?: unknown): Promise<{ readonly [name: string]: unknown }> => {
    const headers = { 'X-Vault-Token': token }
    const answer = await fetch(`${address}/v1/${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
    return text === '' ? {} : (JSON.parse(text) as { readonly [name: string]: unknown })
  }

  const start = async (): Promise<ChildProcess> => {
    const started = spawn(process.execPath, [program, 'server', `-config=${config}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    await new Promise<void>((resolve, reject) => {
      let said = ''
      const hear = (part: Buffer): void => {
        said += part.toString()
        if (said.includes('listens on')) resolve()
      }
      started.stdout?.on('data', hear)
      started.stderr?.on('data', hear)
      started.once('exit', () => reject(new Error(`the server ended: ${said}`)))
    })
    return started
  }

  const open = async (): Promise<void> => {
    for (const key of keys.slice(0, 2)) await call('PUT', 'sys/unseal', { key })
  }

  /** The oldest first; the live one, whose name is the beginning of all others, last. */
  const logFiles = (): string[] =>
    readdirSync(folder)
      .filter((name) => /^audit\.log(\.[0-9a-f]{8}\.[0-9]+-[0-9]+(\.gz)?)?$/.test(name))
      .filter((name, _, names) => !names.includes(`${name}.gz`))
      .sort((a, b) => Number(a === 'audit.log') - Number(b === 'audit.log') || (a < b ? -1 : 1))
      .map((name) => join(folder, name))
  /** A closed file may be packed while it is looked at: then once more. */
  const verdictOf = async (newest: number, tries = 20): Promise<Verdict> =>
    verifyAuditFiles(logFiles().slice(-newest)).catch(async (thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== 'ENOENT' || tries === 0) throw thrown
      return verdictOf(newest, tries - 1)
    })

  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  address = `http://127.0.0.1:${port}`
  writeFileSync(
    config,
    `storage "level" {\n  path = "${folder}/data"\n}\nlistener "tcp" {\n  address = "127.0.0.1:${port}"\n  tls_disable = true\n}\naudit "file" "file" {\n  options {\n    file_path = "${audit}"\n    rotate_bytes = "262144"\n    rotate_compress = "gzip"\n  }\n}\naudit "file" "second" {\n  options {\n    file_path = "${folder}/second.log"\n  }\n}\n`,
  )
  let child = await start()
  try {
    const made = await call('PUT', 'sys/init', { secret_shares: 3, secret_threshold: 2 })
    token = String(made['root_token'])
    keys = made['keys'] as readonly string[]
    await open()
    await call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
    const answered = new Map<string, number>()
    for (let cycle = 1; cycle <= cycles; cycle++) {
      let count = 0
      const writer = async (_: unknown, name: number): Promise<void> => {
        for (let round = cycle * 1000; ; round++) {
          const path = `secret/data/w${name}-${round % 5}`
          const done = await call('POST', path, { data: { round } }).then(
            () => true,
            () => false,
          )
          if (!done) return
          answered.set(path, round)
          if (++count === 20 + (cycle % 17)) child.kill('SIGKILL')
        }
      }
      const gone = once(child, 'exit')
      await Promise.all([gone, ...Array.from({ length: 8 }, writer)])
      child = await start()
      await open()
      for (const [path, round] of answered) {
        const { data } = (await call('GET', path)) as { readonly data: { readonly data: { readonly round: number } } }
        expect(data.data.round, path).to.be.at.least(round)
      }
      // What this life of the server wrote; from time to time, and at the end, all of the log.
      const verdict = await verdictOf(cycle % 20 === 0 ? Infinity : 4)
      expect(verdict, `after kill ${cycle}: ${JSON.stringify(verdict)}`).to.include({ ok: true })
    }
    expect(answered.size).to.be.greaterThan(20)
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).to.equal(0)
    // Every answered write has its line, in one log without a gap; closed files were packed.
    const { ok, lines } = await verifyAuditFiles(logFiles())
    expect(ok).to.equal(true)
    expect(lines).to.be.greaterThan(cycles * 20 * 2)
    expect(logFiles().some((path) => path.endsWith('.gz'))).to.equal(true)
    const firsts = logFiles().map((path) => (path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path)).toString()) // prettier-ignore
    expect(new Set(firsts.map((text) => /"log":"([0-9a-f]{32})"/.exec(text)?.[1]))).to.have.property('size', 1)
  } finally {
    child.kill('SIGKILL')
  }
}

describe('a server that is killed while it writes', () => {
  it(`keeps every answered write, and an audit log that verifies, over ${kills} kills`, async function () {
    this.timeout(kills * 5000 + 60_000)
    // Two at a time: most of a start is work of one processor.
    const half = Math.ceil(kills / 2)
    await Promise.all([storm(half), storm(kills - half)])
  })
})
