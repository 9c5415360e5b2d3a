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
  /** Called for every token that is gone. */
  readonly onRevoke?: (record: TokenRecord) => Promise<void>
}

/** All tokens. Service tokens are JWTs whose state lies in records; batch tokens carry their state themselves. */
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

  /** The record of a valid token. Synchronous when the string was seen lately and nothing was revoked since. */
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
  async kept(id: string): Promise<TokenRecord | undefined> {
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
   * Ends a token that has a use left and gives what it carried: to exactly one caller, in one commit. Such a token has no
   * children and no cubbyhole, so nothing else is to be removed.
   */
  async claim(id: string): Promise<Wrapped | undefined> {
    return this.#records.claim(id, this.#clock.now())
  }

  /** All accessors of a namespace, in byte order. */
  async accessors(namespace: NamespaceId): Promise<string[]> {
    return this.#records.accessors(namespace)
  }

  /** Whether a token may be used from an address. Endless root tokens are never bound. */
  allowsAddress(record: TokenRecord, address: string): boolean {
    if (record.boundCidrs.length === 0 || (record.expiresAt === null && record.policies.includes('root'))) return true
    return inCidrs(record.boundCidrs, address)
  }

  /** @throws Fault invalid_request when the id is taken or the parent is gone. */
  async create(spec: CarryingSpec): Promise<{ readonly token: string; readonly record: TokenRecord }> {
    if (spec.ttl < 1 && !spec.policies.includes('root'))
      throw new Fault('internal', 'a token without an end would have been made')
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

  /** A root token without end. Opaque, so that it can be handed out XORed with a one-time password. */
  async createRoot(): Promise<string> {
    return (await this.create(rootSpec(`s.${base62(24, this.#random)}`))).token
  }

  /** The root token of a development server. */
  async createDevRoot(id: string): Promise<void> {
    await this.create({ ...rootSpec(id), path: 'auth/token/create', displayName: 'token' })
  }

  /** Takes one use off a use-limited token. Exact however many do it at once. */
  async use(record: TokenRecord): Promise<{ readonly last: boolean; readonly record: TokenRecord } | 'spent'> {
    if (record.type === 'batch' || record.numUses === 0) return { last: false, record }
    const used = await this.#records.use(record.id)
    return used ? { last: used.usesLeft === 0, record: used } : 'spent'
  }

  /** Gives a token a new end. Undefined when it is gone meanwhile. */
  async renew(record: TokenRecord, ttl: number): Promise<TokenRecord | undefined> {
    const now = this.#clock.now()
    return this.#records.extend(record.id, now, now + ttl * 1000)
  }

  /** Revokes a token and every token below it. When it resolves, none of them is valid; records that a crash leaves are removed at the next start. */
  async revoke(id: string): Promise<void> {
    if (await this.#records.end(id)) await this.finishRevocations()
  }

  /** Ends what is below revoked tokens, and tells of each. To be called at the start, for what a crash left undone. */
  async finishRevocations(): Promise<void> {
    await this.#records.finishDoomed()
  }

  /** Ends one token; its children go on without a parent. False when it does not exist. */
  async revokeOrphaning(id: string): Promise<boolean> {
    await this.#records.orphanChildren(id)
    const existed = await this.#records.end(id)
    await this.finishRevocations()
    return existed
  }

  /** Ends every token whose lease lies under a prefix, at once when it resolves; the removing is `TokenLeases.sweep`'s. */
  async revokePrefix(namespace: NamespaceId, prefix: string): Promise<void> {
    await this.leases.revokePrefix(namespace, prefix, base62(24, this.#random))
  }

  /** The last use was made: the token goes. */
  async spend(record: TokenRecord): Promise<void> {
    await this.revoke(record.id)
  }

  /** Removes what has expired. Called again and again; it does a bounded piece of work each time. */
  async sweep(now: number): Promise<void> {
    for (const id of await this.#records.expired(now)) await this.revoke(id)
  }

  /** Removes index entries of a namespace that lead nowhere. */
  async tidy(namespace: NamespaceId): Promise<void> {
    await this.#records.tidyAccessors(namespace)
    await this.finishRevocations()
  }

  /** No cached token counts any more: a namespace is gone. */
  forget(): void {
    this.#cache.forget()
  }

  /** Revokes every token that a mount created. `finishRevocations` then revokes those below them. Called again after a crash, it goes on. */
  async endAllOfMount(namespace: NamespaceId, mount: string): Promise<void> {
    await this.#records.endAllOfMount(namespace, mount)
  }

  /** Ends every token of a namespace and removes what was kept of them. Called again after a crash, it goes on. */
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
