import type { NamespaceId, Principal, PrincipalEntity, PrincipalGroup, Principals } from '../../contract/identity.ts'
import type { View } from '../../contract/view.ts'
import { recent } from '../../util/caches/recent.ts'
import { directGroups, groupsAbove } from './memberships.ts'
import { at, isId } from './names.ts'
import { entityShape, pointerShape } from './records.ts'
import type { EntityRecord, GroupRecord } from './records.ts'

/** A read of a principal that is not complete, and whether a change has made it stale. */
interface PendingRead {
  readonly ids: Set<string>
  stale: boolean
}

/** A cache of recently used principals. A commit that affects a principal removes it from the cache. */
export class PrincipalCache implements Principals {
  readonly #view: View
  readonly #namespace: NamespaceId
  readonly #principals = recent<string, Principal>(50_000)
  /** The target of each merged entity. */
  readonly #merged = recent<string, string>(50_000)
  readonly #pendingReads = new Set<PendingRead>()

  constructor(view: View, namespace: NamespaceId) {
    this.#view = view
    this.#namespace = namespace
    view.watch('', (names) => {
      for (const name of names ?? ['group/']) this.#changed(name)
    })
  }

  principal(id: string): Principal | undefined | Promise<Principal | undefined> {
    return this.#principals.get(this.#merged.get(id) ?? id) ?? this.#read(id)
  }

  async #read(id: string): Promise<Principal | undefined> {
    if (!isId(id)) return undefined
    const pending: PendingRead = { ids: new Set([id]), stale: false }
    this.#pendingReads.add(pending)
    try {
      const entity = await currentEntity(this.#view, id, (target) => pending.ids.add(target))
      if (!entity) return undefined
      const direct = await directGroups(this.#view, entity.id)
      const groups = [...direct, ...(await groupsAbove(this.#view, direct))]
      const principal = { entity: principalEntity(entity), groups: groups.map((group) => this.#principalGroup(group)) }
      if (!pending.stale) {
        this.#principals.set(entity.id, principal)
        if (entity.id !== id) this.#merged.set(id, entity.id)
      }
      return principal
    } finally {
      this.#pendingReads.delete(pending)
    }
  }

  #changed(name: string): void {
    const [folder, id = ''] = name.split('/', 2)
    if (folder === 'group' || folder === 'group-parent' || folder === 'entity-merged') {
      this.#principals.clear()
      this.#merged.clear()
      for (const pending of this.#pendingReads) pending.stale = true
    }
    if (folder !== 'entity' && folder !== 'entity-group') return
    this.#principals.delete(id)
    for (const pending of this.#pendingReads) if (pending.ids.has(id)) pending.stale = true
  }

  #principalGroup({ id, name, metadata, policies }: GroupRecord): PrincipalGroup {
    return { id, name, metadata: metadata ?? {}, policies: policies ?? [], namespace: this.#namespace }
  }
}

/**
 * The entity with an id, or the entity that it was merged into.
 * @param onMerged called with the id of the latter before it is read
 */
async function currentEntity(
  view: View,
  id: string,
  onMerged: (id: string) => void = () => {},
): Promise<EntityRecord | undefined> {
  if (!isId(id)) return undefined
  const entity = await view.get(at.entity(id), entityShape)
  if (entity) return entity
  const target = await view.get(at.merged(id), pointerShape)
  if (!target) return undefined
  onMerged(target.id)
  return view.get(at.entity(target.id), entityShape)
}

function principalEntity({ id, name, metadata, policies, disabled, aliases }: EntityRecord): PrincipalEntity {
  return {
    id,
    name,
    metadata: metadata ?? {},
    policies,
    disabled,
    aliases: aliases.map((alias) => ({
      id: alias.id,
      name: alias.name,
      mountAccessor: alias.mountAccessor,
      metadata: alias.metadata ?? {},
      customMetadata: alias.customMetadata,
    })),
  }
}
