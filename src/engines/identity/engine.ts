import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { removeAliasesOf } from './aliases.ts'
import { removeGroupAliasesOf } from './group-aliases.ts'
import { Identity } from './identity.ts'
import type { IdentityPorts } from './identity.ts'
import { removeStaleMemberships } from './memberships.ts'
import { enforcementRoutes } from './mfa/enforcement-routes.ts'
import { keyRoutes } from './mfa/key-routes.ts'
import { methodRoutes } from './mfa/method-routes.ts'
import { removeExpiredGrants } from './oidc/provider/codes.ts'
import { oidcRoutes } from './oidc/routes.ts'
import { rotateDue } from './oidc/tokens/keys.ts'
import { aliasRoutes } from './routes/aliases.ts'
import { entityRoutes } from './routes/entities.ts'
import { groupAliasRoutes } from './routes/group-aliases.ts'
import { groupRoutes } from './routes/groups.ts'
import { lookupRoutes } from './routes/lookup.ts'

/** Entities, groups and their aliases (`identity/`): every namespace has exactly one. */
export function identityEngine(ports: IdentityPorts): Engine {
  return defineEngine<Identity>({
    type: 'identity',
    kind: 'secret',
    about: 'Entities, groups and their aliases: the identities behind the logins of all methods.',
    start: (host) => new Identity(host, ports),
    everyMinute: async (identity) => {
      await removeStaleMemberships(identity.view)
      await removeExpiredGrants(identity)
      await rotateDue(identity)
    },
    mountRemoved: async (identity, { accessor }) => {
      await removeAliasesOf(identity, accessor)
      await removeGroupAliasesOf(identity, accessor)
      await removeStaleMemberships(identity.view)
    },
    routes: [
      ...entityRoutes,
      ...aliasRoutes,
      ...groupRoutes,
      ...groupAliasRoutes,
      ...lookupRoutes,
      ...methodRoutes,
      ...keyRoutes,
      ...enforcementRoutes,
      ...oidcRoutes,
    ],
  })
}
