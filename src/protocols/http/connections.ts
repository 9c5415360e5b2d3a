import { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { commonHeaders } from './headers.ts'
import { markBroken, isUploading } from './upload.ts'
import { VerbReader } from './verbs.ts'

/** How long a refused client may take to disconnect, in milliseconds. */
const disconnectMs = 1000

const refusals: Readonly<Record<string, number>> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }
const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}
/** The placeholder verbs that the parser sees for unknown ones. Other bytes are not a request. */
const requestLine = /^([A-Z]+) (\/\S*) HTTP\/1\.[01]\r?\n/
const body = '{"errors":[]}\n'
const timeoutBody = '{"errors":["the request took longer than max_request_duration allows; ask what became of it"]}\n'
const headers = {
  'Content-Type': 'application/json',
  ...commonHeaders,
  Connection: 'close',
  'Content-Length': String(body.length),
} as const

/** Node's error, with the bytes it is about. */
interface ParserError extends Error {
  readonly code?: string
  readonly rawPacket?: Buffer
  /** The state of the parser: somewhere in the verb. */
  readonly bytesParsed?: number
}

interface Connection {
  readonly reader: VerbReader
  /** The response to the newest request. Responses to all others are sent before it. */
  newest?: ServerResponse
  /** Bytes after the newest request are ignored. */
  ending: boolean
}

/** The connections of a listener: the events of Node's parser, and the response to a connection that it refuses. */
export class Connections {
  readonly #bySocket = new WeakMap<Duplex, Connection>()
  readonly #serve: (message: IncomingMessage, response: ServerResponse) => void

  /** @param serve handles a message whose verb Node's parser does not know: only the first line of its head is available */
  constructor(serve: (message: IncomingMessage, response: ServerResponse) => void) {
    this.#serve = serve
  }

  /** Puts the reader of verbs between a new connection and Node's parser. */
  add(socket: Duplex): void {
    const reader = new VerbReader()
    const connection: Connection = { reader, ending: false }
    this.#bySocket.set(socket, connection)
    const push = socket.push.bind(socket)
    socket.push = (chunk: Buffer | null) => {
      const seen = chunk === null ? reader.rest() : reader.take(chunk)
      const more = chunk === null && seen.length === 0 ? true : push(seen)
      if (reader.lost) lastOf(connection)
      return chunk === null ? push(null) : more
    }
    // Without our own listener, Node's parser reads the bytes from the socket before any JavaScript sees them.
    socket.on('data', ignored)
  }

  /**
   * A request has begun; `handle` is called once those before it on its connection are answered. A client that sends a write and a
   * read of the same thing without waiting in between means them in this order, and only safe ones may overlap (RFC 9112
   * §9.3.2). Meanwhile nothing more is read, so that requests do not pile up.
   */
  begin(response: ServerResponse, handle: () => void): void {
    const { socket } = response.req
    const connection = this.#bySocket.get(socket)
    const before = connection?.newest
    if (connection) connection.newest = response
    if (connection?.ending) response.shouldKeepAlive = false
    if (!before || before.writableFinished || before.destroyed) return handle()
    socket.pause()
    before.once('close', () => {
      socket.resume()
      // The connection may have ended with the previous response, and a broken body is already refused.
      if (socket.writable && !response.headersSent) handle()
    })
  }

  /** Responds with 503 to a request that takes longer; the operation may continue. */
  limitDuration(response: ServerResponse, ms: number): void {
    const timer = setTimeout(() => {
      if (response.headersSent) return
      response.shouldKeepAlive = false
      response.writeHead(503, { ...headers, 'Content-Length': timeoutBody.length }).end(timeoutBody)
    }, ms)
    response.once('close', () => clearTimeout(timer))
  }

  /** Ends a connection that Node's parser has refused, after the pending responses. */
  refuse(error: ParserError, socket: Duplex): void {
    const { code = '' } = error
    if (isUploading(socket)) return endUpload(code, socket)
    const connection = this.#bySocket.get(socket)
    connection?.reader.end()
    // A connection that failed below HTTP cannot send a response.
    if (!connection || !socket.writable || !/^(HPE|ERR_HTTP)_/.test(code)) return void socket.destroy()
    const unknown = unknownVerb(error)
    const status = unknown ? 405 : (refusals[code] ?? 400)
    const respond = (): void => (unknown ? this.#respondTo(unknown, socket) : writeStatus(status, socket))
    // A response without a request would be taken for the response to the next one.
    if (status === 408 && connection.reader.idle) return leave(socket)
    const { newest } = connection
    if (!newest || newest.writableFinished || newest.destroyed) return respond()
    if (newest.req.complete) return void newest.once('finish', respond)
    // The body of this request is broken: this is its response, in its turn.
    markBroken(newest.req)
    if (newest.headersSent) return void newest.once('finish', () => leave(socket))
    newest.once('finish', () => leave(socket))
    newest.writeHead(status, headers).end(body)
  }

  /** Handles a request with an unknown verb, so that it is in the audit log like others. Then the connection ends. */
  #respondTo([verb, target]: FirstLine, socket: Duplex): void {
    if (!socket.writable) return leave(socket)
    const message = new IncomingMessage(socket as Socket)
    // No header was read: HTTP/1.0 needs none.
    Object.assign(message, { method: verb, url: target, httpVersion: '1.0', complete: true })
    message.push(null)
    const response = new ServerResponse(message)
    response.shouldKeepAlive = false
    response.assignSocket(socket as Socket)
    response.once('finish', () => leave(socket))
    this.#serve(message, response)
  }
}

type FirstLine = readonly [verb: string, target: string]

/** The verb and the target of a request in which the parser has failed at the verb. */
function unknownVerb({ code, rawPacket, bytesParsed = 0 }: ParserError): FirstLine | undefined {
  if (code !== 'HPE_INVALID_METHOD' || !rawPacket) return undefined
  const text = rawPacket.toString('latin1')
  const [, verb, target] = requestLine.exec(text.slice(text.lastIndexOf('\n', bytesParsed) + 1)) ?? []
  return verb !== undefined && target !== undefined ? [verb, target] : undefined
}

function ignored(): void {}

function lastOf(connection: Connection): void {
  connection.ending = true
  if (connection.newest) connection.newest.shouldKeepAlive = false
}

function writeStatus(status: number, socket: Duplex): void {
  if (socket.writable) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`HTTP/1.1 ${status} ${reasons[status]}\r\n${lines.join('')}\r\n${body}`)
  }
  leave(socket)
}

function leave(socket: Duplex): void {
  socket.end()
  const enough = setTimeout(() => socket.destroy(), disconnectMs)
  socket.once('close', () => clearTimeout(enough))
}

/** The reader of the file must notice that it ends here. A file of any length takes any time. */
function endUpload(code: string, socket: Duplex): void {
  if (code !== 'ERR_HTTP_REQUEST_TIMEOUT') socket.destroy()
}
