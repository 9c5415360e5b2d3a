import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { loginRoute, renewal } from './login.ts'
import type { Userpass } from './user.ts'
import { userRoutes } from './users.ts'

/** Users with passwords (`auth/userpass/`). */
export const userpassEngine: Engine = defineEngine<Userpass>({
  type: 'userpass',
  kind: 'auth',
  about: 'Users who log in with a name and a password.',
  locksOut: true,
  start: ({ view, mayLogIn }) => ({ view, mayLogIn }),
  renew: renewal,
  routes: [loginRoute, ...userRoutes],
})
