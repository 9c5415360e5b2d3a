import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { jsonLimits } from '../../util/json-limits.ts'
import { readJson, writeJson } from '../../util/json.ts'
import type { Json } from '../../util/json.ts'
import { dryRunOf } from './dry-run.ts'
import { ServerError, missing, notFollowed, notJson, refusal, unexpectedResponse } from './errors.ts'
import { hintFor } from './hints.ts'
import { UsageError } from '../framework/flags.ts'
import { encodePath, query } from './paths.ts'
import { exchange, exchangeStream } from './transport.ts'
import type { ResponseStream, TransportOptions } from './transport.ts'

/** How to reach the server. */
export interface Target extends Omit<TransportOptions, 'maxBytes'> {
  readonly address: URL
  /** Empty for none. */
  readonly token: string
  /** Without slashes at its ends; empty for the root namespace. */
  readonly namespace: string
  /** As Go writes a duration; empty for no wrapping. */
  readonly wrapTtl: string
  readonly headers: Readonly<Record<string, string>>
  /** How often a failed request is tried again. */
  readonly retries: number
  readonly redirects: boolean
  /** Show requests instead of sending them. */
  readonly dryRun?: 'curl' | 'policy'
}

/** A response. `body` is the JSON object, or undefined if there is none. */
export interface ApiResponse {
  readonly status: number
  readonly body: Json | undefined
  readonly text: string
}

interface Received extends ApiResponse {
  /** Where a redirect leads that was not followed. */
  readonly location?: string
}

/** Options of a single request. */
export interface SendOptions {
  /** Data in the URL, behind the path. */
  readonly query?: Readonly<Record<string, unknown>>
  readonly token?: string
  /** Sent even in a dry run: its response is needed to determine the actual request. */
  readonly evenInDryRun?: boolean
  /** Never sent again: a key share would count for the next attempt, and the response to the first one be lost. */
  readonly noRetry?: boolean
  /** The response may be something other than JSON: it is shown unchanged. */
  readonly anyText?: boolean
}

const limits = {
  ...jsonLimits,
  bytes: 64 * 1024 * 1024,
  tokens: 10_000_000,
  containers: 2_000_000,
  names: 10_000_000,
  numerals: 10_000_000,
}

/** A small client of Vault's HTTP API. */
export class Client {
  readonly #target: Target

  constructor(target: Target) {
    this.#target = target
  }

  /**
   * Sends a request, again when the server is in trouble (412, or 5xx other than 501).
   * @returns the answer; a 404 with data or warnings is one too, except to a write
   * @throws ServerError for all other unsuccessful ones; Shown in a dry run; UsageError for an invalid path
   */
  async send(method: string, path: string, data?: unknown, options: SendOptions = {}): Promise<ApiResponse> {
    const url = this.#url(path, options.query ?? {})
    const retries = options.noRetry ? 0 : this.#target.retries
    for (let attempt = 0; ; attempt++) {
      const response = await this.#once(url, method, data, options)
      if (attempt < retries && isTransient(response)) {
        await pause(Math.min(200 * (attempt + 1), 1500))
        continue
      }
      const { namespace, token } = this.#target
      return this.#accepted({ method, url, namespace, hasToken: (options.token ?? token) !== '' }, response, options)
    }
  }

  /**
   * Sends a request whose response must have one of these members, at its top or in its `data`, such as `auth` or `sealed`.
   * A wrapped response, or a 404 with warnings, is also accepted.
   * @throws ServerError like `send`, and if the response has none of them: its sender has not performed the request
   */
  async ask(
    members: string | readonly string[],
    method: string,
    path: string,
    data?: unknown,
    options: SendOptions = {},
  ): Promise<Json> {
    const response = await this.send(method, path, data, options)
    const { status, body } = response
    if (
      body &&
      ([members].flat().some((member) => hasMember(body, member)) ||
        body['wrap_info'] ||
        (status === 404 && body['warnings']))
    )
      return body
    const { namespace, token } = this.#target
    const request = {
      method,
      url: this.#url(path, options.query ?? {}),
      namespace,
      hasToken: (options.token ?? token) !== '',
    }
    throw new ServerError(unexpectedResponse(request, response, missing(body, [members].flat())), status)
  }

  /**
   * Sends a file of any length. The response must have a member, at its top or in its `data`.
   * @throws ServerError as `ask` does; what reading the file throws
   */
  async sendFile(
    member: string,
    path: string,
    file: AsyncIterable<Uint8Array>,
    options: SendOptions = {},
  ): Promise<Json> {
    const body = Readable.from(file, { objectMode: false })
    let failed: unknown
    body.once('error', (thrown) => (failed = thrown))
    try {
      const { url, response } = await this.#stream('POST', path, body, options)
      const bytes = await response.all()
      const received = { status: response.status, body: jsonOf(bytes), text: bytes.toString('utf8') }
      const { body: answered } = this.#checked('POST', url, received)
      if (answered && hasMember(answered, member)) return answered
      const sent = { method: 'POST', url, namespace: this.#target.namespace, hasToken: this.#target.token !== '' }
      throw new ServerError(unexpectedResponse(sent, received, missing(answered, [member])), received.status)
    } catch (thrown) {
      // A file that cannot be read is the reason, and not the connection that ended with it.
      throw failed instanceof UsageError ? failed : thrown
    } finally {
      body.destroy()
    }
  }

  /** Asks for a file of any length. @throws as `send` does, also in the middle of the file */
  async receiveFile(path: string): Promise<AsyncIterable<Uint8Array>> {
    const { url, response } = await this.#stream('GET', path, undefined, {})
    if (response.status === 200) return response.parts()
    const bytes = await response.all()
    this.#checked('GET', url, { status: response.status, body: jsonOf(bytes), text: bytes.toString('utf8') })
    throw new ServerError(`${url.origin} sent no file`)
  }

  async #stream(
    method: string,
    path: string,
    body: Readable | undefined,
    options: SendOptions,
  ): Promise<{ readonly url: URL; readonly response: ResponseStream }> {
    const url = this.#url(path, options.query ?? {})
    const headers = this.#headers(method, undefined, options)
    const { dryRun } = this.#target
    if (dryRun) throw dryRunOf(dryRun, { method, url, headers, body: undefined })
    return { url, response: await exchangeStream({ method, url, headers, body }, { ...this.#target, maxBytes: limits.bytes }) } // prettier-ignore
  }

  #checked(method: string, url: URL, response: Received): ApiResponse {
    const { namespace, token } = this.#target
    return this.#accepted({ method, url, namespace, hasToken: token !== '' }, response, {})
  }

  #accepted(request: Parameters<typeof refusal>[0], response: Received, { anyText = false }: SendOptions): ApiResponse {
    const { status, body, text, location } = response
    if (status === 404 && request.method === 'GET' && hasContent(body)) return response
    if (status >= 400)
      throw Object.assign(new ServerError(refusal(request, response), status, body), {
        next: hintFor(request, response),
      })
    // A redirect that was not followed, and a proxy's page, do not show whether the operation was performed.
    const fits = status < 300 && (anyText || body !== undefined || text.trim() === '')
    if (!fits)
      throw new ServerError(
        unexpectedResponse(request, response, status >= 300 ? notFollowed(location ?? '') : notJson(text)),
        status,
      )
    return response
  }

  async #once(url: URL, method: string, data: unknown, options: SendOptions, redirected = false): Promise<Received> {
    const { dryRun, redirects } = this.#target
    const body = data === undefined ? undefined : writeJson(data)
    const headers = { ...defaultWrapping(method, url), ...this.#headers(method, body, options) }
    if (dryRun && !options.evenInDryRun) throw dryRunOf(dryRun, { method, url, headers, body: data })
    const {
      status,
      headers: received,
      bytes,
    } = await exchange({ method, url, headers, body }, { ...this.#target, maxBytes: limits.bytes })
    const { location } = received
    if (redirects && !redirected && location && [301, 302, 307, 308].includes(status))
      return this.#once(nextUrl(url, location), method, data, options, true)
    return { status, body: jsonOf(bytes), text: bytes.toString('utf8'), ...(location !== undefined && { location }) }
  }

  #headers(method: string, body: string | undefined, options: SendOptions): Record<string, string | number> {
    const { namespace, wrapTtl, headers } = this.#target
    const { token = this.#target.token, evenInDryRun } = options
    return {
      'X-Vault-Request': 'true',
      ...(token && { 'X-Vault-Token': token }),
      ...(namespace && { 'X-Vault-Namespace': `${namespace}/` }),
      ...(wrapTtl && !evenInDryRun && { 'X-Vault-Wrap-TTL': wrapTtl }),
      ...headers,
      ...(body !== undefined && {
        'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        'Content-Length': Buffer.byteLength(body),
      }),
    }
  }

  #url(path: string, parameters: Readonly<Record<string, unknown>>): URL {
    // A URL would swallow these, and the request would go to another path than the one that was written.
    if (/(^|\/)\.\.?(\/|$)/.test(path))
      throw new UsageError(`the path "${path}" contains "." or "..", which API paths cannot contain`)
    if (path.includes('//')) throw new UsageError(`the path "${path}" contains "//": is a variable unset?`)
    const { address } = this.#target
    return new URL(`${address.pathname.replace(/\/+$/, '')}/v1/${encodePath(path)}${query(parameters)}`, address)
  }

  /** Where requests go to, without a user and a password. */
  get address(): string {
    const { protocol, host, pathname } = this.#target.address
    return `${protocol}//${host}${pathname}`
  }

  /** The namespace that requests go to, without slashes at its ends; empty for the root namespace. */
  get namespace(): string {
    return this.#target.namespace
  }
}

/** The wrapping TTL: a response that must be wrapped has the default TTL of Vault's clients if the user gave none. */
const defaultWrapping = (method: string, { pathname }: URL): Record<string, string> =>
  ['PUT', 'POST'].includes(method) && pathname.endsWith('/v1/sys/wrapping/wrap') ? { 'X-Vault-Wrap-TTL': '5m' } : {}

/** @throws ServerError for a redirect from TLS to plaintext: a token must not be sent there */
function nextUrl(url: URL, location: string): URL {
  const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined
  if (!next || !['http:', 'https:'].includes(next.protocol))
    throw new ServerError(`${url.origin} redirects to an invalid address: not followed`)
  if (url.protocol === 'https:' && next.protocol !== 'https:')
    throw new ServerError(`${url.origin} redirects to ${next.origin}, which is not encrypted: not followed`)
  return next
}

/** A temporary failure. A sealed server stays sealed, so it is not retried. */
function isTransient({ status, body }: ApiResponse): boolean {
  const errors = body?.['errors']
  if (status === 503 && Array.isArray(errors) && errors.includes('Vault is sealed')) return false
  return status === 412 || (status >= 500 && status !== 501)
}

function hasMember(body: Json, member: string): boolean {
  const { data } = body as { readonly data?: Json | null }
  return (body[member] ?? data?.[member] ?? null) !== null
}

const hasContent = (body: Json | undefined): boolean => Boolean(body?.['data'] || body?.['warnings'])

function jsonOf(bytes: Uint8Array): Json | undefined {
  try {
    const value: unknown = bytes.length === 0 ? undefined : readJson(bytes, limits)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}
