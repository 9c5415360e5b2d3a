import { assignmentRoutes } from './provider/settings/assignment-routes.ts'
import { authorizeRoutes } from './provider/authorize-routes.ts'
import { clientRoutes } from './provider/settings/client-routes.ts'
import { discoveryRoutes } from './provider/discovery-routes.ts'
import { providerRoutes } from './provider/settings/provider-routes.ts'
import { scopeRoutes } from './provider/settings/scope-routes.ts'
import { tokenRoutes as exchangeRoutes } from './provider/token-routes.ts'
import { userinfoRoutes } from './provider/userinfo-routes.ts'
import { configRoutes } from './tokens/config-routes.ts'
import { keyRoutes } from './tokens/key-routes.ts'
import { roleRoutes } from './tokens/role-routes.ts'
import { tokenRoutes } from './tokens/token-routes.ts'

/** `oidc/`: identity tokens, and OpenID providers for applications. */
export const oidcRoutes = [
  ...configRoutes,
  ...keyRoutes,
  ...roleRoutes,
  ...tokenRoutes,
  ...scopeRoutes,
  ...assignmentRoutes,
  ...clientRoutes,
  ...providerRoutes,
  ...discoveryRoutes,
  ...authorizeRoutes,
  ...exchangeRoutes,
  ...userinfoRoutes,
]
