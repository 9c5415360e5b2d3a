import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { bearerMethod } from './bearer.ts'
import { configRoutes } from './configs.ts'
import { loginRoute, renewal } from './login.ts'
import { startJwt } from './mount.ts'
import type { Jwt } from './mount.ts'
import { oidcRoutes } from './oidc/routes.ts'
import { tidy } from './oidc/used.ts'
import { roleRoutes } from './roles.ts'

/** Users of an identity provider (`auth/jwt/`, `auth/oidc/`). Both types have the same routes. */
export const jwtEngines: readonly Engine[] = ['jwt', 'oidc'].map((type) =>
  defineEngine<Jwt>({
    type,
    kind: 'auth',
    about: 'Logins with a signed token (JWT) of a trusted issuer.',
    start: startJwt,
    everyMinute: tidy,
    renew: renewal,
    bearer: bearerMethod,
    routes: [loginRoute, ...configRoutes, ...roleRoutes, ...oidcRoutes],
  }),
)
