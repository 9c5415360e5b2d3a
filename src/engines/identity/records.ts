import { hasMembers, isCount, isFlag, isListOf, isMapOf, isName, isOneOf, isText, isTime, orNull, shapeOf } from '../../util/stored/shape.ts' // prettier-ignore
import { isValidName } from './names.ts'

/** Strings that an operator or a login method notes. */
export type Metadata = Readonly<Record<string, string>>

/** The name that a mount of a login method has for an entity. Times are epoch milliseconds. */
export interface AliasRecord {
  readonly id: string
  /** As the login method spells it; letter case counts. */
  readonly name: string
  readonly mountAccessor: string
  /** As the login method sets it. */
  readonly metadata: Metadata | null
  /** As an operator sets it. */
  readonly customMetadata: Metadata
  readonly createdAt: number
  readonly updatedAt: number
  /** The entities that it belonged to before they were merged. */
  readonly mergedFrom: readonly string[]
}

/** An entity with its aliases, at most one of each mount; at `entity/<id>`. */
export interface EntityRecord {
  readonly id: string
  readonly name: string
  readonly metadata: Metadata | null
  readonly policies: readonly string[]
  readonly disabled: boolean
  readonly createdAt: number
  readonly updatedAt: number
  /** The entities that were merged into it. */
  readonly mergedIds: readonly string[]
  readonly aliases: readonly AliasRecord[]
}

/** The name that a mount of a login method has for an external group. */
export type GroupAliasRecord = Pick<AliasRecord, 'id' | 'name' | 'mountAccessor' | 'createdAt' | 'updatedAt'>

/** A group, at `group/<id>`. Its members have records of their own: see `memberships.ts`. */
export interface GroupRecord {
  readonly id: string
  readonly name: string
  readonly type: 'internal' | 'external'
  readonly metadata: Metadata | null
  readonly policies: readonly string[] | null
  readonly createdAt: number
  readonly updatedAt: number
  /** Grows with each change. */
  readonly modifyIndex: number
  /** The ids of the groups in it. */
  readonly subgroups: readonly string[]
  /** Memberships of other generations do not count: it grows when the alias changes. */
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

/** The shape of the record of an entity. */
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

/** The shape of the record of a group. */
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

/** The record of an index: the id that a name leads to. */
interface Pointer {
  readonly id: string
}

/** The shape of that record. */
export const pointerShape = shapeOf<Pointer>('an entry of an index', { id: isName })

/** The record of a membership, at `entity-group/<entity>/<group>`. */
interface Membership {
  /** The generation of the group in which it was made. */
  readonly generation: number
}

/** The shape of that record. */
export const membershipShape = shapeOf<Membership>('a membership', { generation: isCount })
