import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LevelStorage } from '../src/storage/level/level.ts'
import { systemClock } from '../src/util/clock.ts'
import { silent } from '../src/util/log.ts'
import { machine, median } from './measure.ts'
import { load, ownServer } from './servers.ts'

/**
 * Durable writes per second, each on disk with its audit lines before it is answered: a policy, a token, a secret. Each
 * connection writes its own. Beside them what the storage alone does with the same number of writers, in one run, taking turns.
 */
const rounds = Number(process.env['ROUNDS'] ?? 5)
const seconds = Number(process.env['SECONDS'] ?? 2)
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const storage = await LevelStorage.open(join(folder, 'alone'), { clock: systemClock, log: silent, create: true })
const own = await ownServer(folder)
await own.call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })

const writes = {
  'policy write': {
    method: 'PUT',
    path: '/v1/sys/policies/acl/p%n',
    body: { policy: 'path "a" { capabilities = ["read"] }' },
  },
  'token create': { path: '/v1/auth/token/create', body: { ttl: '1h' } },
  'secret write (KV 2)': { path: '/v1/secret/data/s%n', body: { data: { password: 'correct horse' } } },
}

/** Commits per second of one record of 400 bytes each, straight to the storage. */
async function alone(writers: number): Promise<number> {
  const value = Buffer.alloc(400, 1)
  const until = performance.now() + seconds * 1000
  let done = 0
  const writer = async (_: unknown, name: number): Promise<void> => {
    while (performance.now() < until) {
      await storage.commit({ ops: [{ put: `a/${name}`, value }] })
      done++
    }
  }
  await Promise.all(Array.from({ length: writers }, writer))
  return done / seconds
}

console.log(machine())
for (const connections of [1, 32])
  for (const [name, write] of Object.entries(writes)) {
    const [ours, bare]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      ours.push((await load(own, { ...write, token: own.token, connections })).rate)
      bare.push(await alone(connections))
    }
    const [a, b] = [median(ours), median(bare)]
    console.log(
      `${name}, ${connections} connections: ${a.toFixed(0)}/s; storage alone ${b.toFixed(0)}/s; ratio ${(a / b).toFixed(2)}`,
    )
  }
await Promise.all([own.stop(), storage.close()])
rmSync(folder, { recursive: true })
