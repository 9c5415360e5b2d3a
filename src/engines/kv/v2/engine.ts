import { defineEngine } from '../../../contract/engine.ts'
import type { Engine } from '../../../contract/engine.ts'
import { hex } from '../../../util/bytes.ts'
import { upgrade } from '../upgrade.ts'
import { recovery } from './recovery.ts'
import { configRoutes } from './routes/config.ts'
import { dataRoutes } from './routes/data.ts'
import { fallbackRoutes } from './routes/fallback.ts'
import { listRoutes } from './routes/lists.ts'
import { metadataRoutes } from './routes/metadata.ts'
import { subkeys } from './routes/subkeys.ts'
import { versionRoutes } from './routes/versions.ts'
import { Secrets } from './secrets.ts'

/** KV version 2 (`vault-api` 1.6): secrets with earlier versions, which can be read and restored. */
export function versionedEngine(random: (bytes: number) => Uint8Array): Engine {
  const newId = (): string => hex(random(16))
  return defineEngine<Secrets>({
    type: 'kv',
    version: '2',
    kind: 'secret',
    about: 'Secrets by name, with their earlier versions.',
    start: async (host) => {
      await upgrade(host, newId)
      return new Secrets(host, newId)
    },
    recovery,
    routes: [
      ...dataRoutes,
      ...versionRoutes,
      ...metadataRoutes,
      ...listRoutes,
      ...configRoutes,
      subkeys,
      ...fallbackRoutes,
    ],
  })
}
