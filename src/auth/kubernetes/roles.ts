import { refuse } from '../../contract/fault.ts'
import { done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { NamedRecords } from '../../contract/wire/named-records.ts'
import { pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import type { Kubernetes } from './mount.ts'
import { changedRole, roleFields, warningsOf } from './role-change.ts'
import { canonical, keyOf, rendered, roleName, roleShape } from './role.ts'
import type { Role } from './role.ts'
import { selectorOf } from './selector.ts'

const { read, list, write, remove } = routesOf<Kubernetes>()

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
    returns: { ...roleFields, bound_service_account_namespaces: roleFields.bound_service_account_namespaces.orNull() },
    handle: roles.read,
  }),
  write('role/:name', {
    about: 'Create or change a role.',
    canonical,
    fields: { ...roleName, ...roleFields },
    exists: roles.exists,
    handle: async (call, { name, ...values }) => {
      const { maxTtl } = call.engine.limits()
      const selector = await writtenSelector(values.bound_service_account_namespace_selector)
      const role = await roles.change(call, name, (old) => changedRole(old, values, selector, maxTtl))
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

/** @throws Fault invalid_request for one that cannot be read, or that selects every namespace */
async function writtenSelector(written: string | undefined): Promise<Role['selector']> {
  if (written === undefined || written === '') return undefined
  const labels = await selectorOf(written)
  if (!labels)
    throw refuse('invalid "bound_service_account_namespace_selector" configured: write {"matchLabels": {"NAME": "VALUE"}}, with one label at least; match expressions are not supported') // prettier-ignore
  return { labels, written }
}
