import { done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { NamedRecords } from '../../contract/wire/named-records.ts'
import { pageFields } from '../../contract/wire/page.ts'
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

const roles = new NamedRecords({ noun: ['role', 'roles'], folder: 'role/', keyOf, shape: roleShape, rendered })

/** `role` and `role/:name`. */
export const roleRoutes = [
  list('role', {
    about: 'List roles.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: roles.list,
  }),
  read('role/:name', {
    about: 'Read a role.',
    canonical,
    fields: roleName,
    returns: { ...roleFields, ...shownFixed, ...nullable },
    handle: roles.read,
  }),
  write('role/:name', {
    about: 'Create or change a role.',
    canonical,
    fields: { ...roleName, ...roleFields, ...fixedFields },
    exists: roles.exists,
    handle: async (call, { name, ...values }) => {
      const { maxTtl } = call.engine.limits()
      const role = await roles.change(call, name, (old) => changedRole(old, values, maxTtl))
      return done(warningsOf(role, maxTtl))
    },
  }),
  remove('role/:name', {
    about: 'Remove a role. Its tokens live on until they expire, but are not renewed.',
    canonical,
    fields: roleName,
    handle: roles.remove,
  }),
]
