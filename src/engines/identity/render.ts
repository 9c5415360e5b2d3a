import type { MountRecord } from '../../contract/mount.ts'
import { apiPathOf } from '../../contract/mount.ts'
import { rfc3339 } from '../../util/clock.ts'
import type { Identity } from './identity.ts'
import { directGroups, groupsAbove } from './memberships.ts'
import { at } from './names.ts'
import type { AliasRecord, EntityRecord, GroupAliasRecord, GroupRecord, Metadata } from './records.ts'

type Rendered = Readonly<Record<string, unknown>>
type Mounts = ReadonlyMap<string, MountRecord>

/** The mount of an alias; only its accessor if it was removed. */
function mountOf(mounts: Mounts, accessor: string): Rendered {
  const mount = mounts.get(accessor)
  return { mount_accessor: accessor, ...(mount && { mount_path: apiPathOf(mount), mount_type: mount.type }) }
}

/** An alias within the response about its entity. */
function aliasMembers(mounts: Mounts, canonicalId: string, alias: AliasRecord): Rendered {
  return {
    canonical_id: canonicalId,
    creation_time: rfc3339(alias.createdAt),
    custom_metadata: alias.customMetadata,
    id: alias.id,
    last_update_time: rfc3339(alias.updatedAt),
    local: mounts.get(alias.mountAccessor)?.local ?? false,
    merged_from_canonical_ids: orNull(alias.mergedFrom),
    metadata: notEmpty(alias.metadata),
    ...mountOf(mounts, alias.mountAccessor),
    name: alias.name,
  }
}

/** The response about an alias. */
export function renderedAlias({ namespace }: Identity, mounts: Mounts, entity: string, alias: AliasRecord): Rendered {
  return { ...aliasMembers(mounts, entity, alias), namespace_id: namespace }
}

/** An alias in the list of aliases. */
export function listedAlias(mounts: Mounts, canonicalId: string, alias: AliasRecord): Rendered {
  return {
    canonical_id: canonicalId,
    custom_metadata: alias.customMetadata,
    local: mounts.get(alias.mountAccessor)?.local ?? false,
    metadata: notEmpty(alias.metadata),
    ...mountOf(mounts, alias.mountAccessor),
    name: alias.name,
  }
}

/** An entity in the list of entities. */
export function listedEntity(mounts: Mounts, { name, aliases }: EntityRecord): Rendered {
  const renderedAliases = aliases.map((alias) => ({
    id: alias.id,
    name: alias.name,
    ...mountOf(mounts, alias.mountAccessor),
  }))
  return { name, ...(renderedAliases.length > 0 && { aliases: renderedAliases }) }
}

/** The response about an entity. */
export async function renderedEntity(identity: Identity, entity: EntityRecord): Promise<Rendered> {
  const mounts = identity.mounts()
  const direct = await directGroups(identity.view, entity.id)
  const [own, above] = [direct, await groupsAbove(identity.view, direct)].map((groups) => groups.map(({ id }) => id))
  return {
    aliases: entity.aliases.map((alias) => aliasMembers(mounts, entity.id, alias)),
    creation_time: rfc3339(entity.createdAt),
    direct_group_ids: own,
    disabled: entity.disabled,
    group_ids: [...(own ?? []), ...(above ?? [])],
    id: entity.id,
    inherited_group_ids: above,
    last_update_time: rfc3339(entity.updatedAt),
    merged_entity_ids: orNull(entity.mergedIds),
    metadata: entity.metadata,
    name: entity.name,
    namespace_id: identity.namespace,
    policies: entity.policies,
  }
}

function groupAliasMembers(mounts: Mounts, canonicalId: string, alias: GroupAliasRecord): Rendered {
  return {
    canonical_id: canonicalId,
    creation_time: rfc3339(alias.createdAt),
    id: alias.id,
    last_update_time: rfc3339(alias.updatedAt),
    merged_from_canonical_ids: null,
    metadata: null,
    ...mountOf(mounts, alias.mountAccessor),
    name: alias.name,
  }
}

/** The response about a group alias. */
export function renderedGroupAlias(
  { namespace }: Identity,
  mounts: Mounts,
  group: GroupRecord,
  alias: GroupAliasRecord,
): Rendered {
  const local = mounts.get(alias.mountAccessor)?.local ?? false
  return { ...groupAliasMembers(mounts, group.id, alias), custom_metadata: null, local, namespace_id: namespace }
}

/** A group alias in the list of group aliases. */
export function listedGroupAlias(mounts: Mounts, canonicalId: string, alias: GroupAliasRecord): Rendered {
  return {
    canonical_id: canonicalId,
    custom_metadata: null,
    local: mounts.get(alias.mountAccessor)?.local ?? false,
    metadata: null,
    ...mountOf(mounts, alias.mountAccessor),
    name: alias.name,
  }
}

/** A group in the list of groups. */
export async function listedGroup({ view }: Identity, group: GroupRecord): Promise<Rendered> {
  return {
    name: group.name,
    num_member_entities: (await view.list(at.members(group.id, group.generation))).length,
    num_parent_groups: (await view.list(at.parents(group.id))).length,
  }
}

/** The response about a group. */
export async function renderedGroup(identity: Identity, group: GroupRecord): Promise<Rendered> {
  const { view, namespace } = identity
  return {
    alias: group.alias ? groupAliasMembers(identity.mounts(), group.id, group.alias) : {},
    creation_time: rfc3339(group.createdAt),
    id: group.id,
    last_update_time: rfc3339(group.updatedAt),
    member_entity_ids: orNull(await view.list(at.members(group.id, group.generation))),
    member_group_ids: orNull(group.subgroups),
    metadata: group.metadata,
    modify_index: group.modifyIndex,
    name: group.name,
    namespace_id: namespace,
    parent_group_ids: orNull(await view.list(at.parents(group.id))),
    policies: group.policies,
    type: group.type,
  }
}

const orNull = (list: readonly string[]): readonly string[] | null => (list.length > 0 ? list : null)

const notEmpty = (metadata: Metadata | null): Metadata | null =>
  metadata && Object.keys(metadata).length > 0 ? metadata : null
