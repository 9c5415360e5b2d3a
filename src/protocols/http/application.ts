import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Readable, pipeline } from 'node:stream'
import { Router } from '@koa/router'
import Koa from 'koa'
import type { Context } from 'koa'
import type { HttpResponse, Page, Protocol } from '../../contract/protocol.ts'
import { releaseWith } from './body.ts'
import { Exchange } from './exchange.ts'
import type { ExchangeParts } from './exchange.ts'
import { SingleHeaders, commonHeaders, missesHost } from './headers.ts'

/** Koa without its own response code, which costs more than our whole work: here every response is sent by `send`. */
class Application extends Koa {
  /** Called by Koa with each request. The outermost error handling: the caller gets no details of an unexpected error. */
  handleRequest(context: Context, run: (context: Context) => Promise<void>): Promise<void> {
    context.res.on('error', ignored)
    return run(context).catch(() => send(context, { status: 500, body: '{"errors":["internal error"]}\n' }))
  }
}

/** The client disconnected before the response: no action, and the process must not end. */
function ignored(): void {}

/** The content of a listener: protocols, then pages. The first one that matches handles the request. */
export interface Served {
  readonly protocols: readonly Protocol[]
  readonly pages: readonly Page[]
}

/** Hands each message to its protocol, or to the page of its path. */
export function application({ protocols, pages }: Served, parts: Omit<ExchangeParts, 'singles'>): Koa {
  const singles = new SingleHeaders(protocols)
  const exchangeParts = { ...parts, singles }
  const app = new Application()
  app.silent = true
  app.on('error', () => {})
  app.use(async (context, next) => {
    const exchange = new Exchange(context.req, exchangeParts)
    for (const protocol of protocols) {
      const handler = protocol.http?.(exchange)
      if (handler) return send(context, await handler(exchange))
    }
    const refusal = refusalOf(context.req, singles)
    return refusal === undefined ? next() : send(context, { status: 400, body: refusal })
  })
  app.use(routerOf(pages).routes())
  app.use((context: Context) => send(context, { status: 404, body: '{"errors":[]}\n' }))
  return app
}

/** The body of the refusal of a message that belongs to no protocol. */
function refusalOf(message: IncomingMessage, singles: SingleHeaders): string | undefined {
  if (missesHost(message)) return '{"errors":["a request needs a Host header"]}\n'
  if (singles.repeatedIn(message) === undefined) return undefined
  return '{"errors":["a header was given more than once"]}\n'
}

function routerOf(pages: readonly Page[]): Router {
  const router = new Router({ sensitive: true })
  for (const { path, verb, respond } of pages) {
    const page = (context: Context): void => send(context, respond())
    if (verb === 'any') router.all(path, page)
    else router.get(path, page)
  }
  return router
}

const jsonAnswer = { ...commonHeaders, 'Content-Type': 'application/json' }

/** Writes a response, once; the memory of the request is released when the response was sent. */
function send(context: Context, response: HttpResponse): void {
  const { res } = context
  if (!res.headersSent && !res.destroyed) write(context, response)
  else if (response.body instanceof Readable) response.body.destroy()
  releaseWith(res, () => lengthOf(response.body))
}

function write({ req, res }: Context, { status, body, headers }: HttpResponse): void {
  // RFC 9110 §8.6: these have no content, and no length.
  const bare = status === 204 || status === 304
  const usual = body === undefined ? commonHeaders : jsonAnswer
  if (bare) res.writeHead(status, { ...usual, ...headers }).end()
  else if (body instanceof Readable) sendStream(res, body, { status, headers: { ...commonHeaders, ...headers } })
  else {
    res.writeHead(status, { ...usual, ...headers, 'Content-Length': lengthOf(body) })
    if (req.method === 'HEAD') res.end()
    else if (typeof body === 'object') {
      for (const piece of body) res.write(piece)
      res.end()
    } else res.end(body)
  }
  // The unread rest of a request must not be parsed as the next one.
  if (!req.complete && !req.readableEnded) req.resume()
}

/** How long a client may read nothing of a stream, milliseconds. */
const idleMs = 90_000

/** A stream that fails ends the connection, so that nobody takes what was sent for all of it. */
function sendStream(
  res: ServerResponse,
  stream: Readable,
  head: { readonly status: number; readonly headers: OutgoingHttpHeaders },
): void {
  const { socket } = res
  // Its end is the only sign that all of it has been sent, and the timeout is for this response alone.
  res.shouldKeepAlive = false
  res.writeHead(head.status, head.headers)
  socket?.setTimeout(idleMs, () => socket.destroy())
  pipeline(stream, res, ignored)
}

function lengthOf(body: HttpResponse['body']): number {
  if (body === undefined || body instanceof Readable) return 0
  return typeof body === 'string' ? Buffer.byteLength(body) : body.reduce((sum, { length }) => sum + length, 0)
}
