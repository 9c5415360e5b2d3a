import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { EncryptedBarrier } from '../src/barrier/barrier.ts'
import { randomBytes } from '../src/crypto/fast/random.ts'
import { recordName, valueName } from '../src/engines/kv/v2/record-names.ts'
import { newSecret, withVersion } from '../src/engines/kv/v2/record.ts'
import { RootKeySeal } from '../src/seal/root-key-seal.ts'
import { LevelStorage } from '../src/storage/level/level.ts'
import { fromHex, hex } from '../src/util/bytes.ts'
import { systemClock as clock } from '../src/util/clock.ts'
import { silent as log } from '../src/util/log.ts'
import { ownServer } from './servers.ts'
import type { OwnServer } from './servers.ts'

/** An open server in a folder of its own with so many secrets of KV version 2, `secret/s0`, `secret/s1` and so on. */
export async function filledServer(folder: string, size: number): Promise<OwnServer> {
  mkdirSync(folder)
  const first = await ownServer(folder)
  await first.call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  const { data } = await first.call('GET', 'sys/mounts/secret', undefined)
  await first.stop()
  await fill(join(folder, 'data'), first.share, (data as { readonly uuid: string }).uuid, size)
  return ownServer(folder, '', first)
}

/** Puts secrets straight into a storage, in the records that the engine itself makes: over HTTP a million take a quarter of an hour. */
async function fill(path: string, share: string, uuid: string, size: number): Promise<void> {
  const storage = await LevelStorage.open(path, { clock, log })
  const seal = new RootKeySeal(randomBytes)
  const barrier = new EncryptedBarrier({ storage, clock, random: randomBytes })
  const record = await seal.record(storage)
  const keys = record && (await seal.combine(record, [fromHex(share) as Uint8Array]))
  if (!keys || !(await barrier.unseal(keys.root))) throw new Error('the share does not open the storage')
  const view = barrier.view(`mount/${uuid}/`)
  const together = 50
  let next = 0
  const writer = async (): Promise<void> => {
    while (next < size) {
      const from = next
      next += together
      await view.transaction(async (tx) => {
        for (let at = from; at < Math.min(from + together, size); at++) {
          const { secret } = withVersion(newSecret(hex(randomBytes(16)), 0), 0, { keep: 10, deleteAfter: 0 })
          tx.put(recordName(`s${at}`), secret)
          tx.put(valueName(secret, 1), { password: 'correct horse' })
        }
      })
    }
  }
  await Promise.all(Array.from({ length: 8 }, writer))
  barrier.seal()
  await storage.close()
}
