import { Fault } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Call } from '../../../contract/route.ts'
import type { View } from '../../../contract/view.ts'
import { namesIn } from '../../../contract/wire/page.ts'
import type { Page } from '../../../contract/wire/page.ts'
import { Slices } from '../../../util/slices.ts'
import type { Shape } from '../../../util/stored/shape.ts'
import type { Identity } from '../identity.ts'
import type { EntityRecord, GroupRecord } from '../records.ts'

type Named = Pick<EntityRecord, 'id' | 'name'>

/**
 * Refuses an entity if a policy denies one of its own paths, because other paths lead to the same entity.
 * @throws Fault permission_denied
 */
export const entityGuard = (call: Call<Identity>) => (entity: Named) => refuseDenied(call, 'entity', entity)

/** The same for a group. */
export const groupGuard = (call: Call<Identity>) => (group: Pick<GroupRecord, 'id' | 'name'>) =>
  refuseDenied(call, 'group', group)

function refuseDenied({ caller, mountPath }: Call<Identity>, kind: 'entity' | 'group', { id, name }: Named): void {
  const paths = [`${mountPath}${kind}/id/${id}`, `${mountPath}${kind}/name/${name.toLowerCase()}`]
  if (paths.some((path) => caller.denies(path))) throw new Fault('permission_denied', 'permission denied')
}

/** The payload of a list by id. */
export const listed = {
  keys: f.list('The ids.'),
  key_info: f.object('The record of each id.'),
}

/** The records in a folder, by name, without those that were removed in the meantime. @throws Fault not_found if there are none */
export async function recordsIn<T>(
  view: View,
  folder: string,
  shape: Shape<T>,
  page: Page,
): Promise<readonly (readonly [name: string, record: T])[]> {
  const slices = new Slices()
  const records: (readonly [string, T])[] = []
  for (const name of await namesIn(view, folder, 'nothing is there', page)) {
    const record = await view.get(folder + name, shape)
    if (record) records.push([name, record])
    await slices.pause()
  }
  return records
}

/** The payload of a list by id. */
export function infoOf(entries: readonly (readonly [id: string, info: unknown])[]) {
  return { keys: entries.map(([id]) => id), key_info: Object.fromEntries(entries) }
}

/** The record of a request. @throws Fault not_found if there is none */
export function mustExist<T>(record: T | undefined): T {
  if (record === undefined) throw new Fault('not_found', 'there is nothing of this id or name')
  return record
}
