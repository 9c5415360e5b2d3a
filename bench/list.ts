import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startServer } from '../src/server/start.ts'
import { machine, median } from './measure.ts'

/**
 * The list of 100,000 secrets of one folder, over HTTP, from LevelDB, by a server with an audit file: the time that it
 * takes, cold and again, and the longest hold of the server's event loop meanwhile. Aim: 2 s, 50 ms.
 */
const count = 100_000
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const config = join(folder, 'bench.json')
writeFileSync(
  config,
  JSON.stringify({
    storage: { level: { path: join(folder, 'data') } },
    listener: { tcp: { address: '127.0.0.1:0', tls_disable: true } },
    audit: { file: { file: { options: { file_path: join(folder, 'audit.log') } } } },
  }),
)
const server = await startServer({ config: [config], log: () => {} })
let token = ''

async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const headers = { 'X-Vault-Token': token }
  const answer = await fetch(`${server.address}/v1/${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }) // prettier-ignore
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${path}: ${text}`)
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

const made = await call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })
const open = async () => call('PUT', 'sys/unseal', { key: (made['keys'] as readonly string[])[0] })
token = String(made['root_token'])
await open()
await call('POST', 'sys/mounts/secret', { type: 'kv' })
let next = 0
const writer = async (): Promise<void> => {
  while (next < count) await call('PUT', `secret/many/name-${next++}`, { value: 'x' })
}
await Promise.all(Array.from({ length: 200 }, writer))
const [cold, warm, holds]: [number[], number[], number[]] = [[], [], []]
for (let round = 0; round < 5; round++) {
  await call('PUT', 'sys/seal')
  await open()
  await call('GET', 'secret/many/name-0')
  for (const times of [cold, warm]) {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const begun = performance.now()
    // Read as it comes: to take it apart would hold this very loop.
    const answer = await fetch(`${server.address}/v1/secret/many?list=true`, { headers: { 'X-Vault-Token': token } })
    for await (const _ of answer.body ?? []);
    times.push(performance.now() - begun)
    delay.disable()
    holds.push(delay.max / 1e6)
  }
}
console.log(
  `${machine()}\nlist of ${count} names: ${median(cold).toFixed(0)} ms cold, ${median(warm).toFixed(0)} ms again (medians); longest hold of the loop ` +
    `${median(holds).toFixed(0)} ms (median of maxima), ${Math.max(...holds).toFixed(0)} ms (largest)`,
)
await server.stop()
rmSync(folder, { recursive: true })
