import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, median } from './measure.ts'
import { load, ownServer } from './servers.ts'
import type { Load, OwnServer } from './servers.ts'

/**
 * What a store with many entities (`ENTITIES`, 100,000), each with two aliases, costs beside an empty one, taking turns in one run:
 * logins, requests under a policy with a template, lists, and after a restart the time to unseal and the memory.
 */
const entities = Number(process.env['ENTITIES'] ?? 100_000)
const rounds = Number(process.env['ROUNDS'] ?? 3)
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))

const template = `path "secret/data/{{identity.entity.name}}/*" { capabilities = ["read"] }
path "secret/data/{{identity.entity.metadata.team}}/*" { capabilities = ["read"] }`

interface Prepared {
  readonly login: unknown
  /** Of that login. */
  readonly token: string
}

/** Makes a role whose entity has a name and a team, and a secret for them. */
async function prepare(server: OwnServer): Promise<Prepared> {
  for (const type of ['approle', 'userpass']) await server.call('POST', `sys/auth/${type}`, { type })
  await server.call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await server.call('POST', 'secret/data/red/app', { data: { password: 'example' } })
  await server.call('PUT', 'sys/policies/acl/own', { policy: template })
  await server.call('POST', 'auth/approle/role/web', { role_id: 'web', token_policies: 'own', token_ttl: '1h' })
  const made = (await server.call('POST', 'auth/approle/role/web/secret-id', {}))['data'] as Record<string, unknown>
  const login = { role_id: 'web', secret_id: made['secret_id'] }
  const { auth } = await server.call('POST', 'auth/approle/login', login)
  const { client_token: token, entity_id: id } = auth as { readonly client_token: string; readonly entity_id: string }
  await server.call('POST', `identity/entity/id/${id}`, { name: 'web', metadata: { team: 'red' } })
  return { login, token }
}

/** Makes the entities, 32 at a time. */
async function fill(server: OwnServer): Promise<void> {
  const accessors: unknown[] = []
  for (const mount of ['approle', 'userpass'])
    accessors.push(((await server.call('GET', `sys/auth/${mount}`, undefined))['data'] as Record<string, unknown>)['accessor']) // prettier-ignore
  let next = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < entities; at = next++) {
      const { data } = await server.call('POST', 'identity/entity', { name: `entity-${at}` })
      const { id } = data as { readonly id: string }
      for (const accessor of accessors)
        await server.call('POST', 'identity/entity-alias', { name: `alias-${at}`, mount_accessor: accessor, canonical_id: id }) // prettier-ignore
    }
  }
  await Promise.all(Array.from({ length: 32 }, worker))
}

/** Resident memory of a process, MiB (Linux; elsewhere NaN). */
function memoryOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return NaN
  }
}

const names = ['empty', 'full'] as const
const servers: OwnServer[] = []
const prepared: Prepared[] = []
for (const name of names) {
  mkdirSync(join(folder, name))
  const server = await ownServer(join(folder, name))
  servers.push(server)
  prepared.push(await prepare(server))
}
const began = performance.now()
await fill(servers[1] as OwnServer)
const took = (performance.now() - began) / 1000
console.log(
  `${machine()}\n${entities} entities with two aliases each, made in ${took.toFixed(0)} s; an empty store beside it`,
)

const login = { path: '/v1/auth/approle/login', connections: 16 }
const read = { method: 'GET', path: '/v1/secret/data/red/app', connections: 16 }
for (const kind of ['logins', 'reads under a template']) {
  const found: Load[][] = servers.map(() => [])
  for (let round = 0; round < rounds; round++)
    for (const [at, server] of servers.entries()) {
      const { login: body, token } = prepared[at] as Prepared
      found[at]?.push(await load(server, kind === 'logins' ? { ...login, body, token: '' } : { ...read, token }))
    }
  const [empty = NaN, full = NaN] = found.map((loads) => median(loads.map(({ rate }) => rate)))
  console.log(`${kind}: ${empty.toFixed(0)}/s, full ${full.toFixed(0)}/s: ${(empty / full).toFixed(2)} times as long`)
}

/** Milliseconds of one request as root. */
async function timed(server: OwnServer, method: string, path: string): Promise<number> {
  const start = performance.now()
  await server.call(method, path, undefined)
  return performance.now() - start
}
for (const path of ['identity/entity/id?list=true&limit=100', 'identity/entity-alias/id?list=true&limit=100']) {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) times.push(await timed(servers[1] as OwnServer, 'GET', path))
  console.log(`${path}: ${median(times).toFixed(0)} ms`)
}

for (const [at, name] of names.entries()) {
  const server = servers[at] as OwnServer
  await server.stop()
  const start = performance.now()
  const again = await ownServer(join(folder, name), '', server)
  const first = performance.now() - start
  await again.call('POST', 'auth/approle/login', prepared[at]?.login)
  const usable = performance.now() - start
  console.log(`${name}: unsealed ${first.toFixed(0)} ms after the start, first login at ${usable.toFixed(0)} ms, ${memoryOf(again.pid).toFixed(0)} MiB`) // prettier-ignore
  await again.stop()
}
rmSync(folder, { recursive: true })
