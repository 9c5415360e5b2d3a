import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, median } from './measure.ts'
import { load, ownServer } from './servers.ts'

/**
 * The cost of the audit log: requests per second with a file device and without one, 32 connections, in turns, the middle of
 * ROUNDS (5) pairs. The goal is a ratio of 0.8.
 */
const rounds = Number(process.env['ROUNDS'] ?? 5)
const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'strongroom-bench-')))
const servers = await Promise.all(folders.map(async (folder, at) => ownServer(folder, '', undefined, at === 0)))
for (const server of servers) {
  await server.call('POST', 'sys/mounts/transit', { type: 'transit' })
  await server.call('POST', 'transit/keys/k', {})
  await server.call('POST', 'sys/mounts/secret', { type: 'kv' })
  await server.call('POST', 'secret/x', { value: 'v' })
}

const requests = {
  'read a secret': { method: 'GET', path: '/v1/secret/x' },
  'encrypt 32 bytes': { path: '/v1/transit/encrypt/k', body: { plaintext: Buffer.alloc(32, 1).toString('base64') } },
  'write a secret': { path: '/v1/secret/w%n', body: { value: 'some text' } },
}

console.log(
  `${machine()}\n32 connections: requests per second with an audit file, without one, their ratio; processor time of the server, microseconds`,
)
for (const [name, request] of Object.entries(requests)) {
  const rates: number[][] = [[], []]
  const times: number[][] = [[], []]
  for (let round = 0; round <= rounds; round++)
    for (const [at, server] of servers.entries()) {
      const { rate, cpu } = await load(server, {
        ...request,
        token: server.token,
        connections: 32,
      })
      // The first one warms up.
      if (round === 0) continue
      rates[at]?.push(rate)
      times[at]?.push(cpu)
    }
  const [on = NaN, off = NaN] = rates.map(median)
  const [spent = NaN, least = NaN] = times.map(median)
  const cost = `${Math.round(spent)}  ${Math.round(least)}`
  console.log(`${name.padEnd(20)} ${Math.round(on)}  ${Math.round(off)}  ${(on / off).toFixed(2)}   ${cost}`)
}
await Promise.all(servers.map(async (server) => server.stop()))
for (const folder of folders) rmSync(folder, { recursive: true })
