import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import type { Identities, NamespaceId } from '../../contract/identity.ts'
import { createRoutes } from './create.ts'
import { lookupRoutes } from './lookup.ts'
import type { TokenPort } from './port.ts'
import { renewRoutes, renewalByRole } from './renew.ts'
import { revokeRoutes } from './revoke.ts'
import { roleRoutes } from './roles.ts'
import type { TokenState } from './state.ts'

/** The token auth method (`auth/token/`): every namespace has exactly one. */
export function tokenEngine(
  tokensOf: (namespace: NamespaceId) => TokenPort,
  identities: (namespace: NamespaceId) => Identities | undefined,
): Engine {
  return defineEngine<TokenState>({
    type: 'token',
    kind: 'auth',
    about: 'Tokens: create, look up, renew, revoke, and roles for creating them.',
    start: ({ namespace, view, clock, accessor }) => ({
      tokens: tokensOf(namespace),
      view,
      clock,
      accessor,
      identities: () => identities(namespace),
    }),
    renew: async (state, _, token) => renewalByRole(state, token),
    routes: [...createRoutes, ...lookupRoutes, ...renewRoutes, ...revokeRoutes, ...roleRoutes],
  })
}
