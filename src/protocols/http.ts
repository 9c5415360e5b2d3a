import { constants } from 'node:crypto'
import { createServer as createPlain } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { BrowserRules } from '../contract/browser.ts'
import type { Gateway } from '../contract/protocol.ts'
import { application } from './application.ts'
import { Connections } from './connections.ts'
import { VaultApi } from './vault/index.ts'
import { mostHeaders } from './vault/request.ts'

/** Certificate and key, PEM. */
export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** When given, clients may show certificates of these authorities. */
  readonly clientCa?: string
}

/** How one listener listens. Times in milliseconds. */
export interface HttpOptions {
  readonly host: string
  readonly port: number
  readonly tls?: () => Promise<TlsMaterial>
  readonly bodyBytes?: number
  readonly headersTimeout?: number
  readonly requestTimeout?: number
  readonly idleTimeout?: number
  /** More than so many at once are hung up on: files of the storage and the audit log need descriptors, too. */
  readonly maxConnections?: number
  /** How long requests under way may take to finish once it is to close. */
  readonly finishTimeout?: number
}

/** A listener that is up. */
export interface HttpListener {
  readonly address: string
  /** Reads the certificate again; connections made from now on get the new one. */
  reload(): Promise<void>
  /** Takes no new requests, lets those under way finish within their time, and closes. */
  close(): Promise<void>
}

const usual = {
  bodyBytes: 4 * 1024 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 90_000,
  idleTimeout: 65_000,
  finishTimeout: 20_000,
  maxConnections: 8192,
}
/** Bytes of all headers together; a flag of Node does not widen it. */
const parserLimits = { maxHeaderSize: 16_384 }
const ciphers =
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305'

/** Serves the Vault API over HTTP/1.1, with TLS when told how to get a certificate. */
export async function listenHttp(gateway: Gateway, options: HttpOptions, rules: BrowserRules): Promise<HttpListener> {
  const settings = { ...usual, ...options }
  const handler = application(new VaultApi(gateway, settings, rules), rules).callback()
  const material = await options.tls?.()
  const limits = { ...parserLimits, connectionsCheckingInterval: Math.min(settings.headersTimeout, 1000) }
  const server = material ? createSecure({ ...limits, ...tlsOptions(material) }) : createPlain(limits)
  guard(server, settings)
  const life = { closing: false }
  const connections = new Connections()
  server.on(material ? 'secureConnection' : 'connection', (socket: Duplex) => connections.add(socket))
  const serve = (message: IncomingMessage, response: ServerResponse): void => {
    if (life.closing) response.shouldKeepAlive = false
    connections.begin(response)
    void handler(message, response)
  }
  server.on('request', serve)
  server.on('checkContinue', (message: IncomingMessage, response: ServerResponse) => {
    response.writeContinue()
    serve(message, response)
  })
  server.on('clientError', (error: Error, socket: Duplex) => connections.refuse(error, socket))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(options, cause)))
    server.listen({ port: options.port, host: options.host, backlog: 511 }, resolve)
  })
  const { address, port, family } = server.address() as AddressInfo
  return {
    address: `${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    reload: async () => {
      if (options.tls) (server as SecureServer).setSecureContext(tlsOptions(await options.tls()))
    },
    close: async () => {
      life.closing = true
      await closed(server, settings.finishTimeout)
    },
  }
}

/** Connections go as soon as their request is answered; after `ms` they go anyhow: Node forgets its own timeouts when a server is to close. */
async function closed(server: Server | SecureServer, ms: number): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  const enough = setTimeout(() => server.closeAllConnections(), ms)
  await new Promise((resolve) => server.close(resolve))
  clearInterval(idle)
  clearTimeout(enough)
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'this user may not listen there',
}

function cannotListen({ host, port }: HttpOptions, cause: Error & { readonly code?: string }): Error {
  return new Error(`cannot listen on ${host}:${port}: ${listenFailures[cause.code ?? ''] ?? cause.message}`, { cause })
}

function tlsOptions({ cert, key, minVersion = 'TLSv1.2', clientCa }: TlsMaterial) {
  return {
    cert,
    key,
    minVersion,
    ciphers,
    honorCipherOrder: true,
    // A client that renegotiates again and again costs the server far more than itself.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ALPNProtocols: ['http/1.1'],
    ...(clientCa && { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
  }
}

function guard(server: Server | SecureServer, settings: typeof usual): void {
  server.headersTimeout = settings.headersTimeout
  server.requestTimeout = settings.requestTimeout
  server.keepAliveTimeout = settings.idleTimeout
  server.maxHeadersCount = mostHeaders
  server.maxRequestsPerSocket = 0
  server.maxConnections = settings.maxConnections
}
