import { Fault } from '../contract/fault.ts'
import { rootNamespace } from '../contract/identity.ts'
import type { NamespaceId, TokenRecord } from '../contract/identity.ts'
import type { Wrapped } from '../contract/response.ts'
import type { View } from '../contract/view.ts'
import { base62 } from '../util/base62.ts'
import { inCidrs } from '../util/cidr.ts'
import type { Clock } from '../util/clock.ts'
import type { Secret } from '../util/secret.ts'
import { TokenReader } from './token-reader.ts'
import { TokenCache } from './token-cache.ts'
import { Leases } from './leases.ts'
import { TokenRecords } from './records.ts'
import type { Origin } from './records.ts'
import { rootSpec } from './spec.ts'
import type { CarryingSpec } from './spec.ts'

export interface TokenStoreParts {
  readonly view: View
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  /** Whether the namespace of a token exists, and the mount that created it. */
  readonly lives: (token: Origin) => boolean
  /** Called for every removed token. */
  readonly onRevoke: ((record: TokenRecord) => Promise<void>) | undefined
}

/** All tokens. Service tokens are JWTs whose state is in records; batch tokens contain their state themselves. */
export class TokenStore {
  readonly leases: Leases
  readonly #clock: Clock
  readonly #random: TokenStoreParts['random']
  readonly #bearers: TokenReader
  readonly #records: TokenRecords
  readonly #cache = new TokenCache()

  private constructor(parts: TokenStoreParts, bearers: TokenReader, leases: Leases) {
    this.leases = leases
    this.#clock = parts.clock
    this.#random = parts.random
    this.#bearers = bearers
    this.#records = new TokenRecords({
      view: parts.view,
      leases,
      lives: parts.lives,
      onEnd: async (record) => parts.onRevoke?.(record),
    })
    parts.view.watch('id/', (ids) => this.#cache.changed(ids))
    leases.onRevokedPrefix(() => this.#cache.forget())
  }

  static async open(parts: TokenStoreParts): Promise<TokenStore> {
    return new TokenStore(parts, await TokenReader.open(parts.view, parts.random), await Leases.open(parts.view))
  }

  /** The record of a valid token. Synchronous if the token is in the cache. */
  resolve(bearer: Secret<string>): TokenRecord | undefined | Promise<TokenRecord | undefined> {
    const token = bearer.reveal()
    return this.#cache.get(token, this.#clock.now()) ?? this.#resolve(token)
  }

  /** A valid token's record by its internal id. */
  async byId(id: string): Promise<TokenRecord | undefined> {
    const record = await this.#records.get(id)
    return record && (await this.#records.validUntil(record, this.#clock.now())) !== undefined ? record : undefined
  }

  /** A token's record by its internal id, valid or not. */
  async storedById(id: string): Promise<TokenRecord | undefined> {
    return this.#records.get(id)
  }

  /** A valid token's record by its accessor. Accessors are no secrets: they work in the token's own namespace only. */
  async byAccessor(namespace: NamespaceId, accessor: string): Promise<TokenRecord | undefined> {
    const id = await this.#records.idByAccessor(namespace, accessor)
    return id === undefined ? undefined : this.byId(id)
  }

  /** The record that a token carries. */
  async carriedBy(id: string): Promise<Wrapped | undefined> {
    return this.#records.carriedBy(id)
  }

  /**
   * Revokes a token that has a use left and returns its content: to exactly one caller, in one commit. Such a token has no
   * children and no cubbyhole, so there is nothing else to remove.
   */
  async claim(id: string): Promise<Wrapped | undefined> {
    return this.#records.claim(id, this.#clock.now())
  }

  /** All accessors of a namespace, in byte order. */
  async accessors(namespace: NamespaceId): Promise<string[]> {
    return this.#records.accessors(namespace)
  }

  /** How many service tokens a namespace has, valid or not yet removed. */
  async count(namespace: NamespaceId): Promise<number> {
    return this.#records.count(namespace)
  }

  /** How many leases a namespace has. */
  async countLeases(namespace: NamespaceId): Promise<number> {
    return this.leases.count(namespace)
  }

  /** Whether a token may be used from an address. Endless root tokens are never bound. */
  allowsAddress(record: TokenRecord, address: string): boolean {
    if (record.boundCidrs.length === 0 || (record.expiresAt === null && record.policies.includes('root'))) return true
    return inCidrs(record.boundCidrs, address)
  }

  /** @throws Fault invalid_request if the id is taken or the parent no longer exists. */
  async create(spec: CarryingSpec): Promise<{ readonly token: string; readonly record: TokenRecord }> {
    if (spec.ttl < 1 && !spec.policies.includes('root'))
      throw new Fault('internal', 'a token without an expiry was requested')
    const now = this.#clock.now()
    const { ttl, opaque, parent, carries: _, ...stored } = spec
    const bearer = this.#bearers.next(opaque)
    const record: TokenRecord = {
      ...stored,
      id: bearer.id,
      accessor: spec.type === 'batch' ? '' : this.#accessor(spec.namespace),
      ...(parent && { parent: parent.id }),
      issuedAt: now,
      creationTtl: ttl,
      expiresAt: ttl > 0 ? now + ttl * 1000 : null,
      ...(spec.numUses > 0 && { usesLeft: spec.numUses }),
    }
    const token = await bearer.issue(record, spec)
    if (record.type === 'service') await this.#records.add(record, spec)
    return { token, record }
  }

  /** A root token without an expiry. Opaque, so that it can be returned XORed with a one-time password. */
  async createRoot(): Promise<string> {
    return (await this.create(rootSpec(`s.${base62(24, this.#random)}`))).token
  }

  /** The root token of a development server. */
  async createDevRoot(id: string): Promise<void> {
    await this.create({ ...rootSpec(id), path: 'auth/token/create', displayName: 'token' })
  }

  /** Counts one use of a use-limited token. Exact with any number of concurrent calls. */
  async use(record: TokenRecord): Promise<{ readonly last: boolean; readonly record: TokenRecord } | 'spent'> {
    if (record.type === 'batch' || record.numUses === 0) return { last: false, record }
    const used = await this.#records.use(record.id)
    return used ? { last: used.usesLeft === 0, record: used } : 'spent'
  }

  /** Sets the expiry of a token. Undefined if it no longer exists. */
  async renew(record: TokenRecord, ttl: number): Promise<TokenRecord | undefined> {
    const now = this.#clock.now()
    return this.#records.extend(record.id, now, now + ttl * 1000)
  }

  /** Revokes a token and every token below it. When it resolves, none of them is valid; records that a crash leaves are removed at the next start. */
  async revoke(id: string): Promise<void> {
    if (await this.#records.end(id)) await this.finishRevocations()
  }

  /**
   * Removes the child tokens of revoked tokens, and reports each. To be called at the start, to complete what a crash
   * interrupted.
   */
  async finishRevocations(): Promise<void> {
    await this.#records.finishDoomed()
  }

  /** Revokes one token; its children become orphans. False if it does not exist. */
  async revokeOrphaning(id: string): Promise<boolean> {
    await this.#records.orphanChildren(id)
    const existed = await this.#records.end(id)
    await this.finishRevocations()
    return existed
  }

  /** Revokes every token whose lease is under a prefix, before it resolves; `TokenLeases.sweep` removes the records. */
  async revokePrefix(namespace: NamespaceId, prefix: string): Promise<void> {
    await this.leases.revokePrefix(namespace, prefix, base62(24, this.#random))
  }

  /** After the last use: revokes the token. */
  async revokeSpent(record: TokenRecord): Promise<void> {
    await this.revoke(record.id)
  }

  /** Removes expired tokens. Called repeatedly; each call does a limited amount of work. */
  async sweep(now: number): Promise<void> {
    for (const id of await this.#records.expired(now)) await this.revoke(id)
  }

  /** Removes index entries of a namespace that lead nowhere. */
  async tidy(namespace: NamespaceId): Promise<void> {
    await this.#records.tidyAccessors(namespace)
    await this.finishRevocations()
  }

  /** Invalidates all cached tokens, because a namespace was removed. */
  forget(): void {
    this.#cache.forget()
  }

  /**
   * Revokes every token that a mount created. `finishRevocations` then revokes their child tokens. After a crash, the next call
   * continues.
   */
  async endAllOfMount(namespace: NamespaceId, mount: string): Promise<void> {
    await this.#records.endAllOfMount(namespace, mount)
  }

  /** Revokes every token of a namespace and removes its records. After a crash, the next call continues. */
  async endAllOf(namespace: NamespaceId): Promise<void> {
    await this.#records.endAllOf(namespace)
  }

  /** The internal id that a bearer string leads to, valid or not. */
  async idOf(token: string): Promise<string | undefined> {
    return (await this.#bearers.read(token))?.id
  }

  async #resolve(token: string): Promise<TokenRecord | undefined> {
    const { epoch } = this.#cache
    const bearer = await this.#bearers.read(token)
    if (!bearer) return undefined
    this.#cache.restsOn(bearer.id)
    const record = bearer.batch ?? (await this.#records.get(bearer.id))
    const restsOn = (id: string): void => this.#cache.restsOn(id)
    const until = record && (await this.#records.validUntil(record, this.#clock.now(), restsOn))
    if (!record || until === undefined) return undefined
    if (record.numUses === 0) this.#cache.put(token, record, until, epoch)
    return record
  }

  #accessor(namespace: NamespaceId): string {
    const name = base62(24, this.#random)
    return namespace === rootNamespace ? name : `${name}.${namespace}`
  }
}
