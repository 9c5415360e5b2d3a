import { identityPolicies } from '../../contract/identity.ts'
import type { NamespaceId, Principal, Principals, TokenRecord } from '../../contract/identity.ts'
import { compileAcl, compileInSlices } from '../../policy/acl.ts'
import { BoundedAcl } from '../../policy/ceiling.ts'
import type { Acl, NamedPolicy } from '../../policy/acl.ts'
import type { PolicyDocument } from '../../policy/document.ts'
import type { Clock } from '../../util/clock.ts'
import { Slices } from '../../util/slices.ts'
import type { Policies, PolicyRecord } from './policies.ts'

interface Compiled {
  readonly acl: Acl
  readonly policies: Policies
  readonly epoch: number
  /** A policy in it expires at this time. */
  readonly until: number
}

/** The policies of a token, and the principal of their templates. */
export interface Subject {
  readonly policies: readonly NamedPolicy[]
  readonly principal?: Principal
}

/**
 * The compiled policies of tokens: once per token, and again when a policy was written or has expired, or when its entity or a
 * group of that has changed. They are those of the token's own namespace, and their paths begin there.
 */
export class Acls {
  readonly #policiesOf: (namespace: NamespaceId) => Policies | undefined
  readonly #principalsOf: (namespace: NamespaceId) => Principals | undefined
  readonly #clock: Clock
  readonly #compiled = new WeakMap<TokenRecord, Compiled>()

  /** Both return undefined if the namespace does not exist. */
  constructor(
    policiesOf: (namespace: NamespaceId) => Policies | undefined,
    principalsOf: (namespace: NamespaceId) => Principals | undefined,
    clock: Clock,
  ) {
    this.#policiesOf = policiesOf
    this.#principalsOf = principalsOf
    this.#clock = clock
  }

  /** The rules of a token: its own, those of its entity and those of the groups. Policies that do not exist allow nothing. */
  of(token: TokenRecord): Acl | Promise<Acl> {
    if (token.entityId === '') return this.#for(token, undefined)
    const found = this.#principalsOf(token.namespace)?.principal(token.entityId)
    if (found instanceof Promise) return found.then(async (principal) => this.#forEntity(token, principal))
    return this.#forEntity(token, found)
  }

  /** The token of a removed or disabled entity has no rights. */
  #forEntity(token: TokenRecord, principal: Principal | undefined): Acl | Promise<Acl> {
    return isActive(principal) ? this.#for(token, principal) : compileAcl([], this.#clock)
  }

  #for(token: TokenRecord, principal: Principal | undefined): Acl | Promise<Acl> {
    const cached = this.#compiled.get(token)
    if (cached && cached.acl.principal === principal) {
      const { acl, policies, epoch, until } = cached
      if (epoch === policies.epoch && this.#clock.now() < until) return acl
    }
    return this.#compile(token, principal)
  }

  /** Policies of a namespace, parsed. Those that do not exist are left out. */
  async policies(namespace: NamespaceId, names: readonly string[]): Promise<NamedPolicy[]> {
    const policies = this.#policiesOf(namespace)
    return policies ? (await presentOf(policies, names)).map(named) : []
  }

  /** The policies of the ceiling of a token; undefined: it has none. */
  async ceiling({ namespace, ceiling }: TokenRecord): Promise<readonly NamedPolicy[] | undefined> {
    return ceiling && this.policies(namespace, ceiling)
  }

  /** The policies that `of` compiles for a token. */
  async subject(token: TokenRecord): Promise<Subject> {
    const principal =
      token.entityId === '' ? undefined : await this.#principalsOf(token.namespace)?.principal(token.entityId)
    const policies = this.#policiesOf(token.namespace)
    if (!policies || (token.entityId !== '' && !isActive(principal))) return { policies: [] }
    const all = await presentFor(policies, token, principal)
    return { policies: all.map(named), ...(principal && { principal }) }
  }

  async #compile(token: TokenRecord, principal: Principal | undefined): Promise<Acl> {
    const policies = this.#policiesOf(token.namespace)
    if (!policies) return compileAcl([], this.#clock)
    const { epoch } = policies
    const present = await presentFor(policies, token, principal)
    const bounding = token.ceiling && (await presentOf(policies, token.ceiling))
    const own = await compileInSlices(present.map(named), this.#clock, principal)
    const acl = bounding ? new BoundedAcl(own, await compileInSlices(bounding.map(named), this.#clock, principal)) : own
    const used = [...present, ...(bounding ?? [])]
    const until = Math.min(acl.until, ...used.map(({ record }) => record.expiration ?? Infinity))
    this.#compiled.set(token, { acl, policies, epoch, until })
    return acl
  }
}

/** Whether the tokens of an entity may be used: it exists and is not disabled. */
const isActive = (principal: Principal | undefined): principal is Principal =>
  principal !== undefined && !principal.entity.disabled

interface Present {
  readonly record: PolicyRecord
  readonly document: PolicyDocument
}

/** The policies of a token, then those of its principal that are not among them. Entities and groups cannot give `root`. */
async function presentFor(
  policies: Policies,
  token: TokenRecord,
  principal: Principal | undefined,
): Promise<readonly Present[]> {
  const own = await presentOf(policies, token.policies)
  if (!principal) return own
  const names = new Set(own.map(({ record }) => record.name))
  const groups = principal.groups.filter(({ namespace }) => namespace === token.namespace)
  const more = await presentOf(policies, identityPolicies({ ...principal, groups }))
  return [...own, ...more.filter(({ record: { name } }) => name !== 'root' && !names.has(name))]
}

/** Each policy once, however its name is written. */
async function presentOf(policies: Policies, names: readonly string[]): Promise<readonly Present[]> {
  const found = new Map<string, Present>()
  const slices = new Slices()
  for (const name of names) {
    const policy = await policies.document(name)
    if (policy) found.set(policy.record.name, policy)
    await slices.pause()
  }
  return [...found.values()]
}

function named({ record, document }: Present): NamedPolicy {
  const { name, allowWildcards: wildcards, allowSlashes: slashes } = record
  return { name, document, ...((wildcards || slashes) && { templates: { wildcards, slashes } }) }
}
