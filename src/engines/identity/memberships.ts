import type { Transaction, View } from '../../contract/view.ts'
import { Slices } from '../../util/slices.ts'
import { at } from './names.ts'
import { groupShape, membershipShape } from './records.ts'
import type { GroupRecord } from './records.ts'

/*
 * A membership is two records, written and removed together: `group-member/<group>/<generation>/<entity>` and
 * `entity-group/<entity>/<group>`. It counts while the group exists and is still of that generation, so one commit ends all
 * memberships of a group, and the records are removed later.
 */

/** Notes that an entity is in a group. */
export function join(tx: Transaction, { id, generation }: GroupRecord, entity: string): void {
  tx.put(at.members(id, generation) + entity, true)
  tx.put(at.groupsOf(entity) + id, { generation })
}

/** Notes that an entity is not in a group. */
export function leave(
  tx: Transaction,
  { id, generation }: Pick<GroupRecord, 'id' | 'generation'>,
  entity: string,
): void {
  tx.del(at.members(id, generation) + entity)
  tx.del(at.groupsOf(entity) + id)
}

/** The groups that an entity is in itself. */
export async function directGroups(view: View, entity: string): Promise<GroupRecord[]> {
  const found: GroupRecord[] = []
  const slices = new Slices()
  for (const id of await view.list(at.groupsOf(entity))) {
    const group = await view.get(at.group(id), groupShape)
    const membership = await view.get(at.groupsOf(entity) + id, membershipShape)
    if (group && membership?.generation === group.generation) found.push(group)
    await slices.pause()
  }
  return found
}

/** The groups that groups are in, directly or not, without the groups themselves. */
export async function groupsAbove(view: View, below: readonly GroupRecord[]): Promise<GroupRecord[]> {
  const seen = new Set(below.map(({ id }) => id))
  const found: GroupRecord[] = []
  const slices = new Slices()
  for (const waiting = [...seen]; waiting.length > 0;) {
    for (const parent of await view.list(at.parents(waiting.pop() as string))) {
      if (seen.has(parent)) continue
      seen.add(parent)
      const group = await view.get(at.group(parent), groupShape)
      if (!group) continue
      found.push(group)
      waiting.push(parent)
    }
    await slices.pause()
  }
  return found
}

const atOnce = 200

/** Removes the memberships that do not count any more. Called again after a crash, it goes on. */
export async function removeEnded(view: View): Promise<void> {
  for (const folder of await view.list('group-cleanup/'))
    for (const generation of await view.list(`group-cleanup/${folder}`))
      await removeGeneration(view, folder.slice(0, -1), Number(generation))
}

async function removeGeneration(view: View, id: string, generation: number): Promise<void> {
  for (;;) {
    const entities = await view.list(at.members(id, generation), { limit: atOnce })
    if (entities.length === 0) return view.del(at.cleanup(id, generation))
    await view.transaction(async (tx) => {
      for (const entity of entities) {
        tx.del(at.members(id, generation) + entity)
        const membership = await tx.get(at.groupsOf(entity) + id, membershipShape)
        if (membership?.generation === generation) tx.del(at.groupsOf(entity) + id)
      }
    })
  }
}
