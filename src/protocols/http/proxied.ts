import type { Server, Socket } from 'node:net'
import type { ProxyProtocol } from '../../contract/peer.ts'
import { inCidrs } from '../../util/cidr.ts'
import { readProxyHeader } from './proxy-header.ts'
import type { Source } from './proxy-header.ts'

/** The sources from PROXY headers, by connection. */
export class ProxiedSources {
  readonly #sources = new Map<string, Source>()

  /** The source of a connection from a trusted header, if any. */
  of(socket: Peer): Source | undefined {
    return this.#sources.get(nameOf(socket))
  }

  /** Stores it until the connection ends. */
  set(socket: Socket, source: Source): void {
    const name = nameOf(socket)
    this.#sources.set(name, source)
    socket.once('close', () => this.#sources.delete(name))
  }
}

/** A connection, or the TLS within it: both have the same addresses. */
interface Peer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

const nameOf = ({ remoteAddress, remotePort }: Peer): string => `${remoteAddress} ${remotePort}`

/** How a header is read. */
interface Reading {
  readonly rules: ProxyProtocol
  readonly sources: ProxiedSources
  /** Time limit for the header, milliseconds. */
  readonly timeout: number
  /** TLS reads the socket's existing bytes; HTTP reads bytes that are pushed into it afterwards. */
  readonly secure: boolean
}

/**
 * Reads the PROXY header of each connection before the server sees the connection. A header is trusted from listed peers
 * only; one that is broken, or does not come in time, closes that connection and nothing else.
 */
export function takeProxyHeaders(server: Server, reading: Reading): void {
  const serve = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  const pass = (socket: Socket): void => {
    for (const each of serve) each.call(server, socket)
  }
  server.on('connection', (socket: Socket) => {
    const listed = inCidrs(reading.rules.authorized, socket.remoteAddress ?? '')
    if (reading.rules.behavior === 'deny_unauthorized' && !listed) socket.destroy()
    else readFirst(socket, reading, reading.rules.behavior === 'use_always' || listed, pass)
  })
}

function readFirst(socket: Socket, reading: Reading, isTrusted: boolean, pass: (socket: Socket) => void): void {
  let bytes = Buffer.alloc(0)
  const timer = setTimeout(() => socket.destroy(), reading.timeout)
  const stop = (): void => void socket.destroy()
  const done = (rest: Buffer): void => {
    settled()
    socket.pause()
    if (reading.secure) {
      if (rest.length > 0) socket.unshift(rest)
      return pass(socket)
    }
    pass(socket)
    if (rest.length > 0) socket.push(rest)
    socket.resume()
  }
  const receive = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk])
    const found = readProxyHeader(bytes)
    if (found.kind === 'more') return
    if (found.kind === 'broken') return stop()
    if (found.kind === 'header' && found.source && isTrusted) reading.sources.set(socket, found.source)
    done(found.kind === 'header' ? bytes.subarray(found.length) : bytes)
  }
  const settled = (): void => {
    clearTimeout(timer)
    socket.off('data', receive).off('error', stop).off('end', stop).off('close', settled)
  }
  socket.on('data', receive).on('error', stop).on('end', stop).on('close', settled)
}
