import type { NamespaceId, TokenRecord } from '../contract/identity.ts'
import { hasLease } from './leases.ts'
import type { TokenStore } from './store.ts'

/** Tokens by their leases, for `sys/leases`. Each namespace sees only its own. */
export class TokenLeases {
  readonly #tokens: TokenStore
  #hasStrayEntries = false

  constructor(tokens: TokenStore) {
    this.#tokens = tokens
  }

  /** The valid token of a lease. */
  async lookup(namespace: NamespaceId, lease: string): Promise<TokenRecord | undefined> {
    const [, path, id] = /^(.+)\/([0-9a-f]{64})$/.exec(lease) ?? []
    const record = id === undefined ? undefined : await this.#tokens.byId(id)
    return record?.namespace === namespace && record.path === path && hasLease(record) ? record : undefined
  }

  /** The names directly under a prefix: the last parts of leases, and folders with a trailing slash. In byte order. */
  async list(namespace: NamespaceId, prefix: string): Promise<string[]> {
    return this.#tokens.leases.list(namespace, prefix)
  }

  /** Revokes the token of a lease, and its child tokens. A lease that does not exist is fine. */
  async revoke(namespace: NamespaceId, lease: string): Promise<void> {
    const record = await this.lookup(namespace, lease)
    if (record) await this.#tokens.revoke(record.id)
  }

  /**
   * Revokes all tokens whose leases are under a prefix, or the one with exactly this lease, at once. `wait`: also until their
   * records are removed.
   */
  async revokePrefix(namespace: NamespaceId, prefix: string, wait: boolean): Promise<void> {
    if (await this.lookup(namespace, prefix)) return this.revoke(namespace, prefix)
    await this.#tokens.revokePrefix(namespace, prefix)
    if (wait) await this.sweep()
    return undefined
  }

  /** Has index entries that lead nowhere removed at the next sweep. */
  tidySoon(): void {
    this.#hasStrayEntries = true
  }

  /** Completes pending removals, including those that a crash interrupted. Called repeatedly. */
  async sweep(): Promise<void> {
    const { leases } = this.#tokens
    await leases.finish(async (id) => this.#tokens.revoke(id))
    if (!this.#hasStrayEntries) return
    this.#hasStrayEntries = false
    await leases.tidy()
  }
}
