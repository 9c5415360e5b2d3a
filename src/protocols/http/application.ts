import { Router } from '@koa/router'
import Koa from 'koa'
import type { Context } from 'koa'
import type { BrowserRules } from '../../contract/browser.ts'
import { releaseWith } from './body.ts'
import { everyAnswer } from './headers.ts'
import type { VaultApi } from '../vault/index.ts'
import { repeatedHeader } from '../vault/request.ts'
import type { WireAnswer } from '../vault/response.ts'

/** Koa without its own way of answering, which costs more than all our work: here every answer is sent by `send`. */
class Application extends Koa {
  /** What Koa calls with each request. The outermost handling of errors: whatever was thrown, the caller hears no more than this. */
  handleRequest(context: Context, run: (context: Context) => Promise<void>): Promise<void> {
    context.res.on('error', ignored)
    return run(context).catch(() => send(context, { status: 500, body: '{"errors":["internal error"]}\n' }))
  }
}

/** Somebody hung up before the answer: nothing to do, and nothing that may end the process. */
function ignored(): void {}

/** The root, which names the API, and the Vault API, whose own dispatch does the rest. */
export function application(api: VaultApi, rules: BrowserRules): Koa {
  const app = new Application()
  app.silent = true
  app.on('error', () => {})
  const router = new Router({ sensitive: true })
  router.get('/', (context: Context) => send(context, { status: 200, body: '{"api":"/v1/"}\n' }))
  app.use(async (context, next) => {
    const path = context.req.url ?? ''
    if (!path.startsWith('/v1/')) {
      const { headers, httpVersion } = context.req
      if (headers.host === undefined && httpVersion === '1.1')
        return send(context, { status: 400, body: '{"errors":["a request needs a Host header"]}\n' })
      if (repeatedHeader(context.req) === undefined) return next()
      return send(context, { status: 400, body: '{"errors":["a header was given more than once"]}\n' })
    }
    return send(context, await api.answer(context.req))
  })
  app.use(router.routes())
  app.use((context: Context) => {
    const headers = /^\/ui(\/|$)/.test(context.path) ? rules.uiHeaders() : {}
    send(context, { status: 404, body: '{"errors":[]}\n', headers })
  })
  return app
}

/** Writes an answer, once; then the memory of the request is released as the answer leaves. */
function send(context: Context, answer: WireAnswer): void {
  const { res } = context
  if (!res.headersSent && !res.destroyed) write(context, answer)
  releaseWith(res, () => lengthOf(answer.body))
}

function write({ req, res }: Context, { status, body, headers }: WireAnswer): void {
  // RFC 9110 §8.6: these have no content, and say nothing about its length.
  const bare = status === 204 || status === 304
  const all = { ...everyAnswer, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers }
  if (bare) res.writeHead(status, all).end()
  else {
    res.writeHead(status, { ...all, 'Content-Length': lengthOf(body) })
    if (req.method === 'HEAD') res.end()
    else if (typeof body === 'object') {
      for (const piece of body) res.write(piece)
      res.end()
    } else res.end(body)
  }
  // What of the request was not read must not be taken for the next one.
  if (!req.complete && !req.readableEnded) req.resume()
}

function lengthOf(body: WireAnswer['body']): number {
  if (body === undefined) return 0
  return typeof body === 'string' ? Buffer.byteLength(body) : body.reduce((sum, { length }) => sum + length, 0)
}
