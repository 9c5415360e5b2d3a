import type { Config } from '../config/types.ts'
import type { Storage } from '../contract/storage.ts'
import { LevelStorage } from '../storage/level/level.ts'
import { MemoryStorage } from '../storage/memory.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { checkDataFolder, storageFailure } from './start-failures.ts'

type Settings<T extends Config['storage']['type']> = Extract<Config['storage'], { readonly type: T }>
type Opener<T extends Config['storage']['type']> = (
  settings: Settings<T>,
  parts: { readonly clock: Clock; readonly log: Log; readonly create?: boolean },
) => Promise<Storage>

/** Every kind of storage: one line each. */
const storages: { readonly [T in Config['storage']['type']]: Opener<T> } = {
  inmem: async () => new MemoryStorage(),
  level: openLevel,
}

/**
 * The storage of a configuration.
 * @param create an empty storage is created, and locked, at once; otherwise by its first commit
 * @throws ConfigError, and errors of opening it with the folder and the remedy
 */
export async function openStorage(
  { storage }: Pick<Config, 'storage'>,
  parts: { readonly clock: Clock; readonly log: Log; readonly create?: boolean },
): Promise<Storage> {
  const open = storages[storage.type] as Opener<typeof storage.type>
  return open(storage, parts)
}

async function openLevel(
  { path, minFreeBytes }: Settings<'level'>,
  parts: Parameters<Opener<'level'>>[1],
): Promise<Storage> {
  await checkDataFolder(path)
  const options = { ...parts, ...(minFreeBytes !== undefined && { minFreeBytes }) }
  return LevelStorage.open(path, options).catch((thrown: unknown) => {
    throw storageFailure(path, thrown)
  })
}
