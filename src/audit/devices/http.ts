import { Agent as PlainAgent, request as plainRequest, validateHeaderName, validateHeaderValue } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import type { AuditDevice, AuditTail } from '../../contract/audit.ts'
import { refuse } from '../../contract/fault.ts'
import type { Log } from '../../util/log.ts'
import type { DeviceOptions } from './options.ts'
import { limitOf } from './remote.ts'
import { fileAt, onlyDeclared, tlsOptions } from './tls-options.ts'

type Headers = Readonly<Record<string, readonly string[]>>

/**
 * A device that posts its lines to an HTTP endpoint: those of one turn together, one JSON object per line. Only 2xx counts as
 * success.
 */
class HttpDevice implements AuditDevice {
  readonly type = 'http'
  readonly target = undefined
  readonly alwaysSync = false
  readonly limit: number
  readonly #url: URL
  readonly #headers: Headers
  readonly #tls: ConnectionOptions
  #agent: PlainAgent | SecureAgent
  #request: ClientRequest | undefined

  constructor(url: URL, headers: Headers, tls: ConnectionOptions, limit: number) {
    this.#url = url
    this.#headers = headers
    this.#tls = tls
    this.limit = limit
    this.#agent = this.#newAgent()
  }

  async open(): Promise<AuditTail> {
    return {}
  }

  async write(text: string): Promise<void> {
    const message = await this.#response(Buffer.from(text))
    const status = message.statusCode ?? 0
    message.resume()
    // The response body must end before the connection is used again; its content does not matter.
    await new Promise<void>((resolve, reject) => message.once('end', resolve).once('error', reject))
    if (status < 200 || status > 299) throw new Error(`the endpoint answered ${status}`)
  }

  abort(): void {
    this.#request?.destroy(new Error('the write took too long'))
  }

  async sync(): Promise<void> {}

  async reopen(): Promise<void> {
    this.#agent.destroy()
    this.#agent = this.#newAgent()
  }

  async close(): Promise<void> {
    this.#agent.destroy()
  }

  async #response(body: Buffer): Promise<IncomingMessage> {
    try {
      return await this.#post(body)
    } catch (thrown) {
      // A connection that the server had closed meanwhile is no failure of the endpoint.
      if (!this.#request?.reusedSocket || (thrown as NodeJS.ErrnoException).code !== 'ECONNRESET') throw thrown
      return this.#post(body)
    }
  }

  async #post(body: Buffer): Promise<IncomingMessage> {
    const headers = { 'content-type': 'application/x-ndjson', ...this.#headers, 'content-length': body.length }
    const options = { method: 'POST', agent: this.#agent, headers }
    return new Promise((resolve, reject) => {
      const send = this.#url.protocol === 'https:' ? secureRequest : plainRequest
      this.#request = send(this.#url, options, resolve).on('error', reject)
      this.#request.end(body)
    })
  }

  /** One connection, so that lines arrive in their order. */
  #newAgent(): PlainAgent | SecureAgent {
    const agentOptions = { keepAlive: true, maxSockets: 1 }
    return this.#url.protocol === 'https:'
      ? new SecureAgent({ ...agentOptions, ...this.#tls })
      : new PlainAgent(agentOptions)
  }
}

/** `type = "http"`, with OpenBao's `uri` and `headers` (JSON: a list of values for each name). */
export function httpDevice(options: DeviceOptions, log: Log): AuditDevice {
  const uri = options.text('uri')
  if (uri === undefined) throw refuse('uri is required')
  const url = urlOf(resolved(uri, 'uri', options))
  const headers = headersOf(options)
  if (url.protocol === 'http:' && !loopback.test(url.hostname))
    log.warn('an audit device posts its lines over plain HTTP: anyone on the network path can read and change them')
  return new HttpDevice(url, headers, tlsOptions(options), limitOf(options))
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

function urlOf(uri: string): URL {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw refuse('the uri is an http or https address')
  if (url.username !== '' || url.password !== '') throw refuse('the uri holds no password; use headers')
  return url
}

/** These belong to the connection, not to the caller. */
const ours = [
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

function headersOf(options: DeviceOptions): Headers {
  const json = options.text('headers')
  if (json === undefined) return {}
  const headers: Record<string, readonly string[]> = {}
  for (const [name, values] of Object.entries(parsed(json))) {
    if (!Array.isArray(values) || values.some((value) => typeof value !== 'string'))
      throw refuse('the audit option "headers" is JSON with a list of strings for each name')
    const filled = (values as readonly string[]).map((value) => resolved(value, 'headers', options))
    try {
      validateHeaderName(name)
      for (const value of filled) validateHeaderValue(name, value)
    } catch {
      throw refuse('the audit option "headers" has a name or value that HTTP does not allow')
    }
    if (ours.includes(name.toLowerCase())) throw refuse(`the header ${name.toLowerCase()} cannot be chosen`)
    headers[name.toLowerCase()] = filled
  }
  return headers
}

function parsed(json: string): object {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Refused below.
  }
  throw refuse('the audit option "headers" is JSON with a list of strings for each name')
}

/** `env://NAME` and `file:///path`, as OpenBao has them, so that a password need not stand where devices are listed. */
function resolved(template: string, name: string, options: DeviceOptions): string {
  const [, kind, rest = ''] = /^(env|file):\/\/(.*)$/s.exec(template) ?? []
  if (kind === undefined) return template
  onlyDeclared(options, name)
  if (kind === 'file') return fileAt(rest, name).toString('utf8').trim()
  const value = process.env[rest]
  if (value === undefined || value === '') throw refuse(`the audit option "${name}" names a variable that is not set`)
  return value
}
