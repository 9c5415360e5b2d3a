import { createServer as createPlain } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { Server as SecureServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { ForwardedFor, ProxyProtocol } from '../../contract/peer.ts'
import type { Listener } from '../../contract/protocol.ts'
import { jsonLimits } from '../../util/json-limits.ts'
import { application } from './application.ts'
import type { Served } from './application.ts'
import { ClientCertificates } from './client-certificates.ts'
import { Clients } from './clients.ts'
import { Connections } from './connections.ts'
import { listenAt } from './addresses.ts'
import type { Place } from './addresses.ts'
import { mostHeaders } from './headers.ts'
import { ProxiedSources, takeProxyHeaders } from './proxied.ts'
import { tlsOptions } from './tls.ts'
import type { TlsMaterial } from './tls.ts'

/** How one listener listens. Times in milliseconds. */
export interface HttpOptions extends Place {
  readonly tls?: () => Promise<TlsMaterial>
  readonly bodyBytes?: number
  readonly headersTimeout?: number
  /** Time limit until the whole request was received. */
  readonly requestTimeout?: number
  /** Time limit until the response; default: none. */
  readonly answerTimeout?: number
  readonly idleTimeout?: number
  /** The most connections at once; further ones are closed: files of the storage and the audit log need descriptors, too. */
  readonly maxConnections?: number
  /** Time limit for requests in progress when the listener closes. */
  readonly finishTimeout?: number
  readonly forwardedFor?: ForwardedFor
  readonly proxyProtocol?: ProxyProtocol
  /** Called with TLS handshakes that failed: the address of the client, and OpenSSL's reason. */
  readonly handshakeFailed?: (from: string, why: string) => void
}

const usual = {
  bodyBytes: jsonLimits.bytes,
  headersTimeout: 10_000,
  requestTimeout: 90_000,
  idleTimeout: 65_000,
  finishTimeout: 20_000,
  maxConnections: 8192,
}
/**
 * Bytes of all headers together; a flag of Node cannot increase it. A request without Host is refused by us, with our own
 * response and audit lines.
 */
const parserLimits = { maxHeaderSize: 16_384, requireHostHeader: false }

/** Serves protocols and pages over HTTP/1.1, with TLS when the options have it. */
export async function listenHttp(served: Served, options: HttpOptions): Promise<Listener> {
  const settings = { ...usual, ...options }
  const sources = new ProxiedSources()
  const clients = new Clients(sources, options.forwardedFor)
  const certificates = new ClientCertificates()
  const handler = application(served, { clients, certificates, bodyLimit: settings.bodyBytes }).callback()
  const material = await options.tls?.()
  const limits = { ...parserLimits, connectionsCheckingInterval: Math.min(settings.headersTimeout, 1000) }
  const server = material ? createSecure({ ...limits, ...tlsOptions(material) }) : createPlain(limits)
  guard(server, settings)
  const life = { closing: false }
  const connections = new Connections((message, response) => void handler(message, response))
  server.on(material ? 'secureConnection' : 'connection', (socket: Duplex) => {
    certificates.add(socket)
    connections.add(socket)
  })
  const serve = (message: IncomingMessage, response: ServerResponse): void => {
    if (life.closing) response.shouldKeepAlive = false
    message.url = originForm(message.url ?? '/')
    if (options.answerTimeout !== undefined) connections.limitDuration(response, options.answerTimeout)
    connections.begin(response, () => void handler(message, response))
  }
  server.on('request', serve)
  server.on('checkContinue', (message: IncomingMessage, response: ServerResponse) => {
    response.writeContinue()
    serve(message, response)
  })
  // Other expectations than 100-continue may be ignored (RFC 9110 §10.1.1); Node's own response would lack our headers.
  server.on('checkExpectation', serve)
  onErrors(server, connections, options)
  const { proxyProtocol } = options
  if (proxyProtocol)
    takeProxyHeaders(server, {
      rules: proxyProtocol,
      sources,
      timeout: settings.headersTimeout,
      secure: Boolean(material),
    })
  return {
    address: await listenAt(server, options),
    reload: async () => {
      if (options.tls) (server as SecureServer).setSecureContext(tlsOptions(await options.tls()))
    },
    close: async () => {
      life.closing = true
      await closed(server, settings.finishTimeout)
    },
  }
}

function onErrors(server: Server | SecureServer, connections: Connections, { handshakeFailed }: HttpOptions): void {
  server.on('clientError', (error: Error, socket: Duplex) => connections.refuse(error, socket))
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) =>
    handshakeFailed?.(socket.remoteAddress ?? '', error.code ?? error.name),
  )
}

/** A target such as proxies are sent, `http://host/path`, means its path (RFC 9112 §3.2.2). */
function originForm(target: string): string {
  const found = /^https?:\/\/[^/?#]*(.*)$/is.exec(target)?.[1]
  if (found === undefined) return target
  return found.startsWith('/') ? found : `/${found}`
}

/** Connections are closed as soon as their response was sent, and after `ms` in any case: Node forgets its own timeouts when a server is to close. */
async function closed(server: Server | SecureServer, ms: number): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  const enough = setTimeout(() => server.closeAllConnections(), ms)
  await new Promise((resolve) => server.close(resolve))
  clearInterval(idle)
  clearTimeout(enough)
}

function guard(server: Server | SecureServer, settings: typeof usual): void {
  server.headersTimeout = settings.headersTimeout
  server.requestTimeout = settings.requestTimeout
  server.keepAliveTimeout = settings.idleTimeout
  server.maxHeadersCount = mostHeaders
  server.maxRequestsPerSocket = 0
  server.maxConnections = settings.maxConnections
}
