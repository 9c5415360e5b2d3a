import { Fault, refuse } from '../../contract/fault.ts'
import { answer, done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import type { Kubernetes } from './mount.ts'
import { changedRole, roleFields, warningsOf } from './role-change.ts'
import { canonical, keyOf, rendered, roleName, roleShape } from './role.ts'
import type { Role } from './role.ts'
import { selectorOf } from './selector.ts'

const { read, list, write, remove } = routesOf<Kubernetes>()

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
    returns: { ...roleFields, bound_service_account_namespaces: roleFields.bound_service_account_namespaces.orNull() },
    handle: async ({ engine }, { name }) => {
      const role = await engine.view.get(keyOf(name), roleShape)
      if (!role) throw new Fault('not_found', 'no such role')
      return answer(rendered(role))
    },
  }),
  write('role/:name', {
    about: 'Create or change a role.',
    canonical,
    fields: { ...roleName, ...roleFields },
    exists: async ({ engine }, { name = '' }) => (await engine.view.get(keyOf(name), roleShape)) !== undefined,
    handle: async ({ engine, confirm }, { name, ...values }) => {
      const { maxTtl } = engine.limits()
      const selector = await writtenSelector(values.bound_service_account_namespace_selector)
      const role = await engine.view.transaction(async (tx) => {
        const old = await tx.get(keyOf(name), roleShape)
        confirm(old !== undefined)
        const next = changedRole(old, values, selector, maxTtl)
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

/** @throws Fault invalid_request for one that cannot be read, or that selects every namespace */
async function writtenSelector(written: string | undefined): Promise<Role['selector']> {
  if (written === undefined || written === '') return undefined
  const labels = await selectorOf(written)
  if (!labels)
    throw refuse('invalid "bound_service_account_namespace_selector" configured: write {"matchLabels": {"NAME": "VALUE"}}, with one label at least; match expressions are not supported') // prettier-ignore
  return { labels, written }
}
