import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Fault } from './fault.ts'
import type { Request } from './request.ts'
import type { FormedResponse } from './response.ts'

/** The entry to the core. Protocols get this and nothing else. */
export interface Gateway {
  /**
   * Called before the body is read, so that a client over its quota costs nothing more. No other way leads to the core.
   * @throws Fault rate_limited
   */
  admit(head: Omit<Request, 'data'>): AdmittedRequest | Promise<AdmittedRequest>
}

/** A request within its quota. It is handled or refused, once. */
export interface AdmittedRequest {
  /** Headers for the response; read once the request was handled. */
  readonly headers: Readonly<Record<string, string>> | undefined
  /** Its body is a file of any length (`Route.upload`), not parameters: it is handed over unread. */
  readonly takesUpload: boolean
  /** Performs it with the parameters of its body. @throws Fault for every failure. */
  handle(parameters: Pick<Request, 'data' | 'limits' | 'upload'>): Promise<FormedResponse>
  /** Writes a request that cannot be read, or that the protocol itself refuses, to the audit log. @throws Fault `refusal`, or why it could not be written */
  refuse(refusal: Fault): Promise<never>
}

/**
 * One way to send requests: it turns the messages of its wire format into `Request`s for the gateway, and the responses
 * into messages. It decides nothing. One folder in `protocols/`, one line in `server/protocols.ts`.
 */
export interface Protocol {
  /** `Request.protocol` of its requests. */
  readonly name: string
  /** Headers of its own that may occur only once in an HTTP message, in lower case. */
  readonly singleHeaders?: readonly string[]
  /**
   * The handler of an HTTP message of this protocol; undefined if it is for another one. The first match of the table is used.
   */
  http?(head: HttpHead): HttpHandler | undefined
  /** Opens a separate listener, for a protocol that does not use HTTP. @throws Error with the address and the remedy */
  listen?(): Promise<Listener>
}

/** A listener that is up. */
export interface Listener {
  /** `host:port`, or the path of a unix socket. */
  readonly address: string
  /** Reads the certificate again, for new connections. An unusable one changes nothing. */
  reload(): Promise<void>
  /** Accepts no new requests, completes those in progress within their time limit, and closes. */
  close(): Promise<void>
}

/** The parts of an HTTP message that determine its protocol. */
export interface HttpHead {
  /** The method as the client sent it: also LIST and SCAN. */
  readonly verb: string
  /** Path and query, percent-encoded. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

/** Responds to an HTTP message. An error becomes a 500 without details. */
type HttpHandler = (exchange: HttpExchange) => Promise<HttpResponse> | HttpResponse

/** One HTTP message, with the limits and the memory of its listener. The body stays unread until the protocol asks for it. */
export interface HttpExchange extends HttpHead {
  readonly message: IncomingMessage
  /** The most bytes of a body. */
  readonly bodyLimit: number
  /** The address of the connection; '' and 0 for a unix socket. */
  peer(): Request['client']
  /** The same, or the client named by a trusted proxy. @throws Fault invalid_request by the rules of the listener */
  client(): Request['client']
  /** The certificates that the client has sent in the TLS handshake: `Request.certificates`. */
  certificates(): readonly string[]
  /** Refuses a head that different readers could understand differently: called before any header is used. @throws Fault invalid_request */
  check(): void
  /** The whole body, as sent. @throws Fault too_large, unsupported_media, unavailable (no memory for it), invalid_request (cut off) */
  body(): Promise<Uint8Array>
  /** The body in pieces, of any length, as they come. @throws Fault unsupported_media, invalid_request (cut off) */
  upload(): AsyncIterable<Uint8Array>
  /** Waits for the memory of a response of this approximate size; undefined if there is enough. @throws Fault unavailable */
  memoryFor(bytes: number): Promise<void> | undefined
}

/** A page: a response that needs no request to the core. */
export interface Page {
  /** A path, or the paths that a pattern matches; without the query. */
  readonly path: string | RegExp
  /** GET includes HEAD. */
  readonly verb: 'GET' | 'any'
  readonly respond: () => HttpResponse
}

/** A response ready for the wire. No body: undefined; a large one is in pieces, one of any length a stream. JSON unless the headers name another type. */
export interface HttpResponse {
  readonly status: number
  readonly body: string | readonly Buffer[] | Readable | undefined
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}
