import type { SealStatus, UnsealOptions } from '../../contract/seal.ts'

/** The seal manager, for these routes. */
export interface SealPort {
  status(): Promise<SealStatus>
  initialise(
    shares: number,
    threshold: number,
    keys: { readonly pgpKeys: readonly string[]; readonly rootTokenPgpKey: string },
  ): Promise<{ readonly shares: readonly Uint8Array[]; readonly rootToken: string }>
  unseal(share: Uint8Array, options: UnsealOptions): Promise<void>
  resetUnseal(): Promise<void>
  seal(): Promise<void>
  /** The seals of the configuration, or key shares as the only one. */
  backends(): readonly { readonly name: string; readonly healthy: boolean; readonly unhealthySince?: number }[]
  /** The seals that can unseal, by the record in the storage; undefined: shares do, or it is not initialised. */
  wrappedBy(): Promise<readonly string[] | undefined>
  readonly storageType: string
  /** The ends of the audit logs, by device; none while sealed. */
  auditHeads(): ReadonlyMap<string, { readonly size: number; readonly root?: string }>
  /** Absent while sealed. */
  cluster(): { readonly name: string; readonly id: string } | undefined
  /** @throws Fault for invalid counts. */
  checkCounts(shares: number, threshold: number): void
  /** Epoch milliseconds. */
  now(): number
}
