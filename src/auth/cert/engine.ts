import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { configRoutes } from './config.ts'
import { crlRoutes } from './crls.ts'
import { loginRoute, renewal } from './login.ts'
import { startCert } from './mount.ts'
import type { Cert } from './mount.ts'
import { roleRoutes } from './roles.ts'

/** Clients with TLS certificates (`auth/cert/`). */
export const certEngine: Engine = defineEngine<Cert>({
  type: 'cert',
  kind: 'auth',
  about: 'Whoever has a TLS certificate that the mount trusts.',
  start: startCert,
  renew: renewal,
  routes: [loginRoute, ...configRoutes, ...crlRoutes, ...roleRoutes],
})
