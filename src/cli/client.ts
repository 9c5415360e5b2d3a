import { request as plainRequest } from 'node:http'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { RequestOptions as SecureOptions } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { jsonLimits } from '../util/json-limits.ts'
import { readJson, writeJson } from '../util/json.ts'
import type { Json } from '../util/json.ts'
import { shown } from './dry.ts'

/** How to reach the server. */
export interface Target {
  readonly address: URL
  /** Empty for none. */
  readonly token: string
  /** Without slashes at its ends; empty for the root namespace. */
  readonly namespace: string
  /** As Go writes a duration; empty for no wrapping. */
  readonly wrapTtl: string
  readonly headers: Readonly<Record<string, string>>
  readonly tls: SecureOptions
  /** How often a failed request is tried again. */
  readonly retries: number
  /** Milliseconds that the server may be silent. */
  readonly timeout: number
  readonly redirects: boolean
  /** Show requests instead of sending them. */
  readonly dry?: 'curl' | 'policy'
}

/** What came back. `body` is the JSON object, or undefined for none. */
export interface Answer {
  readonly status: number
  readonly body: Json | undefined
  readonly text: string
}

/** The server refused, or could not be reached: exit status 2. */
export class ServerError extends Error {
  /** 0 when there was no answer. */
  readonly status: number
  readonly body: Json | undefined
  /** What was being done, when the command does several things; empty to say nothing. */
  during?: string

  constructor(message: string, status = 0, body?: Json) {
    super(message)
    this.status = status
    this.body = body
  }

  /** Whether the server said that there is nothing: 404 with an empty list of errors. */
  get isAbsence(): boolean {
    const errors = this.body?.['errors']
    return this.status === 404 && Array.isArray(errors) && errors.length === 0
  }
}

/** What a single request may do differently. */
export interface Sending {
  readonly token?: string
  /** Sent even if requests are only to be shown: a question that must be answered before the request is known. */
  readonly always?: boolean
}

const limits = { ...jsonLimits, bytes: 64 * 1024 * 1024, tokens: 10_000_000, containers: 2_000_000 }

/** A small client of Vault's HTTP API. */
export class Client {
  readonly #target: Target

  constructor(target: Target) {
    this.#target = target
  }

  /**
   * Sends a request, again when the server is in trouble (412, or 5xx other than 501).
   * @returns the answer; a 404 with data or warnings is one too, except to a write
   * @throws ServerError for all others from 400 up; Shown when requests are only to be shown
   */
  async send(method: string, path: string, data?: unknown, how: Sending = {}): Promise<Answer> {
    const url = this.#url(path)
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#once(url, method, data, how)
      if (attempt < this.#target.retries && isTrouble(answer)) {
        await pause(200 * (attempt + 1))
        continue
      }
      if (answer.status < 400 || (answer.status === 404 && method === 'GET' && saysSomething(answer.body)))
        return answer
      throw new ServerError(this.#refusal(method, url, answer), answer.status, answer.body)
    }
  }

  async #once(url: URL, method: string, data: unknown, how: Sending, redirected = false): Promise<Answer> {
    const { timeout, tls, dry, redirects } = this.#target
    const body = data === undefined ? undefined : writeJson(data)
    const headers = this.#headers(method, body, how.token)
    if (dry && !how.always) throw shown(dry, { method, url, headers, body: data })
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const options: RequestOptions = { method, timeout, headers }
      const sent =
        url.protocol === 'https:'
          ? secureRequest(url, { ...options, ...tls }, resolve)
          : plainRequest(url, options, resolve)
      sent.on('error', (cause: Error & { readonly code?: string }) => reject(new ServerError(unreachable(url, cause))))
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeout / 1000} s`)))
      sent.end(body)
    })
    const bytes = await bytesOf(message, url)
    const status = message.statusCode ?? 0
    const { location } = message.headers
    if (redirects && !redirected && location && [301, 302, 307].includes(status)) {
      const next = new URL(location, url)
      // A token sent over TLS must not go on in the clear.
      if (url.protocol === 'https:' && next.protocol !== 'https:')
        throw new ServerError(`${url.origin} redirects to ${next.origin}, which is not encrypted: not followed`)
      return this.#once(next, method, data, how, true)
    }
    return { status, body: jsonOf(bytes), text: bytes.toString('utf8') }
  }

  #headers(method: string, body: string | undefined, token = this.#target.token): Record<string, string | number> {
    const { namespace, wrapTtl, headers } = this.#target
    return {
      'X-Vault-Request': 'true',
      ...(token && { 'X-Vault-Token': token }),
      ...(namespace && { 'X-Vault-Namespace': `${namespace}/` }),
      ...(wrapTtl && { 'X-Vault-Wrap-TTL': wrapTtl }),
      ...headers,
      ...(body !== undefined && {
        'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        'Content-Length': Buffer.byteLength(body),
      }),
    }
  }

  #url(path: string): URL {
    return new URL(`/v1/${encodePath(path)}`, this.#target.address)
  }

  /** The error as Vault's clients show it; scripts look for its `Code:` and its bullets. */
  #refusal(method: string, url: URL, { status, body, text }: Answer): string {
    const errors = Array.isArray(body?.['errors']) ? (body['errors'] as readonly unknown[]).map(String) : undefined
    const bare = !errors || (method === 'PATCH' && status === 404 && errors.length === 0)
    const list = bare
      ? ` Raw Message:\n\n${errors ? '' : text}`
      : ` Errors:\n\n${errors.map((error) => `* ${error}`).join('\n')}`
    const { namespace } = this.#target
    const where = `${namespace ? `Namespace: ${namespace}/\n` : ''}URL: ${method} ${url.href}`
    return `Error making API request.\n\n${where}\nCode: ${status}.${list}`
  }
}

async function bytesOf(message: IncomingMessage, url: URL): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of message) {
      length += (part as Buffer).length
      if (length > limits.bytes) throw new Error('the answer is longer than 64 MiB')
      parts.push(part as Buffer)
    }
  } catch (thrown) {
    throw new ServerError(`the answer of ${url.origin} broke off: ${thrown instanceof Error ? thrown.message : ''}`)
  }
  return Buffer.concat(parts)
}

/** A failure that may pass. A sealed server stays sealed, however often it is asked. */
function isTrouble({ status, body }: Answer): boolean {
  const errors = body?.['errors']
  if (status === 503 && Array.isArray(errors) && errors.includes('Vault is sealed')) return false
  return status === 412 || (status >= 500 && status !== 501)
}

const saysSomething = (body: Json | undefined): boolean => Boolean(body?.['data'] || body?.['warnings'])

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

function jsonOf(bytes: Uint8Array): Json | undefined {
  try {
    const value: unknown = bytes.length === 0 ? undefined : readJson(bytes, limits)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

function unreachable(url: URL, cause: Error & { readonly code?: string }): string {
  if (cause.code === 'ECONNREFUSED')
    return `no server at ${url.origin}\n  next: start one, or say where it is with -address or VAULT_ADDR`
  if (cause.code === 'ECONNRESET' && url.protocol === 'http:')
    return `${url.origin} closed the connection; it may speak TLS\n  next: export VAULT_ADDR='https://${url.host}'`
  if (cause.code === 'EPROTO' || /wrong version number|packet length too long/i.test(cause.message))
    return `${url.origin} speaks plain HTTP\n  next: export VAULT_ADDR='http://${url.host}'`
  if (/self.signed|unable to (verify|get)/i.test(cause.message))
    return `the certificate of ${url.origin} is not trusted\n  next: give its authority with -ca-cert or VAULT_CACERT`
  return `${url.origin} cannot be reached: ${cause.message}`
}
