import type { EngineHost } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import type { Arrival, Identities, NamespaceId, Principal } from '../../contract/identity.ts'
import type { MountRecord } from '../../contract/mount.ts'
import type { View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import type { SecondFactors } from '../../contract/wire/mfa.ts'
import { arrive, regroup } from './arrival.ts'
import { demandsOn } from './mfa/demands.ts'
import { prove } from './mfa/prove.ts'
import { isAccessor } from './names.ts'
import { AccessTokens } from './oidc/provider/access-tokens.ts'
import { PublishedKeys } from './oidc/published-keys.ts'
import { PrincipalCache } from './principals.ts'

/** The dependencies of the engine beyond those of every engine. */
export interface IdentityPorts {
  /** The mounts of login methods in a namespace. */
  readonly mountsOf: (namespace: NamespaceId) => readonly MountRecord[]
  /** The identities of the parent namespaces, nearest first. */
  readonly above: (namespace: NamespaceId) => readonly Identities[]
  /** The full path of a namespace. */
  readonly pathOf: (namespace: NamespaceId) => string
  /** Scheme, host and port at which clients reach the server; '' if unknown. */
  readonly apiAddress: () => string
  readonly uuid: () => string
  readonly random: (bytes: number) => Uint8Array
}

/** Entities, groups and their aliases in one namespace. */
export class Identity implements Identities {
  readonly view: View
  readonly clock: Clock
  readonly namespace: NamespaceId
  readonly uuid: () => string
  readonly random: (bytes: number) => Uint8Array
  readonly #principals: PrincipalCache
  readonly #mounts: () => readonly MountRecord[]
  /** The parent namespaces, nearest first: their MFA methods and enforcements apply here as well. */
  readonly above: () => readonly Identity[]
  /** The path of the namespace. */
  readonly path: () => string
  readonly mfa: SecondFactors
  /** The public keys of identity tokens. */
  readonly published: PublishedKeys
  /** The access tokens of the clients of OIDC providers. */
  readonly access: AccessTokens
  readonly apiAddress: () => string
  #enforcementChanges = 0

  constructor({ view, clock, namespace }: EngineHost, ports: IdentityPorts) {
    const { mountsOf, above, pathOf, uuid, random, apiAddress } = ports
    this.view = view
    this.clock = clock
    this.namespace = namespace
    this.uuid = uuid
    this.random = random
    this.apiAddress = apiAddress
    this.published = new PublishedKeys(this)
    this.access = new AccessTokens(this)
    this.#mounts = () => mountsOf(namespace)
    this.above = () => above(namespace).filter((one) => one instanceof Identity)
    this.path = () => pathOf(namespace)
    view.watch('mfa-enforcement/', () => {
      this.#enforcementChanges++
    })
    this.mfa = {
      changes: () => [this, ...this.above()].reduce((sum, one) => sum + one.#enforcementChanges, 0),
      demands: async (principal, mount) => demandsOn(this, principal, mount),
      prove: async (entityId, demands, passcodes) => prove(this, entityId, demands, passcodes),
    }
    this.#principals = new PrincipalCache(view, namespace)
  }

  principal(entityId: string): Principal | undefined | Promise<Principal | undefined> {
    return this.#principals.principal(entityId)
  }

  async arrive(arrival: Arrival): Promise<Principal> {
    const principal = await this.principal(await arrive(this, arrival))
    if (!principal || principal.entity.disabled) throw new Fault('unauthenticated', 'permission denied')
    return principal
  }

  async regroup(entityId: string, mountAccessor: string, groups: readonly string[]): Promise<void> {
    // The tokens of a merged entity still have its old id.
    const principal = await this.principal(entityId)
    if (principal) await regroup(this, principal.entity.id, mountAccessor, groups)
  }

  async count(): Promise<number> {
    return this.view.count('entity/')
  }

  /** The mounts of login methods, by accessor. */
  mounts(): ReadonlyMap<string, MountRecord> {
    return new Map(this.#mounts().map((record) => [record.accessor, record]))
  }

  /** @throws Fault invalid_request when no mount of the namespace has this accessor */
  mustBeMount(accessor: string): void {
    if (!isAccessor(accessor) || !this.mounts().has(accessor)) throw refuse(`invalid mount accessor "${accessor}"`)
  }
}

/** The identities in the state of a mount, if it is one of this engine. */
export function identitiesIn(state: unknown): Identities | undefined {
  return state instanceof Identity ? state : undefined
}
