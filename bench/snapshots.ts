import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { spawn } from 'node:child_process'
import { filledServer } from './fill-kv.ts'
import { machine } from './measure.ts'
import { freePort } from './servers.ts'
import type { OwnServer } from './servers.ts'

/**
 * A snapshot of a server with many secrets (SIZE), while durable writes go on: its time and size, and the longest time that a write
 * waited, beside the same without a snapshot. Then its restore into an empty server, until that is unsealed.
 */
const size = Number(process.env['SIZE'] ?? 1_000_000)
const writers = 8
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const file = join(folder, 'bench.snap')
const route = 'v1/sys/storage/raft/snapshot'

/** The latencies of writes, one after the other by each writer, while something is done, in milliseconds. */
async function writesDuring(server: OwnServer, work: () => Promise<unknown>): Promise<readonly number[]> {
  const took: number[] = []
  let done = false
  const writer = async (_: unknown, at: number): Promise<void> => {
    for (let next = 0; !done; next++) {
      const begun = performance.now()
      await server.call('POST', `secret/data/w${at}-${next % 100}`, { data: { password: 'correct horse' } })
      took.push(performance.now() - begun)
    }
  }
  const all = Promise.all(Array.from({ length: writers }, writer))
  await work().finally(() => (done = true))
  await all
  return took
}

function told(took: readonly number[]): string {
  const sorted = [...took].sort((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? NaN).toFixed(1)
  return `${sorted.length} writes: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`
}

async function save(server: OwnServer): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${server.port}/${route}`, { headers: { 'X-Vault-Token': server.token } })
  if (!answer.ok || !answer.body) throw new Error(await answer.text())
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(file))
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

/** An empty server, which is restored without a token. @returns seconds until the response, and until it is unsealed */
async function restored(share: string): Promise<readonly [number, number]> {
  const own = join(folder, 'empty')
  mkdirSync(own)
  const { address, stop } = await emptyServer(own)
  const call = async (path: string, body: object): Promise<string> =>
    (await fetch(`${address}/v1/${path}`, { method: 'PUT', body: JSON.stringify(body) })).text()
  const restore = await timed(async () => {
    const body = Readable.toWeb(createReadStream(file))
    const answer = await fetch(`${address}/${route}`, { method: 'POST', body, duplex: 'half' })
    if (!answer.ok) throw new Error(await answer.text())
  })
  const unseal = await timed(async () => {
    const [, code] = /-accept-audit-log=([0-9a-f]+)/.exec(await call('sys/unseal', { key: share })) ?? []
    const answer = await call('sys/unseal', { key: share, accept_audit_log: code })
    if (!answer.includes('"sealed":false')) throw new Error(answer)
  })
  await stop()
  return [restore, unseal]
}

async function emptyServer(own: string): Promise<{ readonly address: string; readonly stop: () => Promise<void> }> {
  const port = await freePort()
  const config = join(own, 'bench.hcl')
  writeFileSync(
    config,
    `listener "tcp" {\n  address = "127.0.0.1:${port}"\n  tls_disable = true\n}\nstorage "level" {\n  path = "${own}/data"\n}\naudit "file" "file" {\n  options { file_path = "${own}/audit.log" }\n}\n`,
  )
  const child = spawn(process.execPath, ['dist/main.js', 'server', `-config=${config}`], { stdio: 'ignore' })
  const address = `http://127.0.0.1:${port}`
  while (
    !(await fetch(`${address}/v1/sys/seal-status`).then(
      () => true,
      () => false,
    ))
  )
    // prettier-ignore
    await new Promise((resolve) => setTimeout(resolve, 50))
  return {
    address,
    stop: async () => {
      child.kill('SIGKILL')
      await new Promise((resolve) => child.once('exit', resolve))
    },
  }
}

console.log(machine())
const server = await filledServer(join(folder, 'full'), size)
const quiet = await writesDuring(server, async () => new Promise((resolve) => setTimeout(resolve, 5000)))
console.log(`${size} secrets, without a snapshot: ${told(quiet)}`)
let seconds = 0
const busy = await writesDuring(server, async () => {
  seconds = await timed(async () => save(server))
})
console.log(`while a snapshot is made: ${told(busy)}`)
console.log(`snapshot: ${seconds.toFixed(1)} s, ${(statSync(file).size / 2 ** 20).toFixed(1)} MiB`)
const { share } = server
await server.stop()
const [restore, unseal] = await restored(share)
console.log(`restore into an empty server: ${restore.toFixed(1)} s, its first unseal ${unseal.toFixed(1)} s`)
rmSync(folder, { recursive: true })
