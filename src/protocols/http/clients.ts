import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { refuse } from '../../contract/fault.ts'
import type { ForwardedFor } from '../../contract/peer.ts'
import { inCidrs } from '../../util/cidr.ts'
import { forwardedCertificates } from './forwarded-certificate.ts'
import type { ProxiedSources } from './proxied.ts'
import type { Source } from './proxy-header.ts'

/** The client: the peer of the connection, or the address that a trusted proxy names. */
export class Clients {
  readonly #sources: ProxiedSources
  readonly #forwarded: ForwardedFor | undefined

  constructor(sources: ProxiedSources, forwarded: ForwardedFor | undefined) {
    this.#sources = sources
    this.#forwarded = forwarded
  }

  /** The client's address and port; an IPv4 address in its own form. A unix socket has none: '' and 0. */
  peer(message: IncomingMessage): Source {
    const { remoteAddress = '', remotePort = 0 } = message.socket
    return this.#sources.of(message.socket) ?? { address: plain(remoteAddress), port: remotePort }
  }

  /** The same, or the address in the peer's `X-Forwarded-For`. @throws Fault invalid_request by the rules of the listener */
  of(message: IncomingMessage): Source {
    const peer = this.peer(message)
    return this.#forwarded ? forwardedBy(peer, message, this.#forwarded) : peer
  }

  /** The client's certificates that a trusted proxy sends; undefined: those of the connection count. @throws Fault invalid_request */
  certificates(message: IncomingMessage): readonly string[] | undefined {
    const rules = this.#forwarded?.certificate
    if (!this.#forwarded || !rules) return undefined
    return forwardedCertificates(message, rules, inCidrs(this.#forwarded.authorized, this.peer(message).address))
  }
}

const plain = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address)

function forwardedBy(peer: Source, message: IncomingMessage, rules: ForwardedFor): Source {
  const header = message.headersDistinct['x-forwarded-for']
  if (!header) {
    if (!rules.rejectNotPresent) return peer
    throw refuse('missing x-forwarded-for header and configured to reject when not present')
  }
  if (!inCidrs(rules.authorized, peer.address)) {
    if (!rules.rejectNotAuthorized) return peer
    throw refuse('client address not authorized for x-forwarded-for and configured to reject connection')
  }
  const chain = header.flatMap((value) => value.split(',')).map((part) => part.trim())
  const found = chain[chain.length - 1 - rules.hopSkips]
  if (found === undefined)
    throw refuse(
      `malformed x-forwarded-for configuration or request, hops to skip (${rules.hopSkips}) would skip before earliest chain link (chain length ${chain.length})`,
    )
  if (isIP(found) === 0) throw refuse('x-forwarded-for does not hold an address where the client must stand')
  return { address: plain(found), port: peer.port }
}
