import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Values } from '../../../contract/field.ts'
import { answer, done } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { entityById, entityByName, findAlias } from '../entities.ts'
import { findGroupAlias } from '../group-aliases.ts'
import { groupById, groupByName } from '../groups.ts'
import type { Identity } from '../identity.ts'
import { at, isAccessor } from '../names.ts'
import { pointerShape } from '../records.ts'
import type { EntityRecord, GroupRecord } from '../records.ts'
import { renderedEntity, renderedGroup } from '../render.ts'
import { entityMembers } from './entities.ts'
import { groupMembers } from './groups.ts'
import { entityGuard, groupGuard } from './shared.ts'

const { write } = routesOf<Identity>()

const fields = {
  id: f.string('The id.').or(''),
  name: f.string('The name, case-insensitive.').or(''),
  alias_id: f.string('The id of one of its aliases.').or(''),
  alias_name: f.string('The name of one of its aliases, with alias_mount_accessor.').or(''),
  alias_mount_accessor: f.string('The accessor of the mount of that alias.').or(''),
}
type Query = Values<typeof fields>

/** `lookup/entity` and `lookup/group`. If nothing is found, the response has no content. */
export const lookupRoutes = [
  write('lookup/entity', {
    about: 'Look an entity up by id, name or alias.',
    pure: true,
    fields,
    returns: entityMembers,
    handle: async (call, query) => {
      checkQuery(query)
      const entity = await entityOf(call.engine, query)
      if (!entity) return done()
      entityGuard(call)(entity)
      return answer(await renderedEntity(call.engine, entity))
    },
  }),
  write('lookup/group', {
    about: 'Look a group up by id, name or alias.',
    pure: true,
    fields,
    returns: groupMembers,
    handle: async (call, query) => {
      checkQuery(query)
      const group = await groupOf(call.engine, query)
      if (!group) return done()
      groupGuard(call)(group)
      return answer(await renderedGroup(call.engine, group))
    },
  }),
]

/** @throws Fault invalid_request unless the query has exactly one selector */
function checkQuery({ id, name, alias_id, alias_name, alias_mount_accessor }: Query): void {
  const selectors = [id, name, alias_id, alias_name + alias_mount_accessor].filter((selector) => selector !== '')
  if (selectors.length === 0) throw refuse('query parameter not supplied')
  if (selectors.length > 1) throw refuse('use one of id, name, alias_id, or alias_name with alias_mount_accessor')
  if ((alias_name === '') !== (alias_mount_accessor === ''))
    throw refuse('alias_name and alias_mount_accessor must be used together')
}

async function entityOf(identity: Identity, query: Query): Promise<EntityRecord | undefined> {
  const { view } = identity
  if (query.id !== '') return entityById(view, query.id)
  if (query.name !== '') return entityByName(view, query.name)
  if (query.alias_id !== '') return (await findAlias(identity, query.alias_id))?.entity
  if (!isAccessor(query.alias_mount_accessor)) return undefined
  const pointer = await view.get(at.aliasName(query.alias_mount_accessor, query.alias_name), pointerShape)
  return pointer && entityById(view, pointer.id)
}

async function groupOf(identity: Identity, query: Query): Promise<GroupRecord | undefined> {
  const { view } = identity
  if (query.id !== '') return groupById(view, query.id)
  if (query.name !== '') return groupByName(view, query.name)
  if (query.alias_id !== '') return findGroupAlias(identity, query.alias_id)
  if (!isAccessor(query.alias_mount_accessor)) return undefined
  const pointer = await view.get(at.groupAliasName(query.alias_mount_accessor, query.alias_name), pointerShape)
  return pointer && groupById(view, pointer.id)
}
