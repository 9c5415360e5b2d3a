import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import { Duplex } from 'node:stream'

/**
 * Node's HTTP parser refuses the verbs LIST and SCAN, which Vault's clients send. It stops exactly at the method of such a
 * request, with everything before it handled. So the parser is started afresh there, with the request line rewritten to GET
 * and the verb in a header that nobody outside can know the name of. Message framing stays the parser's alone: a body
 * that happens to contain "LIST " is never looked at. Ordinary requests pass untouched.
 */
export const verbHeader = `x-verb-${randomBytes(16).toString('hex')}`

const longestLine = 16_384

interface ParseError extends Error {
  readonly code?: string
  readonly bytesParsed?: number
  readonly rawPacket?: Buffer
}

/** Handles a parser error if it is an unknown verb. False: it is something else, and the socket is the caller's to answer. */
export function reviveVerb(
  server: Server,
  event: 'connection' | 'secureConnection',
  error: ParseError,
  socket: Duplex,
): boolean {
  if (error.code !== 'HPE_INVALID_METHOD' || !error.rawPacket) return false
  // It was rewritten already and is no request all the same.
  if (socket instanceof Replay && socket.refused) return false
  // An answer is still under way on this connection: it was pipelined, and nobody could tell where the next one belongs.
  if ((socket as { readonly _httpMessage?: unknown })._httpMessage) return false
  const rest = error.rawPacket.subarray(methodStart(error.rawPacket, error.bytesParsed ?? 0))
  const raw = socket instanceof Replay ? socket.release() : released(socket)
  const replay = new Replay(raw, rest)
  server.emit(event, replay)
  return true
}

/** Where the method token begins that the parser stopped in. */
function methodStart(packet: Buffer, stopped: number): number {
  let at = Math.min(stopped, packet.length)
  while (at > 0 && isCapital(packet[at - 1])) at--
  return at
}

const isCapital = (byte: number | undefined): boolean => byte !== undefined && byte >= 65 && byte <= 90

/** Takes a socket back from the HTTP server: its listeners there go, those of the socket itself stay. */
function released(socket: Duplex): Duplex {
  for (const name of ['data', 'end', 'close', 'error', 'drain', 'timeout', 'readable'] as const) {
    for (const listener of socket.listeners(name)) {
      if (/socketOn|serverSocket|abortServerSocket|resOnFinish|onParser/.test(listener.name))
        socket.removeListener(name, listener as () => void)
    }
  }
  return socket
}

/** The beginnings that a packet boundary may have cut off. */
const cut: Readonly<Record<string, string>> = { IST: 'LIST', ST: 'LIST', T: 'LIST', CAN: 'SCAN', AN: 'SCAN', N: 'SCAN' }

/** A socket whose next request line is rewritten; everything behind it is passed as it comes. */
class Replay extends Duplex {
  readonly #raw: Duplex
  #head: Buffer | undefined
  /** What came is no request line. */
  refused = false
  readonly #onData = (chunk: Buffer): void => this.#take(chunk)
  readonly #onEnd = (): void => void this.push(null)
  readonly #onClose = (): void => void this.destroy()
  readonly #onError = (error: Error): void => void this.destroy(error)

  constructor(raw: Duplex, first: Buffer) {
    super({ allowHalfOpen: true })
    this.#raw = raw
    this.#head = Buffer.alloc(0)
    raw.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onError)
    this.#take(first)
    raw.resume()
  }

  /** The socket's peer, as the server asks for it. */
  get remoteAddress(): string | undefined {
    return (this.#raw as { readonly remoteAddress?: string }).remoteAddress
  }

  get remotePort(): number | undefined {
    return (this.#raw as { readonly remotePort?: number }).remotePort
  }

  get encrypted(): boolean {
    return (this.#raw as { readonly encrypted?: boolean }).encrypted ?? false
  }

  /** Gives the socket up for a new Replay. */
  release(): Duplex {
    this.#raw
      .removeListener('data', this.#onData)
      .removeListener('end', this.#onEnd)
      .removeListener('close', this.#onClose)
      .removeListener('error', this.#onError)
    return this.#raw
  }

  setTimeout(ms: number, done?: () => void): this {
    ;(this.#raw as { setTimeout?: (ms: number, done?: () => void) => void }).setTimeout?.(ms, done)
    return this
  }

  override _read(): void {
    this.#raw.resume()
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#raw.write(chunk, encoding, done)
  }

  override _final(done: () => void): void {
    this.#raw.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#raw.destroy()
    done(error)
  }

  #take(chunk: Buffer): void {
    if (this.#head === undefined) return this.#pass(chunk)
    const head = Buffer.concat([this.#head, chunk])
    const end = head.indexOf('\n')
    if (end < 0) {
      this.#head = head
      if (head.length > longestLine) this.destroy()
      return undefined
    }
    this.#head = undefined
    const line = rewritten(head.toString('latin1', 0, end + 1))
    this.refused = line === undefined
    return this.#pass(Buffer.concat([Buffer.from(line ?? '!\r\n', 'latin1'), head.subarray(end + 1)]))
  }

  #pass(chunk: Buffer): void {
    if (chunk.length > 0 && !this.push(chunk)) this.#raw.pause()
  }
}

/** `LIST /x HTTP/1.1` as a GET with the verb beside it; undefined for what is no request line. */
function rewritten(line: string): string | undefined {
  const found = /^([A-Z]{1,32}) (\S+ HTTP\/1\.[01]\r?\n)$/.exec(line)
  if (!found) return undefined
  const verb = cut[found[1] as string] ?? found[1]
  return `GET ${found[2]}${verbHeader}: ${verb}\r\n`
}
