import { readFileSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { request as secureRequest } from 'node:https'
import { jsonLimits } from '../util/json-limits.ts'
import { readJson, writeJson } from '../util/json.ts'

/** How to reach the server. */
export interface Target {
  readonly address: string
  readonly token: string
  readonly namespace: string
  readonly wrapTtl: string
  readonly headers: Readonly<Record<string, string>>
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  readonly serverName: string
  readonly skipVerify: boolean
  readonly retries: number
}

/** What came back. `body` is the JSON, or undefined for none. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly text: string
}

/** The server refused, or could not be reached: exit status 2. */
export class ServerError extends Error {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>> | undefined

  constructor(message: string, status: number, body?: Readonly<Record<string, unknown>>) {
    super(message)
    this.status = status
    this.body = body
  }
}

const limits = { ...jsonLimits, bytes: 64 * 1024 * 1024, tokens: 10_000_000, containers: 2_000_000 }

/** A small client of Vault's HTTP API. */
export class Client {
  readonly target: Target

  constructor(target: Target) {
    this.target = target
  }

  /** Sends a request. 404 with data is a value; everything else from 400 up is a ServerError. */
  async send(method: string, path: string, data?: unknown, token = this.target.token): Promise<Answer> {
    const answer = await this.#persistently(method, path, data, token)
    const { status, body } = answer
    if (status < 400 || (status === 404 && (body?.['data'] || body?.['warnings']))) return answer
    throw new ServerError(this.#refusal(method, path, answer), status, body)
  }

  /** Whatever the server says, without judging it. */
  async ask(method: string, path: string, data?: unknown): Promise<Answer> {
    return this.#once(new URL(`/v1/${encodePath(path)}`, this.target.address), method, data, this.target.token)
  }

  /** The URL of a path, as errors show it. */
  url(path: string): string {
    return new URL(`/v1/${encodePath(path)}`, this.target.address).href
  }

  async #persistently(method: string, path: string, data: unknown, token: string): Promise<Answer> {
    const url = new URL(`/v1/${encodePath(path)}`, this.target.address)
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#once(url, method, data, token)
      const again = answer.status === 412 || (answer.status >= 500 && answer.status !== 501)
      if (!again || attempt >= this.target.retries) return answer
      await new Promise((resolve) => setTimeout(resolve, 200 * (attempt + 1)))
    }
  }

  async #once(url: URL, method: string, data: unknown, token: string, redirected = false): Promise<Answer> {
    const body = data === undefined ? undefined : typeof data === 'string' ? data : writeJson(data)
    const { namespace, wrapTtl, headers, serverName } = this.target
    const options: RequestOptions = {
      method,
      timeout: 60_000,
      headers: {
        'X-Vault-Request': 'true',
        ...(token && { 'X-Vault-Token': token }),
        ...(namespace && { 'X-Vault-Namespace': namespace }),
        ...(wrapTtl && { 'X-Vault-Wrap-TTL': wrapTtl }),
        ...headers,
        ...(body !== undefined && {
          'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
          'Content-Length': Buffer.byteLength(body),
        }),
      },
    }
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const secure = url.protocol === 'https:'
      const sent = secure
        ? secureRequest(url, { ...options, ...this.#tls(), ...(serverName && { servername: serverName }) }, resolve)
        : plainRequest(url, options, resolve)
      sent.on('error', (cause: Error & { readonly code?: string }) =>
        reject(new ServerError(unreachable(url, cause), 0)),
      )
      sent.on('timeout', () => sent.destroy(new Error('no answer in 60 s')))
      sent.end(body)
    })
    const parts: Buffer[] = []
    for await (const part of message) parts.push(part as Buffer)
    const bytes = Buffer.concat(parts)
    const status = message.statusCode ?? 0
    if ([301, 302, 307].includes(status) && message.headers.location && !redirected)
      return this.#once(new URL(message.headers.location, url), method, data, token, true)
    return { status, body: jsonOf(bytes), text: bytes.toString('utf8') }
  }

  #tls(): RequestOptions {
    const { caFile, certFile, keyFile, skipVerify } = this.target
    return {
      ...(caFile && { ca: readFileSync(caFile) }),
      ...(certFile && { cert: readFileSync(certFile) }),
      ...(keyFile && { key: readFileSync(keyFile) }),
      ...(skipVerify && { rejectUnauthorized: false }),
    } as RequestOptions
  }

  #refusal(method: string, path: string, { status, body, text }: Answer): string {
    const errors = Array.isArray(body?.['errors']) ? (body['errors'] as readonly unknown[]).map(String) : undefined
    const list = errors ? ` Errors:\n\n${errors.map((error) => `* ${error}`).join('\n')}` : ` Raw Message:\n\n${text}`
    const namespace = this.target.namespace ? `Namespace: ${this.target.namespace}\n` : ''
    return `Error making API request.\n\n${namespace}URL: ${method} ${this.url(path)}\nCode: ${status}.${list}`
  }
}

/** A path as it stands in a URL; slashes and a query stay. */
export function encodePath(path: string): string {
  const [bare = '', query] = path.split('?')
  const encoded = bare
    .replace(/^\//, '')
    .split('/')
    .map((segment) => encodeURIComponent(segment).replace(/%2B|%3A|%40|%24|%26|%3D/g, decodeURIComponent))
    .join('/')
  return query === undefined ? encoded : `${encoded}?${query}`
}

function jsonOf(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    return bytes.length === 0 ? undefined : (readJson(bytes, limits) as Readonly<Record<string, unknown>>)
  } catch {
    return undefined
  }
}

function unreachable(url: URL, cause: Error & { readonly code?: string }): string {
  if (cause.code === 'ECONNREFUSED')
    return `no server at ${url.origin}; start one, or say where it is with -address or VAULT_ADDR`
  if (cause.code === 'EPROTO' || /wrong version number|packet length too long/i.test(cause.message))
    return `${url.origin} speaks plain HTTP; use http:// in the address`
  if (/self.signed|unable to (verify|get)/i.test(cause.message))
    return `the certificate of ${url.origin} is not trusted; give its authority with -ca-cert or VAULT_CACERT`
  return `${url.origin} cannot be reached: ${cause.message}`
}
