import { refuse } from '../../contract/fault.ts'
import { normalisedPolicies } from '../../contract/token-params.ts'
import { hex } from '../../util/bytes.ts'
import { unprintable } from '../../util/printable.ts'

/** A name as one segment of a key. @throws Fault invalid_request for half a surrogate pair, which has no encoding */
function segment(name: string): string {
  if (name === '' || !isEncodable(name)) throw refuse('a name cannot be empty or have half a surrogate pair')
  return encodeURIComponent(name)
}

/** Whether a name can be encoded in a key. */
export const isEncodable = (name: string): boolean => !/\p{Cs}/u.test(name)

/** The keys of the records of a mount. Ids are UUIDs; names are encoded, so that each is one segment. */
export const at = {
  entity: (id: string): string => `entity/${id}`,
  /** Index: the entity with a name. */
  entityName: (name: string): string => `entity-name/${segment(name.toLowerCase())}`,
  /** Index: the entity that an entity was merged into. */
  merged: (id: string): string => `entity-merged/${id}`,
  /** Index: the entity of an alias. */
  alias: (id: string): string => `alias/${id}`,
  /** Index: the entity of the alias with a name. */
  aliasName: (accessor: string, name: string): string => `alias-name/${accessor}/${segment(name)}`,
  group: (id: string): string => `group/${id}`,
  groupName: (name: string): string => `group-name/${segment(name.toLowerCase())}`,
  groupAlias: (id: string): string => `group-alias/${id}`,
  groupAliasName: (accessor: string, name: string): string => `group-alias-name/${accessor}/${segment(name)}`,
  /** The folder of the entities in a group. */
  members: (group: string, generation: number): string => `group-member/${group}/${generation}/`,
  /** The folder of the groups of an entity. */
  groupsOf: (entity: string): string => `entity-group/${entity}/`,
  /** The folder of the parent groups of a group. */
  parents: (group: string): string => `group-parent/${group}/`,
  /** Invalid memberships whose records are still to be removed. */
  cleanup: (group: string, generation: number): string => `group-cleanup/${group}/${generation}`,
} as const

/** Whether a string has the format of our ids. */
export const isId = (string: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(string)

/** Whether a string has the format of the accessor of a mount. */
export const isAccessor = (string: string): boolean => /^\w+$/.test(string)

const limits = { name: 1024, key: 128, value: 512, pairs: 64 } as const

/** Checks the name of an entity, a group or an alias. @throws Fault invalid_request */
export function checkedName(name: string): string {
  if (name.length > limits.name) throw refuse(`a name can have at most ${limits.name} characters`)
  if (name !== name.trim() || unprintable.test(name))
    throw refuse('a name cannot begin or end with a space, or have unprintable characters')
  return name
}

/** Checks metadata. @throws Fault invalid_request */
export function checkedMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const pairs = Object.entries(metadata)
  if (pairs.length > limits.pairs) throw refuse(`metadata can have at most ${limits.pairs} entries`)
  for (const [name, value] of pairs)
    if (name === '' || name.length > limits.key || value.length > limits.value)
      throw refuse(
        `metadata must have keys of 1 to ${limits.key} characters and values of at most ${limits.value} characters`,
      )
  return metadata
}

/** Policies that entities and groups cannot have. */
const reserved = ['root', 'response-wrapping']

/** Whether a stored value is a valid policy of an entity or a group: canonical, and not reserved. */
export const isValidName = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && value === value.trim().toLowerCase() && !reserved.includes(value)

/** Policies in canonical form. @throws Fault invalid_request for a reserved one */
export function checkedPolicies(names: readonly string[]): readonly string[] {
  const policies = normalisedPolicies(names)
  const forbidden = reserved.find((name) => policies.includes(name))
  if (forbidden !== undefined) throw refuse(`policies cannot contain ${forbidden}`)
  return policies
}

/** The `after` of a page of names, as a segment of the folders of `entityName` and `groupName`. */
export const afterName = (after: string): string => (after === '' ? '' : segment(after.toLowerCase()))

/** A generated name, such as `entity_1a2b3c4d.root`. */
export const automaticName = (
  kind: 'entity' | 'group',
  namespace: string,
  random: (bytes: number) => Uint8Array,
): string => `${kind}_${hex(random(4))}.${namespace}`
