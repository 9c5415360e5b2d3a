import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { configRoutes } from './config.ts'
import { crlRoutes } from './crls.ts'
import { loginRoute, renewal } from './login.ts'
import { startCert } from './mount.ts'
import type { Cert } from './mount.ts'
import { roleRoutes } from './roles.ts'

/** The auth method for TLS client certificates (`auth/cert/`). */
export const certEngine: Engine = defineEngine<Cert>({
  type: 'cert',
  kind: 'auth',
  about: 'Log in with a TLS client certificate that the mount trusts.',
  start: startCert,
  renew: renewal,
  routes: [loginRoute, ...configRoutes, ...crlRoutes, ...roleRoutes],
})
