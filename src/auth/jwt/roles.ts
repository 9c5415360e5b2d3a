import { Fault } from '../../contract/fault.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import type { Jwt } from './mount.ts'
import { changedRole, warningsOf } from './role-change.ts'
import { fixedFields, roleFields } from './role-fields.ts'
import { canonical, keyOf, rendered, roleName, roleShape } from './role.ts'

const { read, list, write, remove } = routesOf<Jwt>()

const { poll_interval: _, ...shownFixed } = fixedFields

/** The members of a role that are null until they are set. */
const nullable = {
  bound_audiences: roleFields.bound_audiences.orNull(),
  bound_claims: roleFields.bound_claims.orNull(),
  claim_mappings: roleFields.claim_mappings.orNull(),
  allowed_redirect_uris: roleFields.allowed_redirect_uris.orNull(),
  oidc_scopes: roleFields.oidc_scopes.orNull(),
  oauth2_metadata: fixedFields.oauth2_metadata.orNull(),
}

/** `role` and `role/:name`. */
export const roleRoutes = [
  list('role', {
    about: 'List roles.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: async ({ engine }, page) => {
      return answer({ keys: await namesIn(engine.view, 'role/', 'no roles', page) })
    },
  }),
  read('role/:name', {
    about: 'Read a role.',
    canonical,
    fields: roleName,
    returns: { ...roleFields, ...shownFixed, ...nullable },
    handle: async ({ engine }, { name }) => {
      const role = await engine.view.get(keyOf(name), roleShape)
      if (!role) throw new Fault('not_found', 'no such role')
      return answer(rendered(role))
    },
  }),
  write('role/:name', {
    about: 'Create or change a role.',
    canonical,
    fields: { ...roleName, ...roleFields, ...fixedFields },
    exists: async ({ engine }, { name = '' }) => (await engine.view.get(keyOf(name), roleShape)) !== undefined,
    handle: async ({ engine, confirm }, { name, ...values }) => {
      const { maxTtl } = engine.limits()
      const role = await engine.view.transaction(async (tx) => {
        const old = await tx.get(keyOf(name), roleShape)
        confirm(old !== undefined)
        const next = changedRole(old, values, maxTtl)
        tx.put(keyOf(name), next)
        return next
      })
      return done(warningsOf(role, maxTtl))
    },
  }),
  remove('role/:name', {
    about: 'Remove a role. Its tokens live on until they expire, but are not renewed.',
    canonical,
    fields: roleName,
    handle: async ({ engine }, { name }) => {
      await engine.view.del(keyOf(name))
      return done()
    },
  }),
]
