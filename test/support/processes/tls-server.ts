import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import type { AgentOptions } from 'node:https'
import { dirname, join } from 'node:path'
import { startServer } from '../../../src/server/start.ts'
import type { RunningServer } from '../../../src/server/start.ts'
import type { Clock } from '../../../src/util/clock.ts'
import { certificateFiles } from '../certificate.ts'
import { temporaryFolder } from '../folder.ts'
import type { Issued } from '../pki.ts'
import type { Body, Reply } from '../server.ts'

/** A production server that speaks TLS, unsealed. */
export class TlsServer {
  readonly running: RunningServer
  readonly config: string
  readonly clock: Clock | undefined
  token = ''
  keys: readonly string[] = []

  constructor(running: RunningServer, config: string, clock?: Clock) {
    this.running = running
    this.config = config
    this.clock = clock
  }

  /** The file with the certificate that it shows, its own authority. */
  get ca(): string {
    return join(dirname(this.config), 'cert.pem')
  }

  get port(): number {
    return Number(new URL(this.running.address).port)
  }

  /** One request, as root, on a connection of its own unless there is an agent. */
  async call(method: string, path: string, data?: Body, agent = agentOf(), token = this.token): Promise<Reply> {
    const body = data && JSON.stringify(data)
    return new Promise((resolve, reject) => {
      const headers = {
        ...(token !== '' && { 'X-Vault-Token': token }),
        ...(body && { 'Content-Length': Buffer.byteLength(body) }),
      }
      const sent = request(
        { host: '127.0.0.1', port: this.port, method, path: `/v1/${path}`, headers, agent },
        (message) => {
          const parts: Buffer[] = []
          message.on('data', (part: Buffer) => parts.push(part))
          message.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8')
            resolve({
              status: message.statusCode ?? 0,
              text,
              body: (text === '' ? {} : JSON.parse(text)) as Body,
              headers: message.headers,
            })
          })
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
  }

  /** A login with a certificate and the intermediate ones after it. */
  async login(client: Issued, more: Body = {}, between: readonly Issued[] = []): Promise<Reply> {
    return this.call('POST', 'auth/cert/login', more, agentOf(client, between), '')
  }

  /** Stops it and starts it again on the same storage, unsealed. */
  async restarted(): Promise<TlsServer> {
    await this.running.stop()
    const options = { config: [this.config], log: () => {}, ...(this.clock && { clock: this.clock }) }
    const again = new TlsServer(await startServer(options), this.config, this.clock)
    Object.assign(again, { token: this.token, keys: this.keys })
    await again.call('PUT', 'sys/unseal', { key: this.keys[0] })
    return again
  }
}

/** How a client connects: with its certificate, and those of authorities. */
export function agentOf(client?: Issued, between: readonly Issued[] = [], more: AgentOptions = {}): Agent {
  const own = client && { cert: [client, ...between].map(({ cert }) => cert).join(''), key: client.key }
  return new Agent({ rejectUnauthorized: false, maxCachedSessions: 0, ...own, ...more })
}

/** Starts one. @param more settings of the listener */
export async function tlsServer(more = '', clock?: Clock): Promise<TlsServer> {
  const folder = temporaryFolder()
  const files = certificateFiles({}, folder)
  const config = join(folder, 'strongroom.hcl')
  writeFileSync(
    config,
    `storage "level" { path = "${folder}/data" }
listener "tcp" {
  address = "127.0.0.1:0"
  tls_cert_file = "${files.cert}"
  tls_key_file = "${files.key}"
  ${more}
}
audit "file" "file" { options { file_path = "${folder}/audit.log" } }
`,
  )
  const options = { config: [config], log: () => {}, ...(clock && { clock }) }
  const server = new TlsServer(await startServer(options), config, clock)
  const made = await server.call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })
  server.token = String(made.body['root_token'])
  server.keys = made.body['keys'] as readonly string[]
  await server.call('PUT', 'sys/unseal', { key: server.keys[0] })
  return server
}
