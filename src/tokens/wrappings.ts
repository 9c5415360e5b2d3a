import type { NamespaceId, TokenRecord } from '../contract/identity.ts'
import type { Response, WrapInfo, Wrapped } from '../contract/response.ts'
import { envelope } from '../contract/wire/vault.ts'
import type { Clock } from '../util/clock.ts'
import { rfc3339 } from '../util/clock.ts'
import { writeJson } from '../util/json.ts'
import type { Secret } from '../util/secret.ts'
import type { TokenStore } from './store.ts'

const policy = 'response-wrapping'

/**
 * Wrapped responses. A wrapping token is a service token with one use, no parent and the single policy
 * `response-wrapping`; its content is written and removed in the same commits as the token itself.
 */
export class Wrappings {
  readonly #tokens: TokenStore
  readonly #clock: Clock
  readonly #admit: (namespace: NamespaceId) => void

  /** @param admit throws for a namespace whose tokens must not be used now */
  constructor(tokens: TokenStore, clock: Clock, admit: (namespace: NamespaceId) => void) {
    this.#tokens = tokens
    this.#clock = clock
    this.#admit = admit
  }

  now(): number {
    return this.#clock.now()
  }

  /** Wraps a response with a new token of its namespace. */
  async wrap(namespace: NamespaceId, content: Wrapped): Promise<WrapInfo> {
    return (await this.#wrap(namespace, content)).info
  }

  /** The content of a wrapping token that is still valid. Does not unwrap it. */
  async lookup(bearer: Secret<string>): Promise<Wrapped | undefined> {
    const record = await this.#find(bearer)
    return record && (record.usesLeft ?? 0) > 0 ? this.#peek(record) : undefined
  }

  /**
   * Unwraps: for exactly one of all concurrent callers. Undefined for all others.
   * @param by the caller's token. If it is the wrapping token itself, the request has counted its use already.
   */
  async take(bearer: Secret<string>, by: TokenRecord | undefined): Promise<Wrapped | undefined> {
    const record = await this.#find(bearer)
    if (!record) return undefined
    return record.id === by?.id ? this.#peek(record) : this.#tokens.claim(record.id)
  }

  /**
   * Moves the content of a wrapping token to a new one, for `ttl` seconds or the original TTL, whichever is shorter. The
   * new token is created before the old one is revoked: a failure in between loses nothing.
   */
  async rewrap(bearer: Secret<string>, by: TokenRecord | undefined, ttl = Infinity): Promise<WrapInfo | undefined> {
    const record = await this.#find(bearer)
    const content = record && (await this.lookup(bearer))
    if (!content) return undefined
    const creationTtl = Math.min(ttl, content.creationTtl)
    const fresh = await this.#wrap(record.namespace, { ...content, creationTtl, creationTime: this.now() })
    if (await this.take(bearer, by)) return fresh.info
    await this.#tokens.claim(fresh.id)
    return undefined
  }

  /** The content of `cubbyhole/response` for a wrapping token: the response as a JSON string, as older clients read it. */
  async asCubbyhole(record: TokenRecord): Promise<Response | undefined> {
    const content = isWrapping(record) ? await this.#peek(record) : undefined
    if (!content) return undefined
    const { neverRaw = false } = content.response
    return { data: { response: textOf(content) }, neverRaw }
  }

  async #wrap(namespace: NamespaceId, content: Wrapped): Promise<{ readonly id: string; readonly info: WrapInfo }> {
    const { creationPath, creationTtl, creationTime, response } = content
    const { token, record } = await this.#tokens.create({
      type: 'service',
      namespace,
      policies: [policy],
      // Leases are stored under the path, and no name may end in an empty segment.
      path: creationPath.replace(/\/$/, ''),
      meta: null,
      displayName: '',
      ttl: creationTtl,
      explicitMaxTtl: creationTtl,
      period: 0,
      numUses: 1,
      renewable: false,
      boundCidrs: [],
      entityId: '',
      carries: content,
    })
    const accessor = response.auth?.accessor ?? response.accessor
    const info = {
      token,
      accessor: record.accessor,
      ttl: creationTtl,
      creation_time: rfc3339(creationTime),
      creation_path: creationPath,
      ...(accessor && { wrapped_accessor: accessor }),
    }
    return { id: record.id, info }
  }

  async #find(bearer: Secret<string>): Promise<TokenRecord | undefined> {
    const record = await this.#tokens.resolve(bearer)
    if (!record || !isWrapping(record)) return undefined
    this.#admit(record.namespace)
    return record
  }

  async #peek({ id }: TokenRecord): Promise<Wrapped | undefined> {
    return this.#tokens.carriedBy(id)
  }
}

function isWrapping({ policies }: TokenRecord): boolean {
  return policies.length === 1 && policies[0] === policy
}

function textOf({ requestId, response }: Wrapped): string {
  return response.plain === undefined ? envelope(requestId, response) : writeJson(response.plain)
}
