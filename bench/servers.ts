import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A server in a process of its own, listening on loopback. */
export interface Target {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** A strongroom that is open, and requests to it with its root token. */
export interface OwnServer extends Target {
  /** The root token. */
  readonly token: string
  /** The one key share. */
  readonly share: string
  call(method: string, path: string, body: unknown): Promise<Record<string, unknown>>
}

/** One measurement: requests per second, latencies in milliseconds, processor time of the server per request in microseconds. */
export interface Load {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly cpu: number
}

/** Where a file of the build lies, as seen from this one. */
export const built = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const seconds = Number(process.env['SECONDS'] ?? 2)

/**
 * The product with LevelDB and a file audit device, initialised and unsealed. `more` goes into its configuration; `known` is what
 * an earlier one on the same folder was opened with; `audited` false leaves the audit device out; `program` is another build's.
 */
export async function ownServer(
  folder: string,
  more = '',
  known?: Pick<OwnServer, 'share' | 'token'>,
  audited = true,
  program = 'dist/main.js',
): Promise<OwnServer> {
  const port = await freePort()
  const storage = `storage "level" {\n  path = "${folder}/data"\n}`
  const config = configured(folder, port, `${storage}\n${audited ? auditFile(folder) : ''}\n${more}`)
  return opened(spawn(process.execPath, [program, 'server', `-config=${config}`], { stdio: 'ignore' }), port, known)
}

/** OpenBao, by its program, with its own durable storage (raft, one node) and a file audit device. */
export async function openBao(program: string, folder: string): Promise<OwnServer> {
  const [port, cluster] = [await freePort(), await freePort()]
  mkdirSync(join(folder, 'raft'))
  const raft = `storage "raft" {\n  path = "${folder}/raft"\n  node_id = "one"\n}\ncluster_addr = "http://127.0.0.1:${cluster}"\napi_addr = "http://127.0.0.1:${port}"`
  const config = configured(folder, port, `${raft}\n${auditFile(folder)}`)
  const server = await opened(spawn(program, ['server', `-config=${config}`], { stdio: 'ignore' }), port)
  // It answers before it leads itself.
  await patiently(async () => server.call('GET', 'sys/mounts', undefined))
  return server
}

const auditFile = (folder: string): string =>
  `audit "file" "file" {\n  options { file_path = "${folder}/audit.log" }\n}`

function configured(folder: string, port: number, more: string): string {
  const path = join(folder, 'bench.hcl')
  writeFileSync(path, `listener "tcp" {\n  address = "127.0.0.1:${port}"\n  tls_disable = true\n}\n${more}\n`)
  return path
}

/** A server that was started, initialised if it has to be, and unsealed. */
async function opened(
  child: ChildProcess,
  port: number,
  known?: Pick<OwnServer, 'share' | 'token'>,
): Promise<OwnServer> {
  await patiently(async () => send('PUT', 'sys/unseal', { reset: true }, '').catch(refused))
  const { share, token } = known ?? (await initialised())
  await send('PUT', 'sys/unseal', { key: share }, '')
  return {
    ...target(child, port),
    token,
    share,
    call: async (method, path, body) => send(method, path, body, token),
  }

  async function initialised(): Promise<Pick<OwnServer, 'share' | 'token'>> {
    const made = await send('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 }, '')
    return { share: (made['keys'] as string[])[0] as string, token: made['root_token'] as string }
  }

  async function send(method: string, path: string, body: unknown, sender: string): Promise<Record<string, unknown>> {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/${path}`, {
      method,
      headers: { ...(sender !== '' && { 'X-Vault-Token': sender }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Refused(`${path}: ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  }
}

/** The server answered, but not with a success. */
class Refused extends Error {}

function refused(thrown: unknown): void {
  if (!(thrown instanceof Refused)) throw thrown
}

/** A yardstick: bare.ts, or another. */
export async function bareServer(file = 'bare.js'): Promise<Target> {
  const child = spawn(process.execPath, [built(file)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return target(child, Number(line.toString()))
}

/** Loads a server with one request, again and again. */
export async function load(
  { port, pid }: Target,
  request: {
    readonly path: string
    readonly method?: string
    readonly token: string
    readonly body?: unknown
    readonly connections: number
    /** `%r` in the path becomes a number below it, another for each request. */
    readonly range?: number
  },
): Promise<Load> {
  const { path, token, connections } = request
  const body = request.body === undefined ? '' : JSON.stringify(request.body)
  const head = `${request.method ?? 'POST'} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Vault-Token: ${token}\r\nContent-Length: ${body.length}\r\n\r\n`
  const before = cpuOf(pid)
  const numbers = [port, connections, seconds, request.range ?? 1].map(String)
  const child = spawn(process.execPath, [built('load.js'), ...numbers], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(head + body)
  const parts: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => parts.push(part))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error('the load generator failed')
  const measured = JSON.parse(Buffer.concat(parts).toString()) as Omit<Load, 'cpu'>
  return { ...measured, cpu: (cpuOf(pid) - before) / (measured.rate * seconds) }
}

function target(child: ChildProcess, port: number): Target {
  return {
    port,
    pid: child.pid as number,
    stop: async () => {
      child.stdin?.end()
      child.kill()
      await once(child, 'exit')
    },
  }
}

/** User and system time of a process so far, microseconds (Linux; elsewhere NaN). */
function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  } catch {
    return NaN
  }
}

/** A free port of the loopback interface. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  return port
}

/** Until the server answers, at most 10 s. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask()
    } catch (thrown) {
      if (tries === 200) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
