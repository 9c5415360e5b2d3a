import { createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mountKey } from '../../../../crypto/mount-key.ts'
import { sameText } from '../../../../util/bytes.ts'
import type { Identity } from '../../identity.ts'

/** The content of an access token: the claims about an entity that its client may read. */
interface Access {
  /** The name of the provider. */
  readonly provider: string
  /** `OidcProvider.id`. */
  readonly providerId?: string
  /** The id of the client. */
  readonly client: string
  readonly entity: string
  readonly scopes: readonly string[]
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

type Content = readonly [provider: string, client: string, entity: string, scopes: readonly string[], expiresAt: number, providerId?: string] // prettier-ignore

const longest = 8192

/** The key of the stored MAC key. */
const keyName = 'oidc-access-key'

/** Access tokens of the user info endpoints. Nothing is stored: a token has all its data, with a MAC. Other routes do not accept them. */
export class AccessTokens {
  readonly #identity: Pick<Identity, 'view' | 'clock'>
  #key: Promise<KeyObject> | undefined

  constructor(identity: Pick<Identity, 'view' | 'clock'>) {
    this.#identity = identity
  }

  async issue({ provider, providerId, client, entity, scopes, expiresAt }: Access): Promise<string> {
    const common = [provider, client, entity, scopes, expiresAt] as const
    const content: Content = providerId === undefined ? common : [...common, providerId]
    const encoded = Buffer.from(JSON.stringify(content)).toString('base64url')
    return `${encoded}.${await this.#mac(encoded)}`
  }

  /** The content of a token; undefined if it is not a token of this namespace, or has expired. */
  async read(token: string): Promise<Access | undefined> {
    const [encoded = '', mac = '', ...rest] = token.length > longest ? [] : token.split('.')
    if (encoded === '' || rest.length > 0) return undefined
    // A read changes nothing: the key is generated when the first token is issued.
    if (!this.#key && (await this.#identity.view.get(keyName)) === undefined) return undefined
    if (!sameText(mac, await this.#mac(encoded))) return undefined
    const content = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as Content
    const [provider, client, entity, scopes, expiresAt, providerId] = content
    return expiresAt > this.#identity.clock.now()
      ? { provider, client, entity, scopes, expiresAt, ...(providerId !== undefined && { providerId }) }
      : undefined
  }

  async #mac(encoded: string): Promise<string> {
    this.#key ??= mountKey(this.#identity.view, keyName, 'the key of OIDC access tokens').catch((thrown: unknown) => {
      this.#key = undefined
      throw thrown
    })
    return createHmac('sha256', await this.#key)
      .update(`access ${encoded}`)
      .digest('base64url')
  }
}
