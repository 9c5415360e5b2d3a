import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { loginRoute, renewal } from './login.ts'
import { startAppRole } from './mount.ts'
import type { AppRole } from './mount.ts'
import { roleIdRoutes } from './role-id.ts'
import { partRoutes } from './role-parts.ts'
import { roleRoutes } from './roles.ts'
import { secretIdRoutes } from './secret-ids.ts'
import { tidy, tidyRoute } from './tidy.ts'

/** Roles of machines, which log in with a role id and a secret id (`auth/approle/`). */
export const approleEngine: Engine = defineEngine<AppRole>({
  type: 'approle',
  kind: 'auth',
  about: 'Machines that log in with a role id and a secret id.',
  locksOut: true,
  start: startAppRole,
  everyMinute: tidy,
  renew: renewal,
  routes: [loginRoute, tidyRoute, ...roleRoutes, ...partRoutes, ...roleIdRoutes, ...secretIdRoutes],
})
