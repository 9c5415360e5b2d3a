import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Readable, pipeline } from 'node:stream'
import type { RequestOptions as SecureOptions } from 'node:https'
import { ServerError, unreachable } from './errors.ts'
import type { ConnectionError } from './errors.ts'
import type { Proxy, ProxyChoice } from './proxy.ts'
import { optionsThrough, refusedBy, requester, unreachableProxy } from './tunnel.ts'

/** One request. */
export interface HttpRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | number>>
  /** A stream is a file of any length. */
  readonly body: string | Readable | undefined
}

/** A response. */
export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** A response whose content is read once: all of it, or piece by piece. */
export interface ResponseStream {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  all(): Promise<Buffer>
  parts(): AsyncIterable<Uint8Array>
}

/** The parameters of connections. */
export interface TransportOptions {
  /** The unix socket that the server listens on, in place of a port. */
  readonly socketPath?: string
  readonly tls: SecureOptions
  /** The proxy for an address; a socket needs none. */
  readonly proxy: ProxyChoice
  /** Milliseconds until the whole response must have arrived; 0 for no limit. */
  readonly timeout: number
  /** The longest response that is read, in bytes. */
  readonly maxBytes: number
}

/** Sends one request and reads its whole response. @throws ServerError if there is none, or only a part */
export async function exchange(sent: HttpRequest, wire: TransportOptions): Promise<HttpResponse> {
  const signal = wire.timeout > 0 ? AbortSignal.timeout(wire.timeout) : undefined
  const proxy = wire.socketPath === undefined ? wire.proxy(sent.url) : undefined
  try {
    const message = await responseTo(sent, wire, proxy, signal)
    const bytes = await bytesOf(message, wire.maxBytes)
    return { status: message.statusCode ?? 0, headers: message.headers, bytes }
  } catch (thrown) {
    if (signal?.aborted) throw new ServerError(`${sent.url.origin} did not respond within ${wire.timeout / 1000} s`)
    throw failure(sent.url, thrown)
  }
}

/** Sends one request and hands over its answer as it comes. @throws ServerError when there is none */
export async function exchangeStream(sent: HttpRequest, wire: TransportOptions): Promise<ResponseStream> {
  const proxy = wire.socketPath === undefined ? wire.proxy(sent.url) : undefined
  try {
    const message = await responseTo(sent, wire, proxy, undefined)
    return {
      status: message.statusCode ?? 0,
      headers: message.headers,
      all: async () => bytesOf(message, wire.maxBytes).catch((thrown: unknown) => { throw failure(sent.url, thrown) }), // prettier-ignore
      parts: () => partsOf(message, sent.url),
    }
  } catch (thrown) {
    throw failure(sent.url, thrown)
  }
}

async function* partsOf(message: IncomingMessage, url: URL): AsyncGenerator<Uint8Array> {
  try {
    for await (const part of message) yield part as Buffer
  } catch {
    throw failure(url, new IncompleteResponse('is incomplete; try again'))
  }
}

function failure(url: URL, thrown: unknown): ServerError {
  if (thrown instanceof ServerError) return thrown
  if (thrown instanceof IncompleteResponse) return new ServerError(`the response of ${url.origin} ${thrown.message}`)
  return new ServerError(unreachable(url, thrown as ConnectionError))
}

async function responseTo(
  sent: HttpRequest,
  wire: TransportOptions,
  proxy: Proxy | undefined,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  if (!proxy) {
    const { socketPath } = wire
    const secure = sent.url.protocol === 'https:'
    return send(sent, secure ? wire.tls : { ...(socketPath !== undefined && { socketPath }) }, signal)
  }
  // A failure before the start of TLS with the server is the proxy's.
  const failed = (thrown: unknown): never => {
    throw thrown instanceof ServerError || signal?.aborted ? thrown : unreachableProxy(proxy, thrown as ConnectionError)
  }
  const options = await optionsThrough(sent.url, { proxy, tls: wire.tls, signal }).catch(failed)
  const response = send(sent, options, signal)
  const message = await (sent.url.protocol === 'https:' ? response : response.catch(failed))
  if (sent.url.protocol === 'http:' && message.statusCode === 407) {
    message.destroy()
    throw refusedBy(proxy, sent.url.host, 407)
  }
  return message
}

async function send(
  { url, method, headers, body }: HttpRequest,
  { headers: further, ...options }: SecureOptions,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const all = { ...inBytes(headers), ...(further as Record<string, string> | undefined) }
    const makeRequest = requester(options.protocol ? { protocol: options.protocol } : url)
    const request = makeRequest(url, { method, ...options, headers: all, ...(signal && { signal }) }, resolve)
    request.on('error', reject)
    // As bytes: a string would be joined with the headers, and both written as UTF-8.
    if (!(body instanceof Readable)) request.end(body === undefined ? undefined : Buffer.from(body))
    else pipeline(body, request, (failed) => failed && reject(failed))
  })
}

/** Headers go out as the bytes of UTF-8, each as one letter of Latin-1: Node sends no others. */
function inBytes(headers: HttpRequest['headers']): Record<string, string> {
  const pairs = Object.entries(headers)
  return Object.fromEntries(pairs.map(([name, value]) => [name, Buffer.from(String(value)).toString('latin1')]))
}

/** The response is incomplete. */
class IncompleteResponse extends Error {}

async function bytesOf(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const part of message) {
      length += (part as Buffer).length
      if (length > maxBytes)
        throw new IncompleteResponse(`is longer than ${Math.floor(maxBytes / 1024 / 1024)} MiB and was not read`)
      parts.push(part as Buffer)
    }
  } catch (thrown) {
    throw thrown instanceof IncompleteResponse ? thrown : new IncompleteResponse('is incomplete; try again')
  }
  return Buffer.concat(parts)
}
