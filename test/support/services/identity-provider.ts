import { createHash, randomUUID } from 'node:crypto'
import { createServer as createHttps } from 'node:https'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { certificate } from '../certificate.ts'
import { jwt } from '../jwt.ts'
import type { JwtKey } from '../jwt.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A handler that responds with JSON. */
export const sends =
  (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  (_, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
    response.end(typeof value === 'string' ? value : JSON.stringify(value))
  }

/** A key set with the public halves of keys, by their ids. */
export const keySet = (keys: Readonly<Record<string, JwtKey>>): unknown => ({
  keys: Object.entries(keys).map(([kid, { publicKey }]) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' })), // prettier-ignore
})

/** An issuer of tokens on this machine, with responses that a test sets; it counts the requests for each path. */
export class IdentityProvider {
  readonly answers = new Map<string, Answer>()
  readonly asked: string[] = []
  /** PEM; empty with plain HTTP. */
  readonly ca: string
  readonly #server: Server
  #arrived: () => void = () => {}

  private constructor(server: Server, ca: string) {
    this.ca = ca
    this.#server = server
    server.on('request', (request, response) => {
      const path = request.url ?? ''
      this.asked.push(path)
      this.#arrived()
      const answer = this.answers.get(path)
      if (answer) answer(request, response)
      else sends({}, 404)(request, response)
    })
  }

  static async start({ tls = false } = {}): Promise<IdentityProvider> {
    const own = tls ? certificate() : undefined
    const server = own ? createHttps(own) : createServer()
    const provider = new IdentityProvider(server, own?.cert ?? '')
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return provider
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `${this.ca === '' ? 'http' : 'https'}://127.0.0.1:${port}`
  }

  /** Publishes keys, with a discovery document. */
  publish(keys: Readonly<Record<string, JwtKey>>): void {
    this.answers.set('/keys', sends(keySet(keys)))
    this.answers.set('/.well-known/openid-configuration', sends({ issuer: this.url, jwks_uri: `${this.url}/keys` }))
  }

  /** When the next request has arrived. */
  async arrival(): Promise<void> {
    return new Promise((done) => (this.#arrived = done))
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}

/** A client of a provider, and the claims of its user. */
export interface BrowserUser {
  readonly key: JwtKey
  readonly claims: () => Readonly<Record<string, unknown>>
}

/** The address to which the provider redirects a browser after the user has agreed: the callback, with a code. */
export interface Callback {
  readonly redirectUri: string
  readonly state: string
  readonly code: string
}

/** Makes a provider accept browser logins: a code has one use, and needs the verifier and the client's secret. */
export function takesBrowsers(
  provider: IdentityProvider,
  client: { readonly id: string; readonly secret: string },
  user: BrowserUser,
): (authUrl: string) => Callback {
  const codes = new Map<string, URLSearchParams>()
  provider.answers.set(
    '/.well-known/openid-configuration',
    sends({
      issuer: provider.url,
      jwks_uri: `${provider.url}/keys`,
      authorization_endpoint: `${provider.url}/authorize`,
      token_endpoint: `${provider.url}/token`,
    }),
  )
  provider.answers.set('/token', (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(parts).toString())
      const begun = codes.get(form.get('code') ?? '')
      codes.delete(form.get('code') ?? '')
      const basic = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
      const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url') // prettier-ignore
      const isRight =
        begun?.get('code_challenge') === challenge &&
        begun.get('redirect_uri') === form.get('redirect_uri') &&
        request.headers.authorization === basic
      if (!isRight) return sends({ error: 'invalid_grant' }, 400)(request, response)
      const claims = { iss: provider.url, aud: client.id, nonce: begun.get('nonce') ?? '', ...user.claims() }
      sends({ token_type: 'Bearer', access_token: 'opaque', id_token: jwt(claims, user.key, { kid: 'one' }) })(
        request,
        response,
      )
    })
  })
  return (authUrl) => {
    const begun = new URL(authUrl).searchParams
    const code = randomUUID()
    codes.set(code, begun)
    return { redirectUri: begun.get('redirect_uri') ?? '', state: begun.get('state') ?? '', code }
  }
}
