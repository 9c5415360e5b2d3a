import { refuse } from '../../contract/fault.ts'
import { normalisedPolicies } from '../../contract/token-params.ts'
import { hex } from '../../util/bytes.ts'
import { unprintable } from '../../util/printable.ts'

/** A name as one segment. @throws Fault invalid_request for half a surrogate pair, which has no encoding */
function segment(name: string): string {
  if (name === '' || !isEncodable(name)) throw refuse('a name cannot be empty or have half a surrogate pair in it')
  return encodeURIComponent(name)
}

/** Whether a name can be that of a record. */
export const isEncodable = (name: string): boolean => !/\p{Cs}/u.test(name)

/** Where the records of a mount lie. Ids are uuids; names are encoded, so that each is one segment. */
export const at = {
  entity: (id: string): string => `entity/${id}`,
  /** Leads to the entity of a name. */
  entityName: (name: string): string => `entity-name/${segment(name.toLowerCase())}`,
  /** Leads from an entity that was merged into another to that one. */
  merged: (id: string): string => `entity-merged/${id}`,
  /** Leads to the entity of an alias. */
  alias: (id: string): string => `alias/${id}`,
  /** Leads to the entity of the alias with this name. */
  aliasName: (accessor: string, name: string): string => `alias-name/${accessor}/${segment(name)}`,
  group: (id: string): string => `group/${id}`,
  groupName: (name: string): string => `group-name/${segment(name.toLowerCase())}`,
  groupAlias: (id: string): string => `group-alias/${id}`,
  groupAliasName: (accessor: string, name: string): string => `group-alias-name/${accessor}/${segment(name)}`,
  /** The folder of the entities in a group. */
  members: (group: string, generation: number): string => `group-member/${group}/${generation}/`,
  /** The folder of the groups that an entity is in. */
  groupsOf: (entity: string): string => `entity-group/${entity}/`,
  /** The folder of the groups that a group is in. */
  parents: (group: string): string => `group-parent/${group}/`,
  /** Memberships that are still to be removed. */
  cleanup: (group: string, generation: number): string => `group-cleanup/${group}/${generation}`,
} as const

/** Whether a text can be an id of ours. */
export const isId = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

/** Whether a text can be the accessor of a mount. */
export const isAccessor = (text: string): boolean => /^\w+$/.test(text)

const longest = { name: 1024, key: 128, value: 512, pairs: 64 } as const

/** A name of an entity, a group or an alias, as it is stored. @throws Fault invalid_request */
export function checkedName(name: string): string {
  if (name.length > longest.name) throw refuse(`a name has ${longest.name} characters at most`)
  if (name !== name.trim() || unprintable.test(name))
    throw refuse('a name can neither begin nor end with a space, nor have characters that cannot be printed')
  return name
}

/** Strings as they are stored. @throws Fault invalid_request */
export function checkedMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const pairs = Object.entries(metadata)
  if (pairs.length > longest.pairs) throw refuse(`metadata has ${longest.pairs} members at most`)
  for (const [name, value] of pairs)
    if (name === '' || name.length > longest.key || value.length > longest.value)
      throw refuse(`metadata has names of 1 to ${longest.key} characters and values of ${longest.value} at most`)
  return metadata
}

/** Policies that no entity and no group gives. */
const reserved = ['root', 'response-wrapping']

/** Whether a stored value is a policy that identity may give: canonical, and not reserved. */
export const isValidName = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && value === value.trim().toLowerCase() && !reserved.includes(value)

/** Policies in canonical form. @throws Fault invalid_request for one that identity gives nobody */
export function checkedPolicies(names: readonly string[]): readonly string[] {
  const policies = normalisedPolicies(names)
  const refused = reserved.find((name) => policies.includes(name))
  if (refused !== undefined) throw refuse(`policies cannot contain ${refused}`)
  return policies
}

/** Names after this one, as the folders of `entityName` and `groupName` have them. */
export const afterName = (after: string): string => (after === '' ? '' : segment(after.toLowerCase()))

/** A name for what was made without one: `entity_1a2b3c4d.root`. */
export const automaticName = (
  kind: 'entity' | 'group',
  namespace: string,
  random: (bytes: number) => Uint8Array,
): string => `${kind}_${hex(random(4))}.${namespace}`
