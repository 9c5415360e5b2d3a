import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { isIP } from 'node:net'
import type { Carrier } from './stream.ts'

/** A carrier over UDP: one datagram per message. Messages that the kernel has accepted may still be lost in transit. */
export class DatagramCarrier implements Carrier {
  readonly #host: string
  readonly #port: number
  #socket: Socket | undefined
  #failed: ((why: Error) => void) | undefined

  constructor(host: string, port: number) {
    this.#host = host
    this.#port = port
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    const socket = (this.#socket ??= this.#opened())
    await new Promise<void>((resolve, reject) => {
      this.#failed = reject
      let left = messages.length
      for (const message of messages)
        socket.send(message, this.#port, this.#host, (why) => {
          if (why) return reject(why)
          if (--left === 0) resolve()
        })
    })
  }

  drop(why: Error): void {
    this.#failed?.(why)
    this.close()
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  #opened(): Socket {
    const socket = createSocket(isIP(this.#host) === 6 ? 'udp6' : 'udp4')
    socket.on('error', (why) => this.#failed?.(why))
    return socket.unref()
  }
}
