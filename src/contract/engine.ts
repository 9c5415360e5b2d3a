import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { NamespaceId } from './identity.ts'
import type { Route } from './route.ts'
import type { View } from './view.ts'

/** What the core gives an engine for one mount. Nothing here reaches another mount. */
export interface EngineHost {
  /** This mount's records. */
  readonly view: View
  readonly clock: Clock
  readonly log: Log
  /** The mount's accessor, e.g. `transit_1a2b3c4d`. */
  readonly accessor: string
  /** Where the mount lives. For what is about tokens and mounts themselves; everything else is the same in every namespace. */
  readonly namespace: NamespaceId
  /** Effective TTL limits of the mount, seconds. Read at each use: tuning changes them. */
  limits(): { readonly defaultTtl: number; readonly maxTtl: number }
}

/** A kind of secrets engine or auth method: one folder, one line in the registry. */
export interface Engine {
  /** The name used to enable it: `transit`. */
  readonly type: string
  /** `secret` is mounted under `X/`, `auth` under `auth/X/`. */
  readonly kind: 'secret' | 'auth'
  /** For types that come in several versions: which one this is. A mount says by its option `version`; the first registered is the usual one. */
  readonly version?: string
  readonly about: string
  /** Opens one mount. Called at unseal and when the mount is made. */
  start(host: EngineHost): Promise<unknown> | unknown
  /** What a mount has to do by itself, given what `start` returned. Called every minute while the server is unsealed. */
  everyMinute?(state: unknown): Promise<void>
  readonly routes: readonly Route<never>[]
}

/** Ties an engine's state to its routes, so that handlers get exactly what `start` returned. */
export function defineEngine<S>(engine: {
  readonly type: string
  readonly kind: 'secret' | 'auth'
  readonly version?: string
  readonly about: string
  readonly start: (host: EngineHost) => Promise<S> | S
  readonly everyMinute?: (state: S) => Promise<void>
  readonly routes: readonly Route<S>[]
}): Engine {
  return engine as unknown as Engine
}
