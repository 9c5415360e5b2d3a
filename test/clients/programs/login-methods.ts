import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiServer } from '../../support/services/api-server.ts'
import { IdentityProvider } from '../../support/services/identity-provider.ts'
import { jwt, jwtKey } from '../../support/jwt.ts'
import { issue } from '../../support/pki.ts'
import type { Body } from '../../support/server.ts'
import type { TlsServer } from '../../support/processes/tls-server.ts'

export const methods = ['approle', 'jwt', 'cert', 'kubernetes'] as const
export type Method = (typeof methods)[number]

/** What the roles say of their tokens. */
export type Tokens = Readonly<Record<'token_policies' | 'token_ttl' | 'token_max_ttl', string>>

/** Settings of a method for `bao agent` and `bao proxy`. */
export type Settings = Readonly<Record<string, string | boolean>>

/** Methods by which machines log in, each with a role `web` on its mount, and what a machine has for it, in files. */
export class Ways {
  readonly #server: TlsServer
  readonly #folder: string
  readonly #tokens: Tokens
  readonly #provider: IdentityProvider
  readonly #cluster: ApiServer

  private constructor(
    server: TlsServer,
    folder: string,
    tokens: Tokens,
    provider: IdentityProvider,
    cluster: ApiServer,
  ) {
    this.#server = server
    this.#folder = folder
    this.#tokens = tokens
    this.#provider = provider
    this.#cluster = cluster
  }

  static async start(server: TlsServer, folder: string, tokens: Tokens): Promise<Ways> {
    return new Ways(server, folder, tokens, await IdentityProvider.start(), await ApiServer.start())
  }

  async stop(): Promise<void> {
    await this.#provider.stop()
    await this.#cluster.provider.stop()
  }

  /** Sets a method up. */
  async enable(method: Method): Promise<Settings> {
    await this.#done(`sys/auth/${method}`, { type: method })
    return this[method]()
  }

  private async approle(): Promise<Settings> {
    await this.#done('auth/approle/role/web', this.#tokens)
    const read = await this.#server.call('GET', 'auth/approle/role/web/role-id')
    const made = await this.#done('auth/approle/role/web/secret-id', {})
    return {
      role_id_file_path: this.#file('role-id', String((read.body['data'] as Body)['role_id'])),
      secret_id_file_path: this.#file('secret-id', String(made['secret_id'])),
      remove_secret_id_file_after_reading: false,
    }
  }

  private async jwt(): Promise<Settings> {
    const key = jwtKey()
    this.#provider.publish({ one: key })
    const iat = Math.floor(Date.now() / 1000)
    const token = jwt({ iss: this.#provider.url, aud: 'strongroom', sub: 'web', iat, exp: iat + 600 }, key)
    await this.#done('auth/jwt/config', { oidc_discovery_url: this.#provider.url })
    const bounds = { role_type: 'jwt', user_claim: 'sub', bound_audiences: 'strongroom' }
    await this.#done('auth/jwt/role/web', { ...bounds, ...this.#tokens })
    return { path: this.#file('jwt', token), role: 'web', remove_jwt_after_reading: false }
  }

  private async cert(): Promise<Settings> {
    const authority = issue({ commonName: 'Shop', isAuthority: true })
    const client = issue({ commonName: 'web', issuer: authority })
    await this.#done('auth/cert/certs/web', { certificate: authority.cert, ...this.#tokens })
    return {
      name: 'web',
      ca_cert: this.#server.ca,
      client_cert: this.#file('client.pem', client.cert),
      client_key: this.#file('client.key', client.key),
    }
  }

  private async kubernetes(): Promise<Settings> {
    const { provider, reviewers } = this.#cluster
    const account = { namespace: 'shop', name: 'web', uid: '474b11b5-0f20-4f9d-8ca5-65715ab325e0' }
    reviewers.add('reviewer')
    await this.#done('auth/kubernetes/config', {
      kubernetes_host: provider.url,
      kubernetes_ca_cert: provider.ca,
      token_reviewer_jwt: 'reviewer',
    })
    const bounds = { bound_service_account_names: 'web', bound_service_account_namespaces: 'shop' }
    await this.#done('auth/kubernetes/role/web', { ...bounds, ...this.#tokens })
    const token = this.#cluster.issue(account, jwtKey('RS256'), Math.floor(Date.now() / 1000))
    return { role: 'web', token_path: this.#file('pod', token) }
  }

  async #done(path: string, data: Body): Promise<Body> {
    const { status, text, body } = await this.#server.call('POST', path, data)
    if (status >= 300) throw new Error(`${path}: ${status} ${text}`)
    return (body['data'] ?? {}) as Body
  }

  #file(name: string, text: string): string {
    const path = join(this.#folder, name)
    writeFileSync(path, text)
    return path
  }
}
