import { hasMembers, isCount, isFlag, isListOf, isMapOf, isName, isOneOf, isText, isTime, orNull, shapeOf } from '../../util/stored/shape.ts' // prettier-ignore
import { isValidName } from './names.ts'

/** Metadata, from an operator or a login method. */
export type Metadata = Readonly<Record<string, string>>

/** The name of an entity in a mount of a login method. Times are epoch milliseconds. */
export interface AliasRecord {
  readonly id: string
  /** From the login method, case-sensitive. */
  readonly name: string
  readonly mountAccessor: string
  /** Set by the login method. */
  readonly metadata: Metadata | null
  /** Set by an operator. */
  readonly customMetadata: Metadata
  readonly createdAt: number
  readonly updatedAt: number
  /** The ids of the merged entities that it belonged to. */
  readonly mergedFrom: readonly string[]
}

/** An entity with its aliases, at most one for each mount; stored at `entity/<id>`. */
export interface EntityRecord {
  readonly id: string
  readonly name: string
  readonly metadata: Metadata | null
  readonly policies: readonly string[]
  readonly disabled: boolean
  readonly createdAt: number
  readonly updatedAt: number
  /** The ids of the entities that were merged into it. */
  readonly mergedIds: readonly string[]
  readonly aliases: readonly AliasRecord[]
}

/** The name of an external group in a mount of a login method. */
export type GroupAliasRecord = Pick<AliasRecord, 'id' | 'name' | 'mountAccessor' | 'createdAt' | 'updatedAt'>

/** A group, stored at `group/<id>`. Its members have separate records: see `memberships.ts`. */
export interface GroupRecord {
  readonly id: string
  readonly name: string
  readonly type: 'internal' | 'external'
  readonly metadata: Metadata | null
  readonly policies: readonly string[] | null
  readonly createdAt: number
  readonly updatedAt: number
  /** Incremented with each change. */
  readonly modifyIndex: number
  /** The ids of its subgroups. */
  readonly subgroups: readonly string[]
  /** Incremented when the alias changes. Memberships of other generations are invalid. */
  readonly generation: number
  readonly alias: GroupAliasRecord | null
}

const isMetadata = orNull(isMapOf(isText))

const isAlias = (value: unknown): boolean =>
  hasMembers<AliasRecord>(value, {
    id: isName,
    name: isName,
    mountAccessor: isName,
    metadata: isMetadata,
    customMetadata: isMapOf(isText),
    createdAt: isTime,
    updatedAt: isTime,
    mergedFrom: isListOf(isName),
  })

const isGroupAlias = (value: unknown): boolean =>
  hasMembers<GroupAliasRecord>(value, {
    id: isName,
    name: isName,
    mountAccessor: isName,
    createdAt: isTime,
    updatedAt: isTime,
  })

/** The shape of a stored entity. */
export const entityShape = shapeOf<EntityRecord>('an entity', {
  id: isName,
  name: isName,
  metadata: isMetadata,
  policies: isListOf(isValidName),
  disabled: isFlag,
  createdAt: isTime,
  updatedAt: isTime,
  mergedIds: isListOf(isName),
  aliases: isListOf(isAlias),
})

/** The shape of a stored group. */
export const groupShape = shapeOf<GroupRecord>(
  'a group',
  {
    id: isName,
    name: isName,
    type: isOneOf('internal', 'external'),
    metadata: isMetadata,
    policies: orNull(isListOf(isValidName)),
    createdAt: isTime,
    updatedAt: isTime,
    modifyIndex: isCount,
    subgroups: isListOf(isName),
    generation: isCount,
    alias: orNull(isGroupAlias),
  },
  ({ type, alias, subgroups }) => (type === 'external' ? subgroups.length === 0 : alias === null),
)

/** An index entry: the id of the record with a name. */
interface Pointer {
  readonly id: string
}

/** The shape of a stored index entry. */
export const pointerShape = shapeOf<Pointer>('an entry of an index', { id: isName })

/** A membership, stored at `entity-group/<entity>/<group>`. */
interface Membership {
  /** The generation of the group when the membership was created. */
  readonly generation: number
}

/** The shape of a stored membership. */
export const membershipShape = shapeOf<Membership>('a membership', { generation: isCount })
