import { request as plainRequest } from 'node:http'
import type { RequestOptions } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { RequestOptions as SecureOptions } from 'node:https'
import { isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { ServerError } from './errors.ts'
import type { ConnectionError } from './errors.ts'
import { hostOf, portOf } from './proxy.ts'
import type { Proxy } from './proxy.ts'

/** A request's way through a proxy. */
export interface TunnelOptions {
  readonly proxy: Proxy
  readonly tls: SecureOptions
  readonly signal: AbortSignal | undefined
}

/** The options for a request to `url` through the proxy. TLS is with the server itself, end to end. */
export async function optionsThrough(url: URL, through: TunnelOptions): Promise<SecureOptions> {
  return url.protocol === 'https:' ? tunnelled(url, through) : absoluteForm(url, through)
}

/** The proxy itself gets the request, for the whole address (RFC 9112 §3.2.2). */
function absoluteForm(url: URL, through: TunnelOptions): SecureOptions {
  const { headers, ...to } = toProxy(through)
  return { ...to, path: `${url.origin}${url.pathname}${url.search}`, headers: { ...headers, Host: url.host } }
}

/** The proxy connects (RFC 9110 §9.3.6), and TLS is spoken with the server through that connection. */
async function tunnelled(url: URL, through: TunnelOptions): Promise<SecureOptions> {
  const socket = await connection(`${url.hostname}:${portOf(url)}`, through)
  const host = hostOf(url)
  const name = through.tls.servername ?? (isIP(host) === 0 ? host : '')
  const secured = { ...(through.tls as ConnectionOptions), socket, host, servername: name, ALPNProtocols: ['http/1.1'] }
  // Without an agent Node treats every port but 80 as non-default.
  return { createConnection: () => connect(secured), defaultPort: 443 }
}

async function connection(authority: string, { proxy, ...through }: TunnelOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { headers, signal, ...to } = toProxy({ proxy, ...through })
    const options = { ...to, ...(signal && { signal }), agent: false, method: 'CONNECT', path: authority }
    const request = requester(proxy.url)({ ...options, headers: { ...headers, Host: authority } })
    request.on('error', reject)
    request.on('connect', ({ statusCode = 0 }, socket: Socket, first: Buffer) => {
      if (statusCode === 200) {
        if (first.length > 0) socket.unshift(first)
        return resolve(socket)
      }
      socket.destroy()
      reject(refusedBy(proxy, authority, statusCode))
    })
    request.end()
  })
}

/** Which of Node's functions talks to an address. */
export const requester = ({ protocol }: Pick<URL, 'protocol'>): typeof secureRequest =>
  protocol === 'https:' ? secureRequest : plainRequest

/** The proxy in place of the server. Its certificate is for its own name; our client certificate is not sent to it. */
function toProxy({ proxy: { url }, tls, signal }: TunnelOptions): ProxyRequest {
  const { ca, rejectUnauthorized } = tls
  const authority = ca === undefined ? {} : { ca }
  return {
    protocol: url.protocol,
    hostname: hostOf(url),
    port: portOf(url),
    headers: credentials(url),
    ...(signal && { signal }),
    ...(url.protocol === 'https:' && { ...authority, ...(rejectUnauthorized === false && { rejectUnauthorized }) }),
  }
}

/** Options of a request to the proxy. Its headers are an object, never a list. */
type ProxyRequest = Omit<RequestOptions, 'headers'> & { readonly headers: Headers }

type Headers = Readonly<Record<string, string>>

function credentials({ username, password }: URL): Headers {
  if (username === '' && password === '') return {}
  const pair = Buffer.from(`${unescaped(username)}:${unescaped(password)}`).toString('base64')
  return { 'Proxy-Authorization': `Basic ${pair}` }
}

/** Decodes `%40` to `@`; invalid codes stay as written. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The proxy has refused. 407 is a status of proxies only. */
export function refusedBy({ url, variable }: Proxy, to: string, status: number): ServerError {
  const next =
    status === 407 ? `give its name and password in ${variable}` : `check ${variable}, or list the server in NO_PROXY`
  return new ServerError(
    `the proxy ${url.origin} refused the connection to ${to} with status ${status}\n  next: ${next}`,
  )
}

/** The proxy could not be reached. */
export function unreachableProxy({ url, variable }: Proxy, { code, message }: ConnectionError): ServerError {
  return new ServerError(
    `the proxy ${url.origin} cannot be reached: ${code ?? message}\n  next: check ${variable}, or unset it`,
  )
}
