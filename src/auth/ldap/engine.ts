import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { configRoutes } from './configs.ts'
import { loginRoute, renewal } from './login.ts'
import { groupRoutes, userRoutes } from './mappings.ts'
import { startLdap } from './mount.ts'
import type { Ldap } from './mount.ts'

/** Users of an LDAP directory (`auth/ldap/`). */
export const ldapEngine: Engine = defineEngine<Ldap>({
  type: 'ldap',
  kind: 'auth',
  about: 'Users of an LDAP directory, such as OpenLDAP or Active Directory.',
  locksOut: true,
  start: startLdap,
  renew: renewal,
  routes: [loginRoute, ...configRoutes, ...userRoutes, ...groupRoutes],
})
