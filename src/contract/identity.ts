import type { SecondFactors } from './wire/mfa.ts'

/** The id of a namespace: `root`, or six letters and digits that are never used twice. Every stored record belongs to one. */
export type NamespaceId = string

/** The root namespace. */
export const rootNamespace: NamespaceId = 'root'

/** The capabilities of policies, with Vault's names. */
export const capabilities = ['create', 'read', 'update', 'delete', 'list', 'patch', 'scan', 'sudo', 'deny'] as const
export type Capability = (typeof capabilities)[number]

/** The operations of policy checks, named like capabilities. */
export const explainable = ['create', 'read', 'update', 'delete', 'list', 'scan', 'patch'] as const

/** One alias of an entity: its name on a mount of a login method. */
export interface PrincipalAlias {
  readonly id: string
  readonly name: string
  /** The accessor of the mount, e.g. `auth_userpass_1a2b3c4d`. */
  readonly mountAccessor: string
  /** As the login method sets it. */
  readonly metadata: Readonly<Record<string, string>>
  /** As an operator sets it. */
  readonly customMetadata: Readonly<Record<string, string>>
}

/** A person, service or machine, for all its login methods. */
export interface PrincipalEntity {
  readonly id: string
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  readonly aliases: readonly PrincipalAlias[]
  readonly policies: readonly string[]
  /** Its tokens are refused. */
  readonly disabled: boolean
}

/** A group that an entity is a member of, itself or through a group in it. */
export interface PrincipalGroup {
  readonly id: string
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  readonly policies: readonly string[]
  readonly namespace: NamespaceId
}

/** The entity and groups of a token. Plain, never changed: a change creates another object. */
export interface Principal {
  readonly entity: PrincipalEntity
  /** All its groups, nested ones included, each once. */
  readonly groups: readonly PrincipalGroup[]
}

/** The principals of one namespace. */
export interface Principals {
  /**
   * The principal of an entity id; undefined when there is no such entity. The same object as before while nothing about
   * entity, aliases, groups and memberships has changed: what was made of it is valid as long as this returns it.
   * Synchronous where it is cached.
   */
  principal(entityId: string): Principal | undefined | Promise<Principal | undefined>
}

/** A login, as the identities of its namespace see it. */
export interface Arrival {
  /** The accessor of the mount that it went through. */
  readonly mountAccessor: string
  /** The name of the user, canonical and unique within the mount. */
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  /** The login method's names of the user's groups; undefined: it has none, and memberships stay. */
  readonly groups?: readonly string[]
}

/** The identities of one namespace, for the core and the token endpoints. */
export interface Identities extends Principals {
  /**
   * The principal of a login; the first login of a name creates its entity. @throws Fault unauthenticated if the entity is
   * disabled
   */
  arrive(arrival: Arrival): Promise<Principal>
  /** Updates an entity's memberships in the external groups of a mount to the current names from its login method. */
  regroup(entityId: string, mountAccessor: string, groups: readonly string[]): Promise<void>
  /** Their second factors. */
  readonly mfa: SecondFactors
  /** The number of entities. */
  count(): Promise<number>
}

/** The policies that a principal adds to the token's own, once each, sorted. */
export function identityPolicies({ entity, groups }: Principal): string[] {
  return [...new Set([...entity.policies, ...groups.flatMap(({ policies }) => policies)])].sort()
}

/** A token: the stored record (service), or the claims of its JWT (batch). Times are epoch milliseconds, TTLs seconds. */
export interface TokenRecord {
  /** Internal id: a keyed hash of the JWT's `jti` or of the opaque string. Never the bearer string itself. */
  readonly id: string
  /** '' for batch tokens. */
  readonly accessor: string
  readonly type: 'service' | 'batch'
  readonly namespace: NamespaceId
  /** Internal id of the parent; absent for orphans. */
  readonly parent?: string
  readonly policies: readonly string[]
  /** The API path that created it, e.g. `auth/token/create`. */
  readonly path: string
  readonly role?: string
  readonly meta: Readonly<Record<string, string>> | null
  readonly displayName: string
  readonly issuedAt: number
  readonly creationTtl: number
  /** null: never (root tokens without a TTL only). */
  readonly expiresAt: number | null
  readonly explicitMaxTtl: number
  readonly period: number
  /** As created; 0 is unlimited. */
  readonly numUses: number
  readonly usesLeft?: number
  readonly renewable: boolean
  readonly lastRenewedAt?: number
  readonly boundCidrs: readonly string[]
  readonly entityId: string
  /** The uuid of the auth mount where it was created by a login, and which its renewals ask. Absent: `auth/token`. */
  readonly mount?: string
  /** The data of its login that the auth method gets back at renewals. Never shown. */
  readonly loginData?: Readonly<Record<string, unknown>>
  /** Policies that bound all others. Only of tokens that are not stored: those of other issuers. */
  readonly ceiling?: readonly string[]
}

/** A token to be created. TTLs in seconds; `ttl` 0 never expires (root only). */
export interface TokenSpec {
  readonly type: 'service' | 'batch'
  readonly namespace: NamespaceId
  readonly policies: readonly string[]
  readonly path: string
  readonly role?: string
  readonly meta: Readonly<Record<string, string>> | null
  readonly displayName: string
  readonly ttl: number
  readonly explicitMaxTtl: number
  readonly period: number
  readonly numUses: number
  readonly renewable: boolean
  readonly parent?: TokenRecord
  readonly boundCidrs: readonly string[]
  readonly entityId: string
  readonly mount?: string
  readonly loginData?: Readonly<Record<string, unknown>>
  /** A string chosen by the caller, in place of a JWT. */
  readonly opaque?: string
}

/** A request for a policy check by a handler. The path is one of the namespace of the handled request. */
export interface AskedRequest {
  readonly operation: Exclude<Capability, 'sudo' | 'deny'>
  readonly path: string
  /** Its parameters besides those in the path, for rules about parameters. */
  readonly data?: Readonly<Record<string, unknown>>
}

/** The caller, as engines see it. They never get the bearer string. */
export interface Caller {
  /** Absent on routes that need no token. */
  readonly token?: TokenRecord
  /** The entity behind the token, with its groups, as the policies were compiled for it. Absent for tokens without an entity. */
  readonly principal?: Principal | undefined
  /** The policies of the token itself. */
  readonly policies: readonly string[]
  /** Whether the caller is root, or its policies grant `sudo` on the requested path. */
  readonly sudo: boolean
  readonly root: boolean
  /** Whether the caller would be allowed another request: for operations of a handler on another mount. Pure. */
  allows(asked: AskedRequest): boolean
  /** Whether a rule denies a path of that namespace: for other paths that the handler is about to change. Pure. */
  denies(path: string): boolean
  /** Whether the rule that allowed the request denies the default of an omitted parameter. Pure. */
  deniesValue(name: string, value: unknown): boolean
  /** Whether a rule of the caller's policies allows something at or below a folder of that namespace. Pure. */
  reaches(folder: string): boolean
}
