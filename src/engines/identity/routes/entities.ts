import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Values } from '../../../contract/field.ts'
import { folded } from '../../../contract/names.ts'
import { answer, done } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { pageFields } from '../../../contract/wire/page.ts'
import type { Call } from '../../../contract/route.ts'
import { keys } from '../../../contract/wire/returns.ts'
import { entityById, entityByName, freshEntity, newEntity, putEntity, removeEntity } from '../entities.ts'
import type { Identity } from '../identity.ts'
import { merge } from '../merge.ts'
import { afterName, checkedMetadata, checkedName, checkedPolicies } from '../names.ts'
import { entityShape, pointerShape } from '../records.ts'
import type { EntityRecord } from '../records.ts'
import { listedEntity, renderedEntity } from '../render.ts'
import { entityGuard, infoOf, listed, mustExist, recordsIn } from './shared.ts'

const { read, list, write, remove } = routesOf<Identity>()

const id = { id: f.string('Id of the entity.').or('') }
const name = { name: f.string('Name of the entity, case-insensitive.').or('') }
const settings = {
  metadata: f.map('Metadata of the entity; replaces the previous metadata.'),
  policies: f.list('Policies of its tokens, in addition to their own.'),
  disabled: f.bool('Its tokens are refused, and it cannot log in.').limiting(),
}

const created = {
  id: f.string('Its id.'),
  name: f.string('Its name.'),
  aliases: f.list('Always null.').orNull(),
}

/** The entity in responses. */
export const entityMembers = {
  ...created,
  aliases: f.array('Its aliases.'),
  creation_time: f.string('Creation time.'),
  direct_group_ids: f.list('The groups that have it as a direct member.'),
  disabled: f.bool('Its tokens are refused.'),
  group_ids: f.list('All its groups, direct and inherited.'),
  inherited_group_ids: f.list('The groups that contain its groups.'),
  last_update_time: f.string('Time of the last update.'),
  merged_entity_ids: f.list('The entities that were merged into it.').orNull(),
  metadata: f.map('Its metadata.').orNull(),
  namespace_id: f.string('Its namespace.'),
  policies: f.list('Its policies.'),
}

/** `entity`, by id and by name. */
export const entityRoutes = [
  write('entity', {
    about: 'Create an entity, or update the one with an id or a name.',
    fields: { ...id, ...name, ...settings },
    returns: created,
    handle: async (call, values) => writeEntity(call, values, values.name),
  }),
  list('entity/id', {
    about: 'List entities by id.',
    fields: pageFields,
    returns: listed,
    handle: async ({ engine }, page) => {
      const mounts = engine.mounts()
      const found = await recordsIn(engine.view, 'entity/', entityShape, page)
      return answer(infoOf(found.map(([key, entity]) => [key, listedEntity(mounts, entity)])))
    },
  }),
  list('entity/name', {
    about: 'List entities by name.',
    fields: pageFields,
    returns: keys('The names.'),
    handle: async ({ engine }, page) => {
      const found = await recordsIn(engine.view, 'entity-name/', pointerShape, {
        ...page,
        after: afterName(page.after),
      })
      const entities = await Promise.all(found.map(async ([, pointer]) => entityById(engine.view, pointer.id)))
      return answer({ keys: entities.flatMap((entity) => (entity ? [entity.name] : [])) })
    },
  }),
  read('entity/id/:id', {
    about: 'Read an entity.',
    fields: id,
    returns: entityMembers,
    handle: async (call, values) => show(call, await entityById(call.engine.view, values.id)),
  }),
  read('entity/name/*name', {
    about: 'Read an entity by its name.',
    canonical: { name: folded },
    fields: name,
    returns: entityMembers,
    handle: async (call, values) => show(call, await entityByName(call.engine.view, values.name)),
  }),
  write('entity/id/:id', {
    about: 'Change an entity.',
    fields: { ...id, ...name, ...settings },
    handle: async (call, values) => writeEntity(call, values, values.name),
  }),
  write('entity/name/*name', {
    about: 'Create or change an entity by its name.',
    canonical: { name: folded },
    fields: { ...name, ...settings },
    returns: created,
    handle: async (call, values) => writeEntity(call, { ...values, id: '' }, call.rawParams['name'] ?? values.name),
  }),
  remove('entity/id/:id', {
    about: 'Remove an entity. Its tokens are refused from then on.',
    fields: id,
    handle: async (call, values) => removeOne(call, async (tx) => entityById(tx, values.id)),
  }),
  remove('entity/name/*name', {
    about: 'Remove an entity by its name.',
    canonical: { name: folded },
    fields: name,
    handle: async (call, values) => removeOne(call, async (tx) => entityByName(tx, values.name)),
  }),
  write('entity/batch-delete', {
    about: 'Remove several entities.',
    fields: { entity_ids: f.list('The ids of the entities; unknown ids are ignored.') },
    handle: async (call, { entity_ids: ids }) => {
      if (!ids || ids.length === 0) throw refuse('missing entity ids to delete: set entity_ids')
      const guard = entityGuard(call)
      // None is removed if the caller may not remove all.
      for (const one of ids) {
        const entity = await entityById(call.engine.view, one)
        if (entity) guard(entity)
      }
      for (const one of ids) await removeOne(call, async (tx) => entityById(tx, one))
      return done()
    },
  }),
  write('entity/merge', {
    about:
      'Merge entities into one, which gets their aliases, memberships and tokens. Their policies and metadata are lost.',
    fields: {
      from_entity_ids: f.list('The ids of the entities to merge, which are removed.').or([]),
      to_entity_id: f.string('The id of the entity to merge into.').or(''),
      force: f.bool('Accepted for older clients; changes nothing.').or(false),
      conflicting_alias_ids_to_keep: f.list('The ids of the aliases to keep where several are of one mount.').or([]),
    },
    handle: async (call, values) => {
      if (values.to_entity_id === '') throw refuse('missing entity id to merge to: set to_entity_id')
      const options = {
        from: values.from_entity_ids,
        to: values.to_entity_id,
        keep: values.conflicting_alias_ids_to_keep,
      }
      await call.engine.view.transaction(async (tx) => merge(call.engine, tx, options, entityGuard(call)))
      return done()
    },
  }),
]

async function show(call: Call<Identity>, found: EntityRecord | undefined): Promise<Response> {
  const entity = mustExist(found)
  entityGuard(call)(entity)
  return answer(await renderedEntity(call.engine, entity))
}

type Settings = Values<typeof settings & typeof id>

/** @param newName the new name; '' keeps the old one */
async function writeEntity(call: Call<Identity>, values: Settings, newName: string): Promise<Response> {
  const { engine } = call
  return engine.view.transaction(async (tx) => {
    const old = values.id === '' ? await byName(tx, newName) : await entityById(tx, values.id)
    if (values.id !== '' && !old) throw refuse(`there is no entity with the id "${values.id}"`)
    const next = changed(engine, old ?? freshEntity(engine), values, newName)
    if (!old) {
      entityGuard(call)(next)
      const entity = await newEntity(engine, tx, next)
      return answer({ id: entity.id, name: entity.name, aliases: null })
    }
    entityGuard(call)(old)
    entityGuard(call)(next)
    await putEntity(tx, old, next)
    return done()
  })
}

const byName = async (tx: Parameters<typeof entityByName>[0], sought: string) =>
  sought === '' ? undefined : entityByName(tx, checkedName(sought))

function changed({ clock }: Identity, old: EntityRecord, values: Settings, newName: string): EntityRecord {
  return {
    ...old,
    name: checkedName(newName === '' ? old.name : newName),
    metadata: values.metadata ? checkedMetadata(values.metadata) : old.metadata,
    policies: values.policies ? checkedPolicies(values.policies) : old.policies,
    disabled: values.disabled ?? old.disabled,
    updatedAt: clock.now(),
  }
}

async function removeOne(
  call: Call<Identity>,
  find: (tx: Parameters<typeof entityByName>[0]) => Promise<EntityRecord | undefined>,
): Promise<Response> {
  await call.engine.view.transaction(async (tx) => {
    const entity = await find(tx)
    if (!entity) return
    entityGuard(call)(entity)
    await removeEntity(call.engine, tx, entity)
  })
  return done()
}
