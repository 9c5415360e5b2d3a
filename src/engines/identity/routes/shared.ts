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
 * Refuses what a policy denies at one of the own paths of an entity: it can be reached by other paths as well.
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
  key_info: f.object('What each id stands for.'),
}

/** The records in a folder by their names, those that are gone by now left out. @throws Fault not_found when there are none */
export async function recordsIn<T>(
  view: View,
  folder: string,
  shape: Shape<T>,
  page: Page,
): Promise<readonly (readonly [name: string, record: T])[]> {
  const slices = new Slices()
  const found: (readonly [string, T])[] = []
  for (const name of await namesIn(view, folder, 'nothing is there', page)) {
    const record = await view.get(folder + name, shape)
    if (record) found.push([name, record])
    await slices.pause()
  }
  return found
}

/** The payload of a list by id, from each id and what it stands for. */
export function infoOf(entries: readonly (readonly [id: string, info: unknown])[]) {
  return { keys: entries.map(([id]) => id), key_info: Object.fromEntries(entries) }
}

/** The record that a request is about. @throws Fault not_found */
export function mustExist<T>(record: T | undefined): T {
  if (record === undefined) throw new Fault('not_found', 'there is nothing of this id or name')
  return record
}
