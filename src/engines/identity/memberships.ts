import type { Transaction, View } from '../../contract/view.ts'
import { Slices } from '../../util/slices.ts'
import { at } from './names.ts'
import { groupShape, membershipShape } from './records.ts'
import type { GroupRecord } from './records.ts'

/*
 * A membership is two records, written and removed together: `group-member/<group>/<generation>/<entity>` and
 * `entity-group/<entity>/<group>`. It is valid while the group exists and has the same generation. So one commit invalidates
 * all memberships of a group, and the records are removed later.
 */

/** Adds an entity to a group. */
export function join(tx: Transaction, { id, generation }: GroupRecord, entity: string): void {
  tx.put(at.members(id, generation) + entity, true)
  tx.put(at.groupsOf(entity) + id, { generation })
}

/** Removes an entity from a group. */
export function leave(
  tx: Transaction,
  { id, generation }: Pick<GroupRecord, 'id' | 'generation'>,
  entity: string,
): void {
  tx.del(at.members(id, generation) + entity)
  tx.del(at.groupsOf(entity) + id)
}

/** The groups that have an entity as a direct member. */
export async function directGroups(view: View, entity: string): Promise<GroupRecord[]> {
  const groups: GroupRecord[] = []
  const slices = new Slices()
  for (const id of await view.list(at.groupsOf(entity))) {
    const group = await view.get(at.group(id), groupShape)
    const membership = await view.get(at.groupsOf(entity) + id, membershipShape)
    if (group && membership?.generation === group.generation) groups.push(group)
    await slices.pause()
  }
  return groups
}

/** The groups that contain the given groups, directly or indirectly, without these groups themselves. */
export async function groupsAbove(view: View, below: readonly GroupRecord[]): Promise<GroupRecord[]> {
  const seen = new Set(below.map(({ id }) => id))
  const groups: GroupRecord[] = []
  const slices = new Slices()
  for (const queue = [...seen]; queue.length > 0;) {
    for (const parent of await view.list(at.parents(queue.pop() as string))) {
      if (seen.has(parent)) continue
      seen.add(parent)
      const group = await view.get(at.group(parent), groupShape)
      if (!group) continue
      groups.push(group)
      queue.push(parent)
    }
    await slices.pause()
  }
  return groups
}

const batchSize = 200

/** Removes the records of invalid memberships. A call after a crash continues. */
export async function removeStaleMemberships(view: View): Promise<void> {
  for (const folder of await view.list('group-cleanup/'))
    for (const generation of await view.list(`group-cleanup/${folder}`))
      await removeGeneration(view, folder.slice(0, -1), Number(generation))
}

async function removeGeneration(view: View, id: string, generation: number): Promise<void> {
  for (;;) {
    const entities = await view.list(at.members(id, generation), { limit: batchSize })
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
