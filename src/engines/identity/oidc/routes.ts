import { configRoutes } from './tokens/config-routes.ts'
import { keyRoutes } from './tokens/key-routes.ts'
import { roleRoutes } from './tokens/role-routes.ts'
import { tokenRoutes } from './tokens/token-routes.ts'

/** `oidc/`: identity tokens. */
export const oidcRoutes = [...configRoutes, ...keyRoutes, ...roleRoutes, ...tokenRoutes]
