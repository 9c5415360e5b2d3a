import type { NamespaceId, Principal, PrincipalEntity, PrincipalGroup, Principals } from '../../contract/identity.ts'
import type { View } from '../../contract/view.ts'
import { recent } from '../../util/caches/recent.ts'
import { directGroups, groupsAbove } from './memberships.ts'
import { at, isId } from './names.ts'
import { entityShape, pointerShape } from './records.ts'
import type { EntityRecord, GroupRecord } from './records.ts'

/** A principal that is being read, and whether something of it has changed meanwhile. */
interface Reading {
  readonly ids: Set<string>
  stale: boolean
}

/** The principals of the requests of late. Every commit that concerns one drops it. */
export class PrincipalCache implements Principals {
  readonly #view: View
  readonly #namespace: NamespaceId
  readonly #principals = recent<string, Principal>(50_000)
  /** From entities that were merged into another one to that one. */
  readonly #merged = recent<string, string>(50_000)
  readonly #readings = new Set<Reading>()

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
    const reading: Reading = { ids: new Set([id]), stale: false }
    this.#readings.add(reading)
    try {
      const entity = await currentEntity(this.#view, id, (other) => reading.ids.add(other))
      if (!entity) return undefined
      const direct = await directGroups(this.#view, entity.id)
      const groups = [...direct, ...(await groupsAbove(this.#view, direct))]
      const principal = { entity: asPrincipal(entity), groups: groups.map((group) => this.#inPrincipal(group)) }
      if (!reading.stale) {
        this.#principals.set(entity.id, principal)
        if (entity.id !== id) this.#merged.set(id, entity.id)
      }
      return principal
    } finally {
      this.#readings.delete(reading)
    }
  }

  #changed(name: string): void {
    const [folder, id = ''] = name.split('/', 2)
    if (folder === 'group' || folder === 'group-parent' || folder === 'entity-merged') {
      this.#principals.clear()
      this.#merged.clear()
      for (const reading of this.#readings) reading.stale = true
    }
    if (folder !== 'entity' && folder !== 'entity-group') return
    this.#principals.delete(id)
    for (const reading of this.#readings) if (reading.ids.has(id)) reading.stale = true
  }

  #inPrincipal({ id, name, metadata, policies }: GroupRecord): PrincipalGroup {
    return { id, name, metadata: metadata ?? {}, policies: policies ?? [], namespace: this.#namespace }
  }
}

/**
 * The entity of an id, or the one that it was merged into.
 * @param reading called with the id of that one before it is read
 */
async function currentEntity(
  view: View,
  id: string,
  reading: (id: string) => void = () => {},
): Promise<EntityRecord | undefined> {
  if (!isId(id)) return undefined
  const entity = await view.get(at.entity(id), entityShape)
  if (entity) return entity
  const other = await view.get(at.merged(id), pointerShape)
  if (!other) return undefined
  reading(other.id)
  return view.get(at.entity(other.id), entityShape)
}

function asPrincipal({ id, name, metadata, policies, disabled, aliases }: EntityRecord): PrincipalEntity {
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
