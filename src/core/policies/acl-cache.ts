import type { NamespaceId, TokenRecord } from '../../contract/identity.ts'
import { compileAcl, compileInSlices } from '../../policy/acl.ts'
import type { Acl, NamedPolicy } from '../../policy/acl.ts'
import type { PolicyDocument } from '../../policy/document.ts'
import type { Clock } from '../../util/clock.ts'
import { Slices } from '../../util/slices.ts'
import type { Policies } from './policies.ts'

interface Compiled {
  readonly acl: Acl
  readonly policies: Policies
  readonly epoch: number
  /** A policy of it ends at this time. */
  readonly until: number
}

/**
 * The compiled policies of tokens: once per token, and again when a policy was written or has expired. They are those of the
 * token's own namespace, and their paths begin there.
 */
export class Acls {
  readonly #policiesOf: (namespace: NamespaceId) => Policies | undefined
  readonly #clock: Clock
  readonly #compiled = new WeakMap<TokenRecord, Compiled>()

  /** @param policiesOf undefined when there is no such namespace. */
  constructor(policiesOf: (namespace: NamespaceId) => Policies | undefined, clock: Clock) {
    this.#policiesOf = policiesOf
    this.#clock = clock
  }

  /** The rules of a token. Policies that do not exist allow nothing. */
  of(token: TokenRecord): Acl | Promise<Acl> {
    const known = this.#compiled.get(token)
    if (known && known.epoch === known.policies.epoch && this.#clock.now() < known.until) return known.acl
    return this.#compile(token)
  }

  /** Policies of a namespace, parsed. Those that do not exist are left out. */
  async policies(namespace: NamespaceId, names: readonly string[]): Promise<NamedPolicy[]> {
    const policies = this.#policiesOf(namespace)
    return policies ? (await presentOf(policies, names)).map(named) : []
  }

  async #compile(token: TokenRecord): Promise<Acl> {
    const policies = this.#policiesOf(token.namespace)
    if (!policies) return compileAcl([], this.#clock)
    const { epoch } = policies
    const present = await presentOf(policies, token.policies)
    const acl = await compileInSlices(present.map(named), this.#clock)
    const until = Math.min(acl.until, ...present.map(({ record }) => record.expiration ?? Infinity))
    this.#compiled.set(token, { acl, policies, epoch, until })
    return acl
  }
}

async function presentOf(policies: Policies, names: readonly string[]) {
  const found = []
  const slices = new Slices()
  for (const name of names) {
    const policy = await policies.document(name)
    if (policy) found.push(policy)
    await slices.pause()
  }
  return found
}

function named({
  record,
  document,
}: {
  readonly record: { readonly name: string }
  readonly document: PolicyDocument
}): NamedPolicy {
  return { name: record.name, document }
}
