import type { Barrier } from '../../contract/barrier.ts'
import type { Seal, UnsealOptions } from '../../contract/seal.ts'
import type { Op, Storage } from '../../contract/storage.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'

/** Hooks around unsealing and sealing. */
export interface LifecycleHooks {
  /** After unseal: starts everything that exists only while unsealed. */
  afterUnseal(options?: UnsealOptions): Promise<void>
  /** Before seal, and after an `afterUnseal` that failed. It must not wait for the seal manager, which waits for it. */
  beforeSeal(): Promise<void>
  /** A new root token of an unsealed server. */
  createRootToken(): Promise<string>
}

export interface SealManagerParts {
  readonly storage: Storage
  readonly barrier: Barrier
  readonly seal: Seal
  readonly random: (bytes: number) => Uint8Array
  readonly uuid: () => string
  readonly clock: Clock
  readonly log: Log
  readonly hooks: LifecycleHooks
}

/** PGP keys (base64) of the recipients of init's secrets, and what else is written. */
export interface InitKeys {
  /** None, or one for each share. */
  readonly pgpKeys?: readonly string[]
  readonly rootTokenPgpKey?: string
  /** Written in the same commit. */
  readonly along?: readonly Op[]
}

/** The result of init, which operators see once: in clear, or OpenPGP messages (the token's in base64). */
export interface Initialised {
  readonly shares: readonly Uint8Array[]
  readonly rootToken: string
}
