import type { Renewal, RenewalRequest } from '../contract/engine.ts'
import { rootNamespace } from '../contract/identity.ts'
import type { NamespaceId, TokenRecord, TokenSpec } from '../contract/identity.ts'
import type { Bounds } from '../contract/token-params.ts'
import type { Secret } from '../util/secret.ts'
import type { TokenStore } from './store.ts'

/** The limits of a renewal in force; `ttl` as in `Renewal`. */
type RenewalBounds = Bounds & Pick<Renewal, 'ttl'>

/** The namespace, for its tokens. */
export interface TokenHome {
  readonly id: NamespaceId
  /** '' for the root namespace, else with a trailing slash. */
  readonly path: string
  /** TTLs in force for tokens, seconds. */
  limits(): { readonly defaultTtl: number; readonly maxTtl: number }
  policyExists(name: string): Promise<boolean>
  /** The limits of a token's renewal, from the mount that created it. @throws Fault when that mount refuses it */
  renewal(record: TokenRecord, request: RenewalRequest): Promise<RenewalBounds>
}

/** The tokens of one namespace. Those of others do not exist here, whoever asks and however they are named. */
export class NamespaceTokens {
  readonly #home: TokenHome
  readonly #store: TokenStore

  constructor(store: TokenStore, home: TokenHome) {
    this.#store = store
    this.#home = home
  }

  limits(): { readonly defaultTtl: number; readonly maxTtl: number } {
    return this.#home.limits()
  }

  /** Whether a token lives in this namespace. */
  owns(record: TokenRecord): boolean {
    return record.namespace === this.#home.id
  }

  get namespacePath(): string {
    return this.#home.path
  }

  get inRoot(): boolean {
    return this.#home.id === rootNamespace
  }

  async resolve(bearer: Secret<string>): Promise<TokenRecord | undefined> {
    return this.#own(await this.#store.resolve(bearer))
  }

  /** The internal id that a bearer string leads to, valid or not. */
  async idOf(token: string): Promise<string | undefined> {
    const id = await this.#store.idOf(token)
    return id === undefined ? undefined : this.#own(await this.#store.storedById(id))?.id
  }

  async byAccessor(accessor: string): Promise<TokenRecord | undefined> {
    return this.#own(await this.#store.byAccessor(this.#home.id, accessor))
  }

  async accessors(): Promise<string[]> {
    return this.#store.accessors(this.#home.id)
  }

  async create(spec: Omit<TokenSpec, 'namespace'>): Promise<{ readonly token: string; readonly record: TokenRecord }> {
    return this.#store.create({ ...spec, namespace: this.#home.id })
  }

  async renewal(record: TokenRecord, request: RenewalRequest): Promise<RenewalBounds> {
    return this.#home.renewal(record, request)
  }

  async renew(record: TokenRecord, ttl: number): Promise<TokenRecord | undefined> {
    return this.#own(record) && this.#store.renew(record, ttl)
  }

  async revoke(id: string): Promise<void> {
    if (this.#own(await this.#store.storedById(id))) await this.#store.revoke(id)
  }

  async revokeOrphaning(id: string): Promise<boolean> {
    return this.#own(await this.#store.storedById(id)) ? this.#store.revokeOrphaning(id) : false
  }

  async tidy(): Promise<void> {
    await this.#store.tidy(this.#home.id)
  }

  async policyExists(name: string): Promise<boolean> {
    return this.#home.policyExists(name)
  }

  #own(record: TokenRecord | undefined): TokenRecord | undefined {
    return record && this.owns(record) ? record : undefined
  }
}
