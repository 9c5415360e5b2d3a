import { createConnection, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'

/** Where a stream leads. */
export type StreamTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly tls: ConnectionOptions }
  | { readonly kind: 'unix'; readonly path: string }

/** Sends bytes to a receiver, and connects if necessary. */
export interface Carrier {
  /** Resolves when the kernel has accepted all of them. After a lost connection, one retry. */
  send(messages: readonly Buffer[]): Promise<void>
  /** Aborts the write in progress: it fails with this reason. The next `send` connects again. */
  drop(why: Error): void
  /** Bytes that the kernel has accepted are still sent. */
  close(): void
}

/** A carrier over a stream: messages arrive in order and complete. */
export class StreamCarrier implements Carrier {
  readonly #target: StreamTarget
  #socket: Socket | undefined

  constructor(target: StreamTarget) {
    this.#target = target
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat(messages)
    const old = this.#alive()
    if (old) {
      try {
        return await write(old, bytes)
      } catch (thrown) {
        if (thrown instanceof Aborted) throw thrown
      }
    }
    // A restarted receiver has closed the old connection: this alone is no failure.
    return write(await this.#connect(), bytes)
  }

  drop(why: Error): void {
    this.#socket?.destroy(new Aborted(why.message))
    this.#socket = undefined
  }

  close(): void {
    this.#socket?.destroySoon()
    this.#socket = undefined
  }

  #alive(): Socket | undefined {
    const socket = this.#socket
    return socket && !socket.destroyed && socket.writable ? socket : undefined
  }

  async #connect(): Promise<Socket> {
    this.#socket?.destroy()
    const socket = opened(this.#target)
    this.#socket = socket
    // An error between two writes is noticed at the next one.
    socket.on('error', () => {})
    socket.resume()
    socket.unref()
    await new Promise<void>((resolve, reject) => {
      socket.once(this.#target.kind === 'tls' ? 'secureConnect' : 'connect', resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the connection was closed')))
    })
    return socket
  }
}

/** The write was aborted by this side. */
class Aborted extends Error {}

function opened(target: StreamTarget): Socket {
  if (target.kind === 'unix') return createConnection(target.path)
  const { host, port } = target
  if (target.kind === 'tcp') return createConnection({ host, port, noDelay: true, keepAlive: true })
  // A name is sent and checked; an address is only checked.
  return connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...target.tls })
}

async function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (why?: Error | null): void => {
      socket.off('close', closed)
      if (why) reject(why)
      else resolve()
    }
    const closed = (): void => ended(socket.errored ?? new Error('the connection was closed'))
    socket.once('close', closed)
    socket.write(bytes, ended)
  })
}
