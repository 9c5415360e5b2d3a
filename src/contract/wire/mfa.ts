import type { Principal } from '../identity.ts'
import type { MountRecord } from '../mount.ts'

/** A method that a login enforcement accepts. Names as in Vault's API. */
export interface MfaMethodInfo {
  readonly type: 'totp'
  readonly id: string
  readonly uses_passcode: boolean
  /** '' when it has none. */
  readonly name: string
}

/** The requirement of a login enforcement: a passcode of one of its methods. */
export interface MfaDemand {
  /** The name of the enforcement. */
  readonly name: string
  readonly methods: readonly MfaMethodInfo[]
}

/** Passcodes by the id or the name of their method, as the caller sent them. */
export type Passcodes = ReadonlyMap<string, readonly string[]>

/** The second factors of the entities of one namespace. */
export interface SecondFactors {
  /** The second factors that a login needs, by the enforcements of its namespace and of those above. None: nothing. */
  demands(principal: Principal, mount: Pick<MountRecord, 'accessor' | 'type'>): Promise<readonly MfaDemand[]>
  /** Counts the changes of these enforcements. While it stays the same, their requirements on a principal do. */
  changes(): number
  /**
   * Checks the passcodes of an entity, and uses them up.
   * @throws Fault permission_denied unless every demand is met
   */
  prove(entityId: string, demands: readonly MfaDemand[], passcodes: Passcodes): Promise<void>
}

/** The `mfa_requirement` of a login that waits for its second factor. Names as in Vault's API. */
export interface MfaRequirement {
  readonly mfa_request_id: string
  readonly mfa_constraints: Readonly<Record<string, { readonly any: readonly MfaMethodInfo[] }>>
}
