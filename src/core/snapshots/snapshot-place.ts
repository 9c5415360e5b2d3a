import { apiPathOf } from '../../contract/mount.ts'
import type { MountRecord } from '../../contract/mount.ts'
import type { ApiPath } from '../../contract/request.ts'
import type { View } from '../../contract/view.ts'
import { Slices } from '../../util/slices.ts'
import { mountShape } from '../mounts/mount-shape.ts'
import { longestName } from '../namespaces/names.ts'
import { entryIn, folderOf, namespaceShape, rootRecord } from '../namespaces/namespace.ts'
import type { NamespaceRecord } from '../namespaces/namespace.ts'

/** Where a path led when a snapshot was made. */
export interface SnapshotPlace {
  readonly mount: MountRecord
  /** The rest of the path. */
  readonly rest: string
  /** The records of the mount. */
  readonly view: View
}

/** Follows a path of the root namespace in the records of a snapshot. @param view all of them */
export async function placeIn(view: View, path: ApiPath): Promise<SnapshotPlace | undefined> {
  const namespace = await innermostIn(view, path)
  const inside = path.slice(namespace.path.length)
  const folder = folderOf(namespace)
  const slices = new Slices()
  let mount: MountRecord | undefined
  for (const uuid of await view.list(`${folder}mounts/`)) {
    const one = await view.get(`${folder}mounts/${uuid}`, mountShape)
    if (one && !one.removing && inside.startsWith(apiPathOf(one))) mount = one
    await slices.pause()
  }
  return mount && { mount, rest: inside.slice(apiPathOf(mount).length), view: view.under(`${folder}mount/${mount.uuid}/`) } // prettier-ignore
}

async function innermostIn(view: View, path: ApiPath): Promise<NamespaceRecord> {
  let at = rootRecord
  for (const name of path.split('/').slice(0, -1)) {
    if (name.length > longestName) return at
    const child = await view.get(entryIn(at, name), namespaceShape)
    if (!child || child.removing) return at
    at = child
  }
  return at
}
