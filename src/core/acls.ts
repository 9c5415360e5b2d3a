import type { TokenRecord } from '../contract/identity.ts'
import { compileAcl } from '../policy/acl.ts'
import type { Acl } from '../policy/acl.ts'
import type { Clock } from '../util/clock.ts'
import type { Policies } from './policies.ts'

interface Compiled {
  readonly acl: Acl
  readonly epoch: number
  /** A policy of it ends at this time. */
  readonly until: number
}

/** The compiled policies of tokens: once per token, and again when a policy was written or has expired. */
export class Acls {
  readonly #policies: Policies
  readonly #clock: Clock
  readonly #compiled = new WeakMap<TokenRecord, Compiled>()

  constructor(policies: Policies, clock: Clock) {
    this.#policies = policies
    this.#clock = clock
  }

  /** What a token may do. Policies that do not exist allow nothing. */
  of(token: TokenRecord): Acl | Promise<Acl> {
    const known = this.#compiled.get(token)
    if (known && known.epoch === this.#policies.epoch && this.#clock.now() < known.until) return known.acl
    return this.#compile(token)
  }

  async #compile(token: TokenRecord): Promise<Acl> {
    const epoch = this.#policies.epoch
    const found = await Promise.all(token.policies.map(async (name) => this.#policies.document(name)))
    const present = found.filter((policy) => policy !== undefined)
    const acl = compileAcl(
      present.map(({ record, document }) => ({ name: record.name, document })),
      this.#clock,
    )
    const until = Math.min(acl.until, ...present.map(({ record }) => record.expiration ?? Infinity))
    this.#compiled.set(token, { acl, epoch, until })
    return acl
  }
}
