import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { refuse } from '../../contract/fault.ts'
import type { HttpExchange } from '../../contract/protocol.ts'
import type { Request } from '../../contract/request.ts'
import { memoryForResponse, readBody } from './body.ts'
import type { ClientCertificates } from './client-certificates.ts'
import type { Clients } from './clients.ts'
import { missesHost, mostHeaders } from './headers.ts'
import type { SingleHeaders } from './headers.ts'
import { uploadOf } from './upload.ts'
import { verbSent } from './verbs.ts'

/** The parts of a listener that its exchanges use. */
export interface ExchangeParts {
  readonly clients: Clients
  readonly certificates: ClientCertificates
  readonly singles: SingleHeaders
  /** The most bytes of a body. */
  readonly bodyLimit: number
}

/** A message of a listener, as protocols see it. */
export class Exchange implements HttpExchange {
  readonly message: IncomingMessage
  readonly verb: string
  readonly #parts: ExchangeParts

  constructor(message: IncomingMessage, parts: ExchangeParts) {
    this.message = message
    this.verb = verbSent(message.method ?? 'GET')
    this.#parts = parts
  }

  get target(): string {
    return this.message.url ?? '/'
  }

  get headers(): IncomingHttpHeaders {
    return this.message.headers
  }

  get bodyLimit(): number {
    return this.#parts.bodyLimit
  }

  peer(): Request['client'] {
    return this.#parts.clients.peer(this.message)
  }

  client(): Request['client'] {
    return this.#parts.clients.of(this.message)
  }

  certificates(): readonly string[] {
    const { clients, certificates } = this.#parts
    return clients.certificates(this.message) ?? certificates.of(this.message.socket)
  }

  check(): void {
    const { message } = this
    // A dropped one could be the one that requests wrapping, or names a namespace.
    if (message.rawHeaders.length >= 2 * mostHeaders) throw refuse(`a request has fewer than ${mostHeaders} headers`)
    const repeated = this.#parts.singles.repeatedIn(message)
    if (repeated !== undefined) throw refuse(`the header ${repeated} was given more than once`)
    if (missesHost(message)) throw refuse('a request needs a Host header')
  }

  body(): Promise<Uint8Array> {
    return readBody(this.message, this.#parts.bodyLimit)
  }

  upload(): AsyncIterable<Uint8Array> {
    return uploadOf(this.message)
  }

  memoryFor(bytes: number): Promise<void> | undefined {
    return memoryForResponse(this.message, bytes)
  }
}
