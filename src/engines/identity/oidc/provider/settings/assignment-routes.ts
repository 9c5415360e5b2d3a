import { refuse } from '../../../../../contract/fault.ts'
import { f } from '../../../../../contract/field.ts'
import { answer, done } from '../../../../../contract/response.ts'
import { routesOf } from '../../../../../contract/route.ts'
import { pageFields } from '../../../../../contract/wire/page.ts'
import { keys } from '../../../../../contract/wire/returns.ts'
import type { Identity } from '../../../identity.ts'
import { mustExist } from '../../../routes/shared.ts'
import { namesWith } from '../../all-in.ts'
import { atOidc, canonicalName, nameField } from '../../names.ts'
import { clientsOf } from './client-record.ts'
import { allowAllName, assignmentNamed, assignmentShape } from './records.ts'

const { read, list, write, remove } = routesOf<Identity>()

const name = nameField('assignment')
const settings = {
  entity_ids: f.list('The ids of the entities that may log in.'),
  group_ids: f.list('The ids of the groups whose members may log in, including members of subgroups.'),
}

/** `oidc/assignment`: the users that may log in to a client. */
export const assignmentRoutes = [
  list('oidc/assignment', {
    about: 'List assignments.',
    fields: pageFields,
    returns: keys('The names.'),
    handle: async ({ engine }, page) =>
      answer({ keys: await namesWith(engine.view, 'oidc-assignment/', allowAllName, page) }),
  }),
  read('oidc/assignment/:name', {
    about: 'Read an assignment.',
    canonical: canonicalName,
    fields: name,
    returns: settings,
    handle: async ({ engine }, { name: named }) => {
      const { entities, groups } = mustExist(await assignmentNamed(engine.view, named))
      return answer({ entity_ids: entities, group_ids: groups })
    },
  }),
  write('oidc/assignment/:name', {
    about: 'Create or change an assignment.',
    canonical: canonicalName,
    fields: { ...name, ...settings },
    exists: async ({ engine }, { name: named = '' }) => (await assignmentNamed(engine.view, named)) !== undefined,
    handle: async ({ engine, confirm }, { name: named, entity_ids: entities, group_ids: groups }) => {
      if (named === allowAllName) throw refuse(`modification of assignment "${named}" not allowed`)
      await engine.view.transaction(async (tx) => {
        const old = await tx.get(atOidc.assignment(named), assignmentShape)
        confirm(old !== undefined)
        tx.put(atOidc.assignment(named), {
          entities: entities ?? old?.entities ?? [],
          groups: groups ?? old?.groups ?? [],
        })
      })
      return done()
    },
  }),
  remove('oidc/assignment/:name', {
    about: 'Remove an assignment. No client may refer to it.',
    canonical: canonicalName,
    fields: name,
    handle: async ({ engine }, { name: named }) => {
      if (named === allowAllName) throw refuse(`deletion of assignment "${named}" not allowed`)
      await engine.view.transaction(async (tx) => {
        if (!(await tx.get(atOidc.assignment(named), assignmentShape))) return
        // A concurrent write of a client with this assignment conflicts and is retried.
        tx.unchanged('oidc-client/')
        const users = (await clientsOf(engine.view)).filter(([, { assignments }]) => assignments.includes(named))
        if (users.length > 0)
          throw refuse(`unable to delete assignment "${named}" because it is currently referenced by these clients: ${users.map(([user]) => user).join(', ')}`) // prettier-ignore
        tx.del(atOidc.assignment(named))
      })
      return done()
    },
  }),
]
