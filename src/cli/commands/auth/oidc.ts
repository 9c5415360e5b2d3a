import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Json } from '../../../util/json.ts'
import { UsageError } from '../../framework/flags.ts'
import type { Run } from '../../framework/command.ts'
import { ServerError } from '../../http/errors.ts'

/** The port that the redirect URI of the documentation names. */
const usualPort = 8250

/** The time limit for the user, milliseconds. As long as the server accepts the login. */
const longestWait = 5 * 60_000

/** The most bytes of a form from the browser. */
const largestForm = 64 * 1024

/**
 * Logs in with a browser: prints the address of the provider, waits for the browser at `http://localhost:8250/oidc/callback`,
 * and completes the login.
 * @param path of the mount, `auth/oidc`
 * @param inputs `role` and `port`
 * @throws ServerError
 */
export async function loginByBrowser(run: Run, path: string, inputs: Readonly<Record<string, string>>): Promise<Json> {
  const { role = '', port: text = String(usualPort) } = inputs
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new UsageError('port is a number from 1 to 65535')
  const nonce = randomBytes(20).toString('base64url')
  const listener = await CallbackListener.start(port)
  try {
    const begun = { role, redirect_uri: `http://localhost:${port}/oidc/callback`, client_nonce: nonce }
    const { body } = await run.client.send('PUT', `${path}/oidc/auth_url`, begun, { token: '' })
    const { auth_url: url = '' } = (body?.['data'] ?? {}) as { readonly auth_url?: string }
    const state = URL.canParse(url) ? new URL(url).searchParams.get('state') : null
    if (state === null)
      throw new ServerError(
        `the server gave no address for the browser: check the role and its allowed_redirect_uris (${begun.redirect_uri})`,
      )
    run.err(
      `Open this address in a browser, and log in there:\n\n    ${url}\n\nWaiting for the browser at ${begun.redirect_uri} …`,
    )
    return await listener.complete(state, async (query) => {
      return run.client.ask('auth', 'GET', `${path}/oidc/callback`, undefined, {
        query: { ...query, client_nonce: nonce },
        token: '',
        noRetry: true,
      })
    })
  } finally {
    listener.stop()
  }
}

type Query = Readonly<Record<string, string>>

/** Waits for the browser that the provider sends back. */
class CallbackListener {
  readonly #server = createServer()

  /** @throws ServerError if another program listens there */
  static async start(port: number): Promise<CallbackListener> {
    const listener = new CallbackListener()
    await new Promise<void>((done, fail) => {
      listener.#server.once('error', ({ code }: NodeJS.ErrnoException) => {
        const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${code})`
        fail(
          new ServerError(`port ${port} of this machine ${why}: another one is port=…, with a redirect URI of its own`),
        )
      })
      listener.#server.listen(port, 'localhost', done)
    })
    return listener
  }

  /** The first login with this state; others are turned away. @param finish completes it at the server */
  async complete(state: string, finish: (query: Query) => Promise<Json>): Promise<Json> {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new ServerError('the login was not completed within 5 minutes')), longestWait)
      const end = (): void => clearTimeout(timer)
      this.#server.on('request', (request, response) => {
        void this.#handle(request, response, state, finish).then(
          (body) => {
            if (!body) return
            end()
            done(body)
          },
          (thrown: Error) => {
            end()
            fail(thrown)
          },
        )
      })
    })
  }

  async #handle(
    request: IncomingMessage,
    response: ServerResponse,
    state: string,
    finish: (query: Query) => Promise<Json>,
  ): Promise<Json | undefined> {
    const address = `http://localhost${request.url ?? '/'}`
    const url = URL.canParse(address) ? new URL(address) : undefined
    const form = request.method === 'POST' ? await formOf(request).catch(() => '') : undefined
    const sent = form === undefined ? url?.searchParams : new URLSearchParams(form)
    if (url?.pathname !== '/oidc/callback' || sent?.get('state') !== state) {
      respond(response, 404, 'This is not the login that the command line waits for.')
      return undefined
    }
    const names = ['state', 'code', 'error', 'error_description']
    const query = Object.fromEntries(names.flatMap((name) => (sent.has(name) ? [[name, sent.get(name) ?? '']] : [])))
    try {
      const body = await finish(query)
      respond(response, 200, 'You are logged in. You can close this page.')
      return body
    } catch (thrown) {
      respond(response, 400, 'The login failed. The command line shows the reason.')
      throw thrown
    }
  }

  stop(): void {
    this.#server.close()
    this.#server.closeIdleConnections()
  }
}

async function formOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > largestForm) return ''
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

function respond(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'",
    'Referrer-Policy': 'no-referrer',
    Connection: 'close',
  })
  response.end(`${text}\n`)
}
