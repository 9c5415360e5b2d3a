import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filledServer } from './fill-kv.ts'
import { machine, median } from './measure.ts'
import { bareServer, load } from './servers.ts'
import type { Load, OwnServer } from './servers.ts'

/**
 * KV version 2 with few and with many secrets in the store: reads of some and of any, durable writes, and lookups of the caller's own
 * token, which need no login. All servers run at the same time and take turns in each round, with bare node:http beside them.
 */
const rounds = Number(process.env['ROUNDS'] ?? 5)
const sizes = (process.env['SIZES'] ?? '10,10000,1000000').split(',').map(Number)
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))

type Request = { readonly method?: string; readonly path: string; readonly body?: object; readonly among?: number }

console.log(machine())
const bare = await bareServer()
const servers: { readonly size: number; readonly server: OwnServer }[] = []
for (const size of sizes) servers.push({ size, server: await filledServer(join(folder, String(size)), size) })

/** `among`: how many secrets take part, at most all. */
const operations: Readonly<Record<string, Request>> = {
  'read of one of 1,000 secrets': { method: 'GET', path: '/v1/secret/data/s%r', among: 1000 },
  'read of any secret': { method: 'GET', path: '/v1/secret/data/s%r', among: Infinity },
  'durable write of a secret': { path: '/v1/secret/data/w%n', body: { data: { password: 'correct horse' } } },
  'lookup-self of a token': { method: 'GET', path: '/v1/auth/token/lookup-self' },
}
for (const connections of [1, 32])
  for (const [name, { among = 1, ...operation }] of Object.entries(operations)) {
    const found = new Map<number, Load[]>(sizes.map((size) => [size, []]))
    const yardstick: number[] = []
    for (let round = 0; round < rounds; round++) {
      yardstick.push((await load(bare, { method: 'GET', path: '/', token: 'x', connections })).rate)
      for (const { size, server } of servers)
        found
          .get(size)
          ?.push(await load(server, { ...operation, token: server.token, connections, range: Math.min(size, among) }))
    }
    const of = (size: number, what: keyof Load) => median((found.get(size) ?? []).map((each) => each[what]))
    const columns = sizes.map(
      (size) =>
        `${size}: ${of(size, 'rate').toFixed(0)}/s, p50 ${of(size, 'p50').toFixed(2)} ms, ${of(size, 'cpu').toFixed(0)} us`,
    )
    const [few, most] = [sizes[0] ?? 0, sizes.at(-1) ?? 0]
    console.log(
      `${name}, ${connections} connections: ${columns.join('; ')}; of most to few: p50 ${(of(most, 'p50') / of(few, 'p50')).toFixed(2)}, ` +
        `processor time ${(of(most, 'cpu') / of(few, 'cpu')).toFixed(2)}; ` +
        `to bare node:http (${median(yardstick).toFixed(0)}/s) ${(of(few, 'rate') / median(yardstick)).toFixed(2)}`,
    )
  }
await Promise.all([bare.stop(), ...servers.map(async ({ server }) => server.stop())])
rmSync(folder, { recursive: true })
