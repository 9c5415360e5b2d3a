import type { NamespaceId, TokenRecord } from '../contract/identity.ts'
import { hasLease } from './leases.ts'
import type { TokenStore } from './store.ts'

/** Tokens by their leases: what `sys/leases` works with. Each namespace sees its own and no others. */
export class TokenLeases {
  readonly #tokens: TokenStore
  #untidy = false

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

  /** Ends the token of a lease, and all below it. Absent is fine. */
  async revoke(namespace: NamespaceId, lease: string): Promise<void> {
    const record = await this.lookup(namespace, lease)
    if (record) await this.#tokens.revoke(record.id)
  }

  /** Ends all tokens whose leases lie under a prefix, or the one of just this lease: at once. `wait`: their records are gone too. */
  async revokePrefix(namespace: NamespaceId, prefix: string, wait: boolean): Promise<void> {
    if (await this.lookup(namespace, prefix)) return this.revoke(namespace, prefix)
    await this.#tokens.revokePrefix(namespace, prefix)
    if (wait) await this.sweep()
    return undefined
  }

  /** Has index entries that lead nowhere removed at the next sweep. */
  tidySoon(): void {
    this.#untidy = true
  }

  /** Does what is left to do. Called again and again; also finishes what a crash interrupted. */
  async sweep(): Promise<void> {
    const { leases } = this.#tokens
    await leases.finish(async (id) => this.#tokens.revoke(id))
    if (!this.#untidy) return
    this.#untidy = false
    await leases.tidy()
  }
}
