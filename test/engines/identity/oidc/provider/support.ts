import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { Body, Reply, TestServer } from '../../../../support/server.ts'
import { base } from '../support.ts'

/** An application that is registered as a client. */
export interface App {
  readonly id: string
  /** Undefined for public ones. */
  readonly secret: string | undefined
}

export const callback = 'https://app.example/callback'
export const verifier = 'v'.repeat(43)
export const challenge = createHash('sha256').update(verifier).digest('base64url')

/** Registers a client. */
export async function app(server: TestServer, name: string, settings: Body = {}): Promise<App> {
  await server.data('POST', `${base}/client/${name}`, {
    redirect_uris: [callback],
    assignments: 'allow_all',
    ...settings,
  })
  const { client_id: id, client_secret: secret } = await server.data('GET', `${base}/client/${name}`)
  return { id: String(id), secret: typeof secret === 'string' ? secret : undefined }
}

const texts = (given: readonly (readonly [string, unknown])[]): Readonly<Record<string, string>> =>
  Object.fromEntries(given.map(([name, value]) => [name, String(value)]))

/** What an application sends to a provider, as it is sent. */
export class Endpoints {
  readonly #server: TestServer
  readonly #path: string

  constructor(server: TestServer, provider = 'default', prefix = '') {
    this.#server = server
    this.#path = `/v1/${prefix}${base}/provider/${provider}`
  }

  async authorize(token: string, client: App, more: Body = {}, method = 'GET'): Promise<Reply> {
    const wanted = {
      response_type: 'code',
      client_id: client.id,
      redirect_uri: callback,
      scope: 'openid',
      state: 'a state',
      ...more,
    }
    const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
    const headers = { ...(token !== '' && { 'X-Vault-Token': token }) }
    if (method === 'POST')
      return this.#server.call('POST', `${this.#path}/authorize`, Object.fromEntries(given), headers)
    const query = new URLSearchParams(Object.entries(texts(given)))
    return this.#server.call('GET', `${this.#path}/authorize?${query.toString()}`, undefined, headers)
  }

  /** A code; fails the test when there is none. */
  async code(token: string, client: App, more: Body = {}): Promise<string> {
    const { body, text } = await this.authorize(token, client, more)
    expect(body['code'], text).to.be.a('string')
    return String(body['code'])
  }

  /** @param basic what HTTP Basic shows; undefined: the form shows the client. */
  async token(client: App, form: Body, basic?: string): Promise<Reply> {
    const fields = {
      grant_type: 'authorization_code',
      redirect_uri: callback,
      ...(basic === undefined && { client_id: client.id, client_secret: client.secret }),
      ...form,
    }
    const given = Object.entries(fields).filter(([, value]) => value !== undefined)
    const sent = new URLSearchParams(Object.entries(texts(given)))
    return this.#server.call('POST', `${this.#path}/token`, sent.toString(), {
      'Content-Type': 'application/x-www-form-urlencoded',
      ...(basic !== undefined && { Authorization: `Basic ${Buffer.from(basic).toString('base64')}` }),
    })
  }

  /** The tokens of a code; fails the test when there are none. */
  async tokens(client: App, code: string, more: Body = {}): Promise<{ readonly access: string; readonly id: string }> {
    const { body, text } = await this.token(client, { code, ...more })
    expect(body['access_token'], text).to.be.a('string')
    return { access: String(body['access_token']), id: String(body['id_token']) }
  }

  async userinfo(access: string, method = 'GET'): Promise<Reply> {
    return this.#server.call(method, `${this.#path}/userinfo`, undefined, { Authorization: `Bearer ${access}` })
  }

  async document(file: string): Promise<Reply> {
    return this.#server.call('GET', `${this.#path}/.well-known/${file}`, undefined, {})
  }
}
