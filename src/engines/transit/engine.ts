import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { certificateRoutes } from './routes/certificates.ts'
import { configRoutes } from './routes/config.ts'
import { datakeyRoutes } from './routes/datakey.ts'
import { decrypt, reencrypt, rewrap } from './routes/decrypt.ts'
import { deriveKey } from './routes/derive-key.ts'
import { encrypt } from './routes/encrypt.ts'
import { exportRoutes } from './routes/export.ts'
import { importRoutes } from './routes/import.ts'
import { kemRoutes } from './routes/kem.ts'
import { keyRoutes } from './routes/keys.ts'
import { macRoutes } from './routes/mac.ts'
import { lifecycleRoutes } from './routes/lifecycle.ts'
import { metadataRoutes } from './routes/metadata.ts'
import { toolRoutes } from './routes/random.ts'
import { signRoutes } from './routes/sign.ts'
import { Transit } from './transit.ts'
import { keyRecovery } from './recovery.ts'
import type { Random } from '../../keys/record.ts'

/** The transit engine, Vault's view of the keys: they leave the server only if they are exportable. */
export function transitEngine(random: Random): Engine {
  return defineEngine<Transit>({
    type: 'transit',
    kind: 'secret',
    about: 'Encrypt and decrypt with keys that leave the server only if they are exportable.',
    start: (host) => new Transit(host, random),
    everyMinute: ({ keys }) => keys.tidy(),
    recovery: keyRecovery,
    routes: [
      ...keyRoutes,
      ...configRoutes,
      ...certificateRoutes,
      encrypt,
      decrypt,
      rewrap,
      reencrypt,
      ...datakeyRoutes,
      deriveKey,
      ...exportRoutes,
      ...importRoutes,
      ...kemRoutes,
      ...macRoutes,
      ...signRoutes,
      ...lifecycleRoutes,
      ...metadataRoutes,
      ...toolRoutes,
    ],
  })
}
