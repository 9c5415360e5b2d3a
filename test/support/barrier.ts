import { EncryptedBarrier } from '../../src/barrier/barrier.ts'
import type { Storage } from '../../src/contract/storage.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { MemoryStorage } from '../../src/storage/memory.ts'
import type { Clock } from '../../src/util/clock.ts'
import { HandClock } from './clock.ts'

/** An open barrier on a storage in memory. */
export async function openBarrier(
  storage: Storage = new MemoryStorage(),
  clock: Clock = new HandClock(),
): Promise<{ readonly barrier: EncryptedBarrier; readonly storage: Storage; readonly root: Uint8Array }> {
  const barrier = new EncryptedBarrier({ storage, clock, random: randomBytes })
  const root = randomBytes(32)
  await barrier.initialise(root, [])
  await barrier.unseal(root)
  return { barrier, storage, root }
}
