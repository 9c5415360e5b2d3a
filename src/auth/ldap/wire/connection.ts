import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { DirectoryError } from './directory-error.ts'
import { Frames } from './frames.ts'
import { resultOf, successCode, tags } from './response.ts'

/** The address of a server, and its use of TLS. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  /** When TLS begins: at once (ldaps), by StartTLS before anything else, or never. */
  readonly tls: 'at-once' | 'starttls' | 'never'
  readonly options: ConnectionOptions
}

/** StartTLS, message 1 (RFC 4511 section 4.14.1). */
const startTls = Buffer.from(`301d02010177188016${Buffer.from('1.3.6.1.4.1.1466.20037').toString('hex')}`, 'hex')

/** Messages that are handled before others get a turn of the event loop. */
const messagesPerTurn = 64

/**
 * A connection to a server. It is made once: nothing is ever sent on another one in its place, which might be without TLS.
 * It ends with the first failure, and every wait for a message fails then.
 */
export class Connection {
  #socket: Socket
  #frames = new Frames()
  #failure: DirectoryError | undefined
  #wake: () => void = () => {}
  #messages = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#listen()
  }

  /**
   * Connects. The connection is given to `began` before that, so that it can be ended.
   * @throws DirectoryError
   */
  static async open(endpoint: Endpoint, began: (connection: Connection) => void): Promise<Connection> {
    const { host, port, tls, options } = endpoint
    const socket = tls === 'at-once' ? connectTls({ ...options, host, port }) : connectTcp({ host, port })
    const connection = new Connection(socket)
    began(connection)
    await connection.#event(tls === 'at-once' ? 'secureConnect' : 'connect')
    if (tls === 'starttls') await connection.#startTls(options)
    return connection
  }

  send(message: Buffer): void {
    if (!this.#failure) this.#socket.write(message)
  }

  /** The next message of the server. @throws DirectoryError */
  async next(): Promise<Buffer> {
    this.#messages += 1
    if (this.#messages % messagesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve))
    for (;;) {
      if (this.#failure) throw this.#failure
      const message = this.#frames.next()
      if (message) return message
      await this.#change()
    }
  }

  /** Ends it. */
  end(failure = new DirectoryError('the connection is closed')): void {
    this.#failure ??= failure
    this.#socket.destroy()
    this.#wake()
  }

  /** @throws DirectoryError when the server does not do it: nothing is sent in plaintext */
  async #startTls(options: ConnectionOptions): Promise<void> {
    this.send(startTls)
    const { id, tag, code } = resultOf(await this.next())
    if (id !== 1 || tag !== tags.extendedResponse || code !== successCode)
      throw new DirectoryError(`the server refuses StartTLS (result ${code})`)
    // Bytes of before would count as bytes of the protected connection.
    if (this.#frames.size > 0) throw new DirectoryError('the server sent more than its response before StartTLS')
    const plain = this.#socket
    plain.pause().removeAllListeners('data')
    this.#frames = new Frames()
    this.#socket = connectTls({ ...options, socket: plain })
    this.#listen()
    await this.#event('secureConnect')
  }

  #listen(): void {
    this.#socket.on('error', ({ code, message }: NodeJS.ErrnoException) =>
      this.end(new DirectoryError(code ?? message)),
    )
    this.#socket.on('close', () => this.end(new DirectoryError('the server closed the connection')))
    this.#socket.on('data', (bytes: Buffer) => {
      try {
        this.#frames.push(bytes)
        this.#wake()
      } catch (thrown) {
        this.end(thrown instanceof DirectoryError ? thrown : undefined)
      }
    })
  }

  async #event(name: string): Promise<void> {
    const seen = { isThere: false }
    this.#socket.once(name, () => {
      seen.isThere = true
      this.#wake()
    })
    while (!seen.isThere) {
      if (this.#failure) throw this.#failure
      await this.#change()
    }
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve))
  }
}
