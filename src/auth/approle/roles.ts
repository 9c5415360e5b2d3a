import { refuse } from '../../contract/fault.ts'
import { done } from '../../contract/response.ts'
import { NamedRecords } from '../../contract/wire/named-records.ts'
import { pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { AppRole } from './mount.ts'
import { moveRoleId, roleIdField, roleIdKey, usableId } from './role-id.ts'
import { ownPaths } from './role-parts.ts'
import { canonical, changedRole, keyOf, localField, newRole, rendered, roleFields, roleName, roleShape, warningsOf } from './role.ts' // prettier-ignore
import { removedKey } from './tidy.ts'

const { read, list, write, remove } = routesOf<AppRole>()

const roles = new NamedRecords({ noun: ['role', 'roles'], folder: 'role/', keyOf, shape: roleShape, rendered })

/** `role` and `role/:role_name`. */
export const roleRoutes = [
  list('role', {
    about: 'List roles.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: roles.list,
  }),
  read('role/:role_name', {
    about: 'Read a role. Its role id has a path of its own.',
    canonical,
    fields: roleName,
    returns: { ...roleFields, ...localField, secret_id_bound_cidrs: roleFields.secret_id_bound_cidrs.orNull() },
    handle: async (call, { role_name: name }) => roles.read(call, { name }),
  }),
  write('role/:role_name', {
    about: 'Create or change a role.',
    canonical,
    alias: ownPaths,
    fields: { ...roleName, ...roleIdField, ...localField, ...roleFields },
    exists: async (call, { role_name: name = '' }) => roles.exists(call, { name }),
    handle: async ({ engine, confirm }, { role_name: name, role_id: sentId, local_secret_ids: isLocal, ...values }) => {
      if (sentId === '') throw refuse('role_id must not be empty: leave it out for a random one')
      const roleId = sentId === undefined ? undefined : usableId('role_id', sentId)
      const { maxTtl } = engine.limits()
      const role = await engine.view.transaction(async (tx) => {
        const old = await tx.get(keyOf(name), roleShape)
        confirm(old !== undefined)
        if (old && isLocal !== undefined && isLocal !== old.localSecretIds)
          throw refuse('local_secret_ids can only be set when the role is created')
        const base = old ?? newRole(isLocal ?? false)
        const next = changedRole({ ...base, roleId: roleId ?? base.roleId }, values, maxTtl)
        await moveRoleId(tx, engine, name, { from: old?.roleId, to: next.roleId })
        tx.put(keyOf(name), next)
        return next
      })
      return done(warningsOf(role, values, maxTtl))
    },
  }),
  remove('role/:role_name', {
    about: 'Remove a role with its secret ids. Its tokens are valid until they expire, but cannot be renewed.',
    canonical,
    fields: roleName,
    handle: async ({ engine }, { role_name: name }) => {
      await engine.view.transaction(async (tx) => {
        const role = await tx.get(keyOf(name), roleShape)
        if (!role) return
        tx.del(keyOf(name))
        tx.del(roleIdKey(engine, role.roleId))
        tx.put(removedKey(role.uid), {})
      })
      return done()
    },
  }),
]
