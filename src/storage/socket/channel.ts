import type { Socket } from 'node:net'
import { deserialize, serialize } from 'node:v8'

/** Larger frames than any storage message end the connection. */
const longestFrame = 256 * 1024 * 1024
const headBytes = 4

/**
 * Messages over a socket between processes of one user. A frame is a length (4 bytes, big-endian) and the messages of one
 * turn of the event loop, in V8's serialisation. Messages arrive in the order in which they were sent.
 */
export class Channel<Out, In> {
  readonly #socket: Socket
  readonly #received: (message: In) => void
  #chunks: Buffer[] = []
  #bytes = 0
  #outgoing: Out[] = []

  /** @param ended called once, after the last message */
  constructor(socket: Socket, received: (message: In) => void, ended: () => void) {
    this.#socket = socket
    this.#received = received
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('end', () => socket.destroy())
    socket.once('close', ended)
  }

  send(message: Out): void {
    this.#outgoing.push(message)
    if (this.#outgoing.length === 1) process.nextTick(() => this.#flush())
  }

  close(): void {
    this.#flush()
    this.#socket.destroySoon()
  }

  /** Sends nothing more. The connection ends when the other side has read everything and closes. */
  finish(): void {
    this.#flush()
    this.#socket.end()
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  #flush(): void {
    const messages = this.#outgoing
    this.#outgoing = []
    if (messages.length === 0 || this.#socket.destroyed) return
    const body = serialize(messages)
    const head = Buffer.alloc(headBytes)
    head.writeUInt32BE(body.length)
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(body)
    this.#socket.uncork()
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= headBytes) {
      const end = headBytes + this.#front().readUInt32BE()
      if (end > headBytes + longestFrame) {
        this.#socket.destroy()
        return
      }
      if (this.#bytes < end) return
      const all = this.#joined()
      const rest = all.subarray(end)
      this.#chunks = rest.length > 0 ? [rest] : []
      this.#bytes = rest.length
      for (const message of deserialize(all.subarray(headBytes, end)) as In[]) this.#received(message)
    }
  }

  /** The first bytes, enough for a length. The rest stays in its chunks: a long frame is joined once, when it is whole. */
  #front(): Buffer {
    const [first] = this.#chunks
    return first && first.length >= headBytes ? first : this.#joined()
  }

  #joined(): Buffer {
    const [only] = this.#chunks
    if (only && this.#chunks.length === 1) return only
    const joined = Buffer.concat(this.#chunks)
    this.#chunks = [joined]
    return joined
  }
}
