import type { Config } from '../config/types.ts'
import type { Storage } from '../contract/storage.ts'
import { LevelStorage } from '../storage/level/level.ts'
import { MemoryStorage } from '../storage/memory.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { checkDataFolder, storageFailure } from './start-failures.ts'

type Settings<T extends Config['storage']['type']> = Extract<Config['storage'], { readonly type: T }>
type Opener<T extends Config['storage']['type']> = (settings: Settings<T>, clock: Clock, log: Log) => Promise<Storage>

/** Every kind of storage: one line each. */
const storages: { readonly [T in Config['storage']['type']]: Opener<T> } = {
  inmem: async () => new MemoryStorage(),
  level: openLevel,
}

/** The storage of a configuration. @throws ConfigError, and errors of opening it with the folder and the remedy */
export async function openStorage({ storage }: Config, clock: Clock, log: Log): Promise<Storage> {
  const open = storages[storage.type] as Opener<typeof storage.type>
  return open(storage, clock, log)
}

async function openLevel({ path, minFreeBytes }: Settings<'level'>, clock: Clock, log: Log): Promise<Storage> {
  await checkDataFolder(path)
  const options = { clock, log, ...(minFreeBytes !== undefined && { minFreeBytes }) }
  return LevelStorage.open(path, options).catch((thrown: unknown) => {
    throw storageFailure(path, thrown)
  })
}
