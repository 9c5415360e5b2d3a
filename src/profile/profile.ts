import type { Position } from '../util/hcl/values.ts'

/** Something wrong in a profile, at its place. */
export class ProfileError extends Error {
  readonly at: Position
  /** Of an unknown setting: its name, and those that there are. */
  readonly unknown: { readonly setting: string; readonly known: readonly string[] } | undefined

  constructor(message: string, at: Position, unknown?: ProfileError['unknown']) {
    super(message)
    this.at = at
    this.unknown = unknown
  }
}

/** A setting that a block does not have. */
export function unknownSetting(setting: string, block: string, known: readonly string[], at: Position): ProfileError {
  return new ProfileError(`"${setting}" is not a setting of ${block}; it has: ${known.join(', ')}`, at, {
    setting,
    known,
  })
}

/** The operations of requests, by OpenBao's names. */
export const operations = ['create', 'update', 'read', 'list', 'scan', 'patch', 'delete', 'help'] as const
export type ProfileOperation = (typeof operations)[number]

/** What a value is converted to. `any` leaves it as it is. */
export const types = ['string', 'int', 'float64', 'bool', '[]string', 'map', 'any'] as const
export type ValueType = (typeof types)[number]

/** Where a value comes from. */
export const sourceNames = ['env', 'file', 'request', 'response', 'template', 'cel'] as const
export type SourceName = (typeof sourceNames)[number]

/** A value as the file has it: plain, or with parts that come from elsewhere. */
export type Node =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'map'; readonly members: ReadonlyMap<string, Node> }
  | {
      readonly kind: 'source'
      readonly source: SourceName
      readonly type: ValueType
      readonly members: ReadonlyMap<string, Node>
      readonly at: Position
    }

/** One request of a block. */
export interface ProfileRequest {
  readonly name: string
  readonly operation: Node
  readonly path: Node
  /** Absent: the token of whoever runs the profile. */
  readonly token?: Node
  readonly data?: Node
  readonly headers?: Node
  readonly when?: Node
  readonly allowFailure?: Node
  readonly at: Position
}

/** `initialize "name" { … }`: requests in their order. */
export interface ProfileBlock {
  readonly name: string
  readonly when?: Node
  readonly requests: readonly ProfileRequest[]
  readonly at: Position
}
