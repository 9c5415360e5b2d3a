import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, median } from './measure.ts'
import { load, ownServer } from './servers.ts'
import type { Load, OwnServer } from './servers.ts'

/**
 * This build beside an earlier one (`BEFORE`, its `dist/main.js`), each with its own folder, in one run: the requests that most
 * servers spend their time with. Each of `PAIRS` pairs is of fresh processes, and the order changes with each pair and round:
 * two processes of the same build differ by some percent.
 */
const other = process.env['BEFORE']
if (other === undefined) throw new Error('BEFORE names the dist/main.js of the build to compare with')
const [pairs, rounds] = [Number(process.env['PAIRS'] ?? 4), Number(process.env['ROUNDS'] ?? 4)]
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))

interface Prepared extends OwnServer {
  /** With an ordinary token and its policy, as applications send them. */
  readonly app: string
  readonly ciphertext: string
}

const rules = ['transit/encrypt/k', 'transit/decrypt/k', 'secret/data/*']
  .map((path) => `path "${path}" { capabilities = ["create", "read", "update"] }`)
  .join('\n')
const plaintext = 'aGVsbG8gd29ybGQ='

async function prepared(name: string, program: string): Promise<Prepared> {
  const own = join(folder, name)
  mkdirSync(own)
  const server = await ownServer(own, '', undefined, true, program)
  await server.call('POST', 'sys/mounts/transit', { type: 'transit' })
  await server.call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await server.call('POST', 'transit/keys/k', {})
  await server.call('PUT', 'sys/policies/acl/app', { policy: rules })
  for (let at = 0; at < 100; at++) await server.call('POST', `secret/data/s${at}`, { data: { password: 'example' } })
  const { auth } = await server.call('POST', 'auth/token/create', { policies: ['app'] })
  const { data } = await server.call('POST', 'transit/encrypt/k', { plaintext })
  const { ciphertext } = data as { readonly ciphertext: string }
  return { ...server, app: (auth as { readonly client_token: string }).client_token, ciphertext }
}

type Request = { readonly method?: string; readonly path: string; readonly body?: object; readonly range?: number }
const operations: Readonly<Record<string, (server: Prepared) => Request>> = {
  encrypt: () => ({ path: '/v1/transit/encrypt/k', body: { plaintext } }),
  decrypt: ({ ciphertext }) => ({ path: '/v1/transit/decrypt/k', body: { ciphertext } }),
  'KV read': () => ({ method: 'GET', path: '/v1/secret/data/s%r', range: 100 }),
  'KV write': () => ({ path: '/v1/secret/data/w%r', body: { data: { password: 'example' } }, range: 100 }),
}

type Loads = Readonly<Record<'now' | 'before', Load[]>>
const results = new Map<string, Loads>()

async function compare(pair: number): Promise<void> {
  const programs = [['now', 'dist/main.js'] as const, ['before', other as string] as const]
  if (pair % 2 === 1) programs.reverse()
  const servers: (readonly ['now' | 'before', Prepared])[] = []
  for (const [name, program] of programs) servers.push([name, await prepared(`${name}-${pair}`, program)])
  for (const connections of (process.env['CONNECTIONS'] ?? '1,32').split(',').map(Number))
    for (const [operation, request] of Object.entries(operations)) {
      const key = `${operation}, ${connections} connections`
      const loads = results.get(key) ?? { now: [], before: [] }
      results.set(key, loads)
      for (let round = 0; round < rounds; round++)
        for (const [name, server] of round % 2 === 0 ? servers : servers.toReversed())
          loads[name].push(await load(server, { ...request(server), token: server.app, connections }))
    }
  await Promise.all(servers.map(async ([, server]) => server.stop()))
}

console.log(machine())
for (let pair = 0; pair < pairs; pair++) await compare(pair)
for (const [key, loads] of results) {
  const [a, b] = [middle(loads.now), middle(loads.before)]
  console.log(
    `${key}: ${a.rate.toFixed(0)}/s, before ${b.rate.toFixed(0)}/s, ` +
      `ratio ${(a.rate / b.rate).toFixed(2)}, by processor time ${(b.cpu / a.cpu).toFixed(2)}`,
  )
}
rmSync(folder, { recursive: true })

function middle(loads: readonly Load[]): Pick<Load, 'rate' | 'cpu'> {
  return { rate: median(loads.map(({ rate }) => rate)), cpu: median(loads.map(({ cpu }) => cpu)) }
}
