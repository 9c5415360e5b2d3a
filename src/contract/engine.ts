import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Fault } from './fault.ts'
import type { NamespaceId, TokenRecord } from './identity.ts'
import type { MountRecord } from './mount.ts'
import type { Request } from './request.ts'
import type { Login } from './response.ts'
import type { Route } from './route.ts'
import type { View } from './view.ts'

/** The core's services for one mount of an engine. They do not reach other mounts. */
export interface EngineHost {
  /** This mount's records. */
  readonly view: View
  readonly clock: Clock
  readonly log: Log
  /** The mount's accessor, e.g. `transit_1a2b3c4d`. */
  readonly accessor: string
  /** The namespace of the mount. Only for operations on tokens and mounts themselves; all else is the same in every namespace. */
  readonly namespace: NamespaceId
  /** Effective TTL limits of the mount, seconds. Read at each use: tuning changes them. */
  limits(): { readonly defaultTtl: number; readonly maxTtl: number }
  /**
   * Whether a login may continue: its proof is correct, and failed logins have not locked its user out. Counts a wrong proof.
   * Called once the proof has been checked, whether or not there is such a user, and before anything is changed. A login that
   * may not continue gets the response to a wrong proof.
   * @param alias the canonical name of the user, as `Login.alias` has it
   */
  readonly mayLogIn: (alias: string, isProven: boolean) => boolean
}

/** The data of a login that its mount gets back at renewals (`Login.data`). */
export type LoginData = Readonly<Record<string, unknown>>

/** The data for a renewal besides records: the sender of the request. */
export type RenewalRequest = Pick<Request, 'certificates'>

/** The limits that a mount sets for a renewal of a token that it created. Seconds; 0: none of its own. */
export interface Renewal {
  /** The default TTL of a renewal; 0: that of the mount; absent: as last time. */
  readonly ttl?: number
  readonly maxTtl: number
  readonly period: number
  readonly explicitMaxTtl: number
  /** The current names of the user's groups; absent: they stay unchanged. */
  readonly groupAliases?: readonly string[]
}

/** The login of a token that is sent with each request. Its TTL ends with the token. */
export interface BearerLogin extends Login {
  /** Policies that limit all others of the caller: a request must be allowed by these as well. Absent: no limit. */
  readonly ceiling?: readonly string[]
}

/** Accepts tokens of other issuers that are sent with each request, in place of our own. `S`: see `defineEngine`. */
export interface BearerMethod<S = unknown> {
  /** Whether a token is for this mount, by its claims, which are not verified yet. Cheap, changes nothing. */
  isFor(state: S, claims: Readonly<Record<string, unknown>>): Promise<boolean>
  /** Changes whenever another judgement of the same token may follow: the mount's configuration or a role is another one. */
  epoch(state: S): number
  /** Verifies a token. @throws Fault when it is invalid, or cannot be verified now */
  login(state: S, token: string): Promise<BearerLogin>
}

/** A request that a caller must be allowed to make. Its path is relative to the mount. */
export interface AskedOfMount {
  readonly operation: 'create' | 'read' | 'update' | 'delete'
  readonly path: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** Where a secret or key is recovered to. */
export interface RecoveryTarget {
  readonly name: string
  /** There is something under that name, which is replaced. */
  readonly exists: boolean
  /** It was under another name, or in another mount. */
  readonly isCopy: boolean
}

/** A secret or key that was found in the records of a snapshot. `S`: see `defineEngine`. */
export interface Recoverable<S = unknown> {
  /** The requests that would read it where it was. */
  readonly reads: readonly AskedOfMount[]
  /** The requests that would write all of it there. @throws Fault invalid_request when some of it cannot be read */
  writes(target: RecoveryTarget): Iterable<AskedOfMount> | AsyncIterable<AskedOfMount>
  /** Writes it there. @throws Fault unavailable when `exists` is not right any more */
  write(state: S, target: RecoveryTarget): Promise<void>
}

/** The target of a recovery is not what the policies were asked about. */
export const changedMeanwhile = (): Fault =>
  new Fault('unavailable', 'what is to be recovered was created or removed meanwhile; nothing was changed, try again')

/** For engines whose secrets or keys can be recovered from a snapshot one by one, without the rest. */
export interface Recovery<S = unknown> {
  /** The name in a path that names one: `data/app` leads to `app`. Undefined: it names none. */
  nameOf(path: string): string | undefined
  /** A path that names one, for messages. */
  readonly example: string
  /** Whether there is something under a name now. */
  exists(state: S, name: string): Promise<boolean>
  /**
   * Finds it in the records of a mount of this type and version.
   * @param version undefined: all versions
   * @throws Fault invalid_request when it has no versions
   */
  find(from: View, name: string, version: number | undefined): Promise<Recoverable<S> | undefined>
}

/** A kind of secrets engine or auth method: one folder, one line in the registry. */
export interface Engine {
  /** The name used to enable it: `transit`. */
  readonly type: string
  /** `secret` is mounted under `X/`, `auth` under `auth/X/`. */
  readonly kind: 'secret' | 'auth'
  /** For types with several versions: the version of this one. The option `version` of a mount selects it; the first registered one is the default. */
  readonly version?: string
  readonly about: string
  /** Login methods: failed logins lock users out (`EngineHost.mayLogIn`), so that mounts have settings for it. */
  readonly locksOut?: boolean
  /** Starts one mount; returns its state or a promise of it. Called at unseal and when the mount is created. */
  start(host: EngineHost): unknown
  /** Periodic work of a mount; `state` is the value that `start` returned. Called every minute while the server is unsealed. */
  everyMinute?(state: unknown): Promise<void>
  /**
   * Judges a renewal of a token that this mount created, by its records of today. Without it no login of this engine makes
   * a renewable token.
   * @throws Fault if the token is not to be renewed: the user no longer exists, or has other policies now
   */
  renew?(state: unknown, loginData: LoginData, token: TokenRecord, request: RenewalRequest): Promise<Renewal> | Renewal
  /** For login methods that accept tokens of other issuers without a login. */
  readonly bearer?: BearerMethod
  /** Removes what the mount stores for a token that was revoked or has expired. Called again after a failure. */
  tokenEnded?(state: unknown, token: TokenRecord): Promise<void>
  /** Removes what the mount stores about a mount of a login method that is being removed. Called again after a failure. */
  mountRemoved?(state: unknown, mount: MountRecord): Promise<void>
  readonly recovery?: Recovery
  readonly routes: readonly Route[]
}

/** Ties an engine's state to its routes, so that handlers get exactly what `start` returned. */
export function defineEngine<S>(engine: {
  readonly type: string
  readonly kind: 'secret' | 'auth'
  readonly version?: string
  readonly about: string
  readonly locksOut?: boolean
  readonly start: (host: EngineHost) => Promise<S> | S
  readonly everyMinute?: (state: S) => Promise<void>
  readonly renew?: (
    state: S,
    loginData: LoginData,
    token: TokenRecord,
    request: RenewalRequest,
  ) => Promise<Renewal> | Renewal
  readonly bearer?: BearerMethod<S>
  readonly tokenEnded?: (state: S, token: TokenRecord) => Promise<void>
  readonly mountRemoved?: (state: S, mount: MountRecord) => Promise<void>
  readonly recovery?: Recovery<S>
  readonly routes: readonly Route<S>[]
}): Engine {
  return engine
}
