import type { Fields } from '../contract/field.ts'
import type { KeyFilter } from './key-filter.ts'
import type { Merged } from './rules.ts'

/** The operations that policies decide about. `help` is allowed to every valid token. */
export type AclOperation = 'create' | 'read' | 'update' | 'delete' | 'list' | 'scan' | 'patch' | 'help'

/** What policies are asked about a request. */
export interface AclQuery {
  readonly path: string
  readonly operation: AclOperation
  readonly data: Readonly<Record<string, unknown>>
  /** How the route reads its parameters, and those that its path gives. */
  readonly fields?: Fields
  readonly params?: Readonly<Record<string, string>>
  readonly wrapTtl?: number
}

/** What they say. */
export interface Verdict {
  readonly allowed: boolean
  readonly sudo: boolean
  readonly root: boolean
  /** Names of the policies whose rule allowed it. */
  readonly granting: readonly string[]
  /** The most names that a list may show: the caller's limit, cut to the rule's `pagination_limit`. 0: the caller sent `max`, and there is no limit. */
  readonly limit?: number
  /** A list shows only names that pass each of these. */
  readonly filters?: readonly KeyFilter[]
}

/** The reason for a verdict. */
export type Ground =
  'root' | 'granted' | 'no_rule' | 'denied' | 'no_capability' | 'wrapping' | 'parameters' | 'pagination'

/** A verdict with its reason and the rule that decided. */
export interface Evaluation {
  readonly verdict: Verdict
  readonly ground: Ground
  readonly rule?: Merged
}
