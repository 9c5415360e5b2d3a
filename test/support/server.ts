import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { startServer } from '../../src/server/start.ts'
import type { RunningServer, ServerOptions } from '../../src/server/start.ts'
import type { Clock } from '../../src/util/clock.ts'
import { temporaryFolder } from './folder.ts'
import { holdResponsesToRoutes } from './requests/returns.ts'

holdResponsesToRoutes()

export type Body = Readonly<Record<string, unknown>>
export interface Reply {
  readonly status: number
  readonly body: Body
  readonly text: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** A server under test and a way to talk to it. */
export class TestServer {
  readonly running: RunningServer
  readonly folder: string
  readonly config: string
  token = ''
  shares: readonly string[] = []

  constructor(running: RunningServer, folder: string, config: string) {
    this.running = running
    this.folder = folder
    this.config = config
  }

  /** One request over real HTTP. `data` as an object is sent as JSON, as a text as it is. */
  async call(
    method: string,
    path: string,
    data?: unknown,
    headers: Readonly<Record<string, string>> = { 'X-Vault-Token': this.token },
  ): Promise<Reply> {
    const body = data === undefined ? undefined : typeof data === 'string' ? data : JSON.stringify(data)
    return new Promise((resolve, reject) => {
      const url = new URL(this.running.address)
      const sent = request(
        {
          host: url.hostname,
          port: url.port,
          method,
          path,
          headers: { ...headers, ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }) },
        },
        (message) => {
          const parts: Buffer[] = []
          message.on('data', (part: Buffer) => parts.push(part))
          message.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8')
            let parsed: Body = {}
            try {
              parsed = JSON.parse(text) as Body
            } catch {
              // Not every answer is JSON; the tests that care look at the text.
            }
            resolve({ status: message.statusCode ?? 0, body: parsed, text, headers: message.headers })
          })
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
  }

  /** The `data` of a successful answer. */
  async data(method: string, path: string, data?: unknown): Promise<Body> {
    const reply = await this.call(method, `/v1/${path}`, data)
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`)
    return (reply.body['data'] ?? {}) as Body
  }

  /** A token with one policy made of the given rules. */
  async tokenWith(rules: string, more: Body = {}): Promise<string> {
    const name = `p${Math.floor(performance.now() * 1000)}`
    await this.data('PUT', `sys/policies/acl/${name}`, { policy: rules })
    const reply = await this.call('POST', '/v1/auth/token/create', {
      policies: [name],
      no_default_policy: true,
      ...more,
    })
    return (reply.body['auth'] as { readonly client_token: string }).client_token
  }

  auditLines(): string[] {
    return []
  }
}

/** A development server in memory, root token `root`. */
export async function devServer(
  clock?: Clock,
  more: Pick<ServerOptions, 'engines' | 'lockoutDisabled'> = {},
): Promise<TestServer> {
  const running = await startServer({
    dev: { rootTokenId: 'root', listenAddress: '127.0.0.1:0' },
    log: () => {},
    ...(clock && { clock }),
    ...more,
  })
  const server = new TestServer(running, '', '')
  server.token = 'root'
  return server
}

/**
 * Writes a configuration with LevelDB and one listener into a folder.
 * @param listener further settings of the listener
 * @param blocks further blocks and settings
 * @returns its path
 */
export function levelConfig(folder: string, listener: string, blocks: string): string {
  const config = join(folder, 'strongroom.hcl')
  writeFileSync(
    config,
    `storage "level" { path = "${folder}/data" }
listener "tcp" {
  address = "127.0.0.1:0"
  tls_disable = true
  ${listener}
}
${blocks}
`,
  )
  return config
}

/** The settings of a listener that allow rekey and root generation without a token. */
export const openOperations = `disable_unauthed_rekey_endpoints = false
  disable_unauthed_generate_root_endpoints = false`

/** A production server on LevelDB with a declared audit file; sealed, uninitialised unless the folder has data. */
export async function levelServer(
  folder = temporaryFolder(),
  more = '',
  options: Pick<ServerOptions, 'protocols' | 'engines' | 'share'> = {},
): Promise<TestServer> {
  const audit = `audit "file" "file" { options { file_path = "${folder}/audit.log" } }`
  const config = levelConfig(folder, more, `${audit}\nunsafe_allow_api_audit_creation = true`)
  return new TestServer(await startServer({ config: [config], log: () => {}, ...options }), folder, config)
}

/** The same, initialised with 3 shares (2 needed) and open. */
export async function openLevelServer(more = '', options: Pick<ServerOptions, 'engines'> = {}): Promise<TestServer> {
  const server = await levelServer(temporaryFolder(), more, options)
  await initialised(server)
  await unseal(server)
  return server
}

/** Initialises a server with 3 shares (2 needed); it stays sealed. */
export async function initialised(server: TestServer): Promise<void> {
  const made = await server.call('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
  server.shares = made.body['keys'] as readonly string[]
  server.token = String(made.body['root_token'])
}

/** Submits two shares. */
export async function unseal(server: TestServer): Promise<void> {
  for (const key of server.shares.slice(0, 2)) await server.call('PUT', '/v1/sys/unseal', { key })
}

/** Stops a server and starts it again on the same folder, sealed. */
export async function restarted(server: TestServer, options: Pick<ServerOptions, 'engines'> = {}): Promise<TestServer> {
  await server.running.stop()
  const again = await levelServer(server.folder, '', options)
  again.shares = server.shares
  again.token = server.token
  return again
}
