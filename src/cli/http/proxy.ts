import { isIP } from 'node:net'
import { inCidrs, parseCidr } from '../../util/cidr.ts'
import type { Environment } from '../framework/env.ts'
import { ServerError } from './errors.ts'

/** A proxy on the way to a server. */
export interface Proxy {
  /** With the name and password that it may require: never to be printed as a whole. */
  readonly url: URL
  /** The variable of the environment that names it. */
  readonly variable: string
}

/** The proxy for an address, or undefined for none. @throws ServerError for an invalid setting */
export type ProxyChoice = (url: URL) => Proxy | undefined

interface Setting {
  readonly variable: string
  readonly value: string
}

/**
 * Chooses proxies as Go programs do: VAULT_PROXY_ADDR, otherwise VAULT_HTTP_PROXY, for every address; otherwise HTTPS_PROXY
 * or HTTP_PROXY by the scheme, except for this machine and the hosts in NO_PROXY.
 */
export function proxyChoice(env: Environment): ProxyChoice {
  const always = ['PROXY_ADDR', 'HTTP_PROXY'].map((name) => env.found(name)).find((found) => found?.value)
  if (always) return () => proxyOf(always)
  const excepted = exceptions(anyCase(env, 'NO_PROXY')?.value ?? '')
  return (url) => {
    const setting = url.protocol === 'https:' ? anyCase(env, 'HTTPS_PROXY') : plainProxy(env)
    return setting && !isLocal(hostOf(url)) && !excepted(url) ? proxyOf(setting) : undefined
  }
}

/** An address without the brackets of IPv6. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '')

/** The port that is connected to. */
export const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80)

function anyCase(env: Environment, name: string): Setting | undefined {
  const found = [name, name.toLowerCase()].map((variable) => ({ variable, value: env.plain(variable) ?? '' }))
  return found.find(({ value }) => value !== '')
}

/** In a CGI program HTTP_PROXY is the value of a client's header `Proxy` (CVE-2016-5385): it is ignored there. */
function plainProxy(env: Environment): Setting | undefined {
  if (!env.plain('REQUEST_METHOD')) return anyCase(env, 'HTTP_PROXY')
  const value = env.plain('http_proxy') ?? ''
  return value === '' ? undefined : { variable: 'http_proxy', value }
}

function proxyOf({ variable, value }: Setting): Proxy {
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  const url = URL.canParse(address) ? new URL(address) : undefined
  // The value is not shown: it may contain a password.
  if (url?.protocol.startsWith('socks'))
    throw new ServerError(
      `${variable} names a SOCKS proxy; strongroom supports HTTP proxies only\n  next: name an HTTP proxy, such as http://proxy.example:3128; or reach the server through "ssh -L 8200:SERVER:8200 HOST" and -address=https://127.0.0.1:8200 with -tls-server-name; or unset it`,
    )
  if (!url || url.hostname === '' || !['http:', 'https:'].includes(url.protocol))
    throw new ServerError(
      `${variable} is not a valid proxy address\n  next: write it like http://proxy.example:3128, or unset it`,
    )
  return { url, variable }
}

const loopback = ['127.0.0.0/8', '::1/128']
const isLocal = (host: string): boolean => host === 'localhost' || inCidrs(loopback, host)

/** The entries of NO_PROXY: `*`, addresses, address blocks, names with all below them, `.name` for those below only; with ports. */
function exceptions(list: string): (url: URL) => boolean {
  const entries = list.split(',').map((entry) => entry.trim().toLowerCase())
  if (entries.includes('*')) return () => true
  const tests = entries.filter((entry) => entry !== '').map(exception)
  return (url) => tests.some((test) => test(hostOf(url), portOf(url)))
}

function exception(entry: string): (host: string, port: number) => boolean {
  const block = entry.includes('/') ? parseCidr(entry) : undefined
  if (block !== undefined) {
    const blocks = [block]
    return (host) => inCidrs(blocks, host)
  }
  const [, bracketed, name = bracketed ?? entry, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? []
  const samePort = (requested: number): boolean => port === undefined || Number(port) === requested
  if (isIP(name) !== 0) {
    const lone = [parseCidr(name) as string]
    return (host, requested) => inCidrs(lone, host) && samePort(requested)
  }
  const bare = name.replace(/^\*(?=\.)/, '')
  const below = bare.startsWith('.') ? bare : `.${bare}`
  return (host, requested) => (host === bare || host.endsWith(below)) && bare !== '' && samePort(requested)
}
