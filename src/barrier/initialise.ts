import { plainKeys } from '../contract/barrier.ts'
import { refuse } from '../contract/fault.ts'
import type { Companion, Op } from '../contract/storage.ts'
import type { Clock } from '../util/clock.ts'
import { freshKeyring, wipeKeyring, wrapKeyring } from './keyring.ts'
import { Names } from './names.ts'
import { committed, firstRecord } from './storing.ts'
import { digestsOf } from './unsealed.ts'
import type { DigestsHost } from './unsealed.ts'

/**
 * Stores the first keyring and the first record, with their digests and `along`, in one commit.
 * @param companion accompanies the storage afterwards
 * @throws Fault invalid_request when the storage has a keyring
 */
export async function initialiseStorage(
  parts: DigestsHost & { readonly clock: Clock },
  root: Uint8Array,
  along: readonly Op[],
  companion: Companion,
): Promise<void> {
  const { clock, random, storage } = parts
  const keyring = freshKeyring(random, clock.now())
  const value = wrapKeyring(keyring, root, random)
  const names = new Names(keyring.nameKey)
  const digests = digestsOf(parts, keyring, names, () => keyring)
  digests.begin()
  storage.accompany(digests.companion)
  try {
    const result = await committed(storage, {
      expect: [{ key: plainKeys.keyring, rev: 0n }],
      ops: [{ put: plainKeys.keyring, value }, firstRecord(keyring, names, random), ...along],
    })
    if (typeof result === 'string') throw refuse('Vault is already initialized')
  } finally {
    storage.accompany(companion)
    digests.close()
    names.wipe()
    wipeKeyring(keyring)
  }
}
