import { f } from '../../../contract/field.ts'
import { answer, done } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { pageFields } from '../../../contract/wire/page.ts'
import { changeAlias, removeAlias, setAlias } from '../aliases.ts'
import type { WrittenAlias } from '../aliases.ts'
import { entityOfAlias, findAlias } from '../entities.ts'
import type { Identity } from '../identity.ts'
import { checkedMetadata } from '../names.ts'
import { pointerShape } from '../records.ts'
import { listedAlias, renderedAlias } from '../render.ts'
import { entityGuard, infoOf, listed, mustExist, recordsIn } from './shared.ts'

const { read, list, write, remove } = routesOf<Identity>()

const id = { id: f.string('Id of the alias.').or('') }
const settings = {
  name: f.string('The name of the entity in the login method, case-sensitive.'),
  mount_accessor: f.string('The accessor of the mount, from sys/auth.'),
  canonical_id: f.string('The id of the entity; a new entity by default.'),
  custom_metadata: f.map('Metadata of the alias; replaces the previous metadata.'),
}
interface Settings {
  readonly name: string | undefined
  readonly mount_accessor: string | undefined
  readonly canonical_id: string | undefined
  readonly custom_metadata: Readonly<Record<string, string>> | undefined
}

/** The payload of a write of an alias. */
export const writtenAlias = { id: f.string('Its id.'), canonical_id: f.string('The id of its entity or group.') }

/** The alias in responses. */
export const aliasMembers = {
  ...writtenAlias,
  creation_time: f.string('Creation time.'),
  custom_metadata: f.map('Its custom metadata.').orNull(),
  last_update_time: f.string('Time of the last update.'),
  local: f.bool('Its mount is local.'),
  merged_from_canonical_ids: f.list('The merged entities that it belonged to.').orNull(),
  metadata: f.map('Metadata from the login method.').orNull(),
  mount_accessor: f.string('The accessor of its mount.'),
  mount_path: f.string('The path of its mount.'),
  mount_type: f.string('The type of its mount.'),
  name: f.string('Its name.'),
  namespace_id: f.string('Its namespace.'),
}

const changeOf = (values: Settings) => ({
  name: values.name,
  mountAccessor: values.mount_accessor,
  canonicalId: values.canonical_id,
  customMetadata: values.custom_metadata && checkedMetadata(values.custom_metadata),
})

function aliasResponse({ alias, entity, changed }: WrittenAlias): Response {
  return changed ? answer({ canonical_id: entity.id, id: alias.id }) : done()
}

/** `entity-alias`. */
export const aliasRoutes = [
  write('entity-alias', {
    about: 'Create an alias of an entity, or update the one with an id, or with a mount and a name.',
    fields: { ...id, ...settings },
    returns: writtenAlias,
    handle: async (call, values) => {
      const { engine } = call
      const change = changeOf(values)
      return aliasResponse(
        await engine.view.transaction(async (tx) =>
          values.id === ''
            ? setAlias(engine, tx, change, entityGuard(call))
            : changeAlias(engine, tx, values.id, change, entityGuard(call)),
        ),
      )
    },
  }),
  list('entity-alias/id', {
    about: 'List the aliases of entities.',
    fields: pageFields,
    returns: listed,
    handle: async ({ engine }, page) => {
      const mounts = engine.mounts()
      const pointers = await recordsIn(engine.view, 'alias/', pointerShape, page)
      const aliases = await Promise.all(pointers.map(async ([key]) => findAlias(engine, key)))
      const entries = aliases.flatMap((one) =>
        one ? [[one.alias.id, listedAlias(mounts, one.entity.id, one.alias)] as const] : [],
      )
      return answer(infoOf(entries))
    },
  }),
  read('entity-alias/id/:id', {
    about: 'Read an alias of an entity.',
    fields: id,
    returns: aliasMembers,
    handle: async (call, values) => {
      const { engine } = call
      const { entity, alias } = mustExist(await findAlias(engine, values.id))
      entityGuard(call)(entity)
      return answer(renderedAlias(engine, engine.mounts(), entity.id, alias))
    },
  }),
  write('entity-alias/id/:id', {
    about: 'Change an alias of an entity; with another canonical_id it moves there.',
    fields: { ...id, ...settings },
    returns: writtenAlias,
    handle: async (call, values) => {
      const change = changeOf(values)
      return aliasResponse(
        await call.engine.view.transaction(async (tx) =>
          changeAlias(call.engine, tx, values.id, change, entityGuard(call)),
        ),
      )
    },
  }),
  remove('entity-alias/id/:id', {
    about: 'Remove an alias of an entity.',
    fields: id,
    handle: async (call, values) => {
      await call.engine.view.transaction(async (tx) => {
        const found = await entityOfAlias(tx, values.id)
        if (!found) return
        entityGuard(call)(found.entity)
        removeAlias(tx, found.entity, found.alias)
      })
      return done()
    },
  }),
]
