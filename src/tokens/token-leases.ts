import type { TokenRecord } from '../contract/identity.ts'
import { hasLease } from './leases.ts'
import type { TokenStore } from './store.ts'

/** Tokens by their leases: what `sys/leases` works with. */
export class TokenLeases {
  readonly #tokens: TokenStore
  #untidy = false

  constructor(tokens: TokenStore) {
    this.#tokens = tokens
  }

  /** The good token that a lease is of. */
  async lookup(lease: string): Promise<TokenRecord | undefined> {
    const [, path, id] = /^(.+)\/([0-9a-f]{64})$/.exec(lease) ?? []
    const record = id === undefined ? undefined : await this.#tokens.byId(id)
    return record && record.path === path && hasLease(record) ? record : undefined
  }

  /** What lies directly under a prefix: the last parts of leases, and folders with a trailing slash. In byte order. */
  async list(prefix: string): Promise<string[]> {
    return this.#tokens.leases.list(prefix)
  }

  /** Ends the token of a lease, and all below it. Absent is fine. */
  async revoke(lease: string): Promise<void> {
    const record = await this.lookup(lease)
    if (record) await this.#tokens.revoke(record.id)
  }

  /** Ends all tokens whose leases lie under a prefix, or the one of just this lease: at once. `wait`: their records are gone too. */
  async revokePrefix(prefix: string, wait: boolean): Promise<void> {
    if (await this.lookup(prefix)) return this.revoke(prefix)
    await this.#tokens.condemn(prefix)
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
