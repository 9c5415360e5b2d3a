import { Fault } from '../../contract/fault.ts'
import type { SealRecord } from '../../contract/seal.ts'
import { AmbiguousCommit } from '../../contract/storage.ts'
import { wipe } from '../../util/bytes.ts'
import type { SealManagerParts } from './lifecycle.ts'

/** How often, and at which interval (milliseconds), a write with an unknown outcome is repeated. */
const settling = { tries: 6, wait: 500 } as const

/**
 * A new root key under `unsealKey`, in one commit with the seal record. An attempt with an unknown outcome is repeated: it is
 * idempotent, and guarded by the keyring's revision. `unknown` if the outcome stays unknown: the barrier might then write the
 * keyring under the old root key, and it could not be decrypted any more, so the caller must seal.
 * @throws errors of the storage if nothing was changed.
 */
export async function changeRoot(
  { barrier, seal, random, clock }: SealManagerParts,
  record: SealRecord,
  unsealKey: Uint8Array,
): Promise<'done' | 'unknown'> {
  const root = random(32)
  const op = seal.rewrap(record, unsealKey, root)
  let unknown = false
  try {
    for (let left = settling.tries; left > 0; left--) {
      try {
        await barrier.changeRoot(root, [op])
        return 'done'
      } catch (thrown) {
        unknown ||= isAmbiguous(thrown)
        if (!unknown) throw thrown
        await new Promise<void>((resolve) => clock.after(settling.wait, resolve))
      }
    }
  } finally {
    wipe(root)
  }
  return 'unknown'
}

const isAmbiguous = (thrown: unknown): boolean =>
  thrown instanceof Fault && thrown.details.cause instanceof AmbiguousCommit

/** Why something failed, for the log. */
export const reason = (thrown: unknown): { readonly error: string } => ({
  error: thrown instanceof Error ? thrown.message : 'unknown',
})
