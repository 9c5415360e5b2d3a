import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, median } from './measure.ts'
import { bareServer, load, ownServer } from './servers.ts'
import type { Load, Target } from './servers.ts'

/**
 * Transit encrypt and decrypt with an ordinary token, a policy and a file audit device on LevelDB, against the same
 * cryptography on bare node:http, in one run, taking turns: requests per second, latencies, processor time of the
 * server per request, and the ratios. Every server and the load generator is a process of its own; they share the
 * machine. Aim: 0.6 of bare.
 */
const rounds = Number(process.env['ROUNDS'] ?? 7)
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const plain = { plaintext: 'aGVsbG8gd29ybGQ=' }
const rules = `path "transit/encrypt/k" { capabilities = ["update"] }
path "transit/decrypt/k" { capabilities = ["update"] }`

const [own, bare] = await Promise.all([ownServer(folder), bareServer()])
await own.call('POST', 'sys/mounts/transit', { type: 'transit' })
await own.call('POST', 'transit/keys/k', {})
await own.call('PUT', 'sys/policies/acl/app', { policy: rules })
const { auth } = await own.call('POST', 'auth/token/create', { policies: ['app'] })
const token = (auth as { client_token: string }).client_token

const ciphertextOf = async (target: Target, path: string): Promise<string> => {
  const sent = await fetch(`http://127.0.0.1:${target.port}${path}`, {
    method: 'POST',
    headers: { 'X-Vault-Token': token },
    body: JSON.stringify(plain),
  })
  return ((await sent.json()) as { data: { ciphertext: string } }).data.ciphertext
}
const bodies = {
  encrypt: { ours: plain, theirs: plain },
  decrypt: {
    ours: { ciphertext: await ciphertextOf(own, '/v1/transit/encrypt/k') },
    theirs: { ciphertext: await ciphertextOf(bare, '/') },
  },
}

console.log(machine())
for (const connections of (process.env['CONNECTIONS'] ?? '1,32').split(',').map(Number))
  for (const [operation, { ours, theirs }] of Object.entries(bodies)) {
    const [mine, yardstick]: [Load[], Load[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      mine.push(await load(own, { path: `/v1/transit/${operation}/k`, token, body: ours, connections }))
      yardstick.push(await load(bare, { path: '/', token, body: theirs, connections }))
    }
    const [a, b] = [middle(mine), middle(yardstick)]
    console.log(
      `${operation}, ${connections} connections: strongroom ${rateText(a)}; bare ${rateText(b)}; ` +
        `ratio ${(a.rate / b.rate).toFixed(2)}, by processor time ${(b.cpu / a.cpu).toFixed(2)}`,
    )
  }
await Promise.all([own.stop(), bare.stop()])
rmSync(folder, { recursive: true })

function middle(loads: readonly Load[]): Load {
  const of = (name: keyof Load) => median(loads.map((each) => each[name]))
  return { rate: of('rate'), p50: of('p50'), p99: of('p99'), cpu: of('cpu') }
}

function rateText({ rate, p50, p99, cpu }: Load): string {
  return `${rate.toFixed(0)}/s (p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ${cpu.toFixed(0)} us)`
}
