import type { Commit, CommitResult, Entry, ListOptions, Rev } from '../../contract/storage.ts'

/** The name of the socket in its folder. */
export const socketName = 'storage.sock'

/**
 * The time for which a member may serve after the last message from the owner, milliseconds. The owner waits this long for a
 * silent member.
 */
export const leaseMs = 2000

/** A request of a member to the owner. */
export type Call =
  | { readonly do: 'get'; readonly keys: readonly string[] }
  | { readonly do: 'list'; readonly prefix: string; readonly options: ListOptions }
  | { readonly do: 'commit'; readonly commit: Commit }
  | { readonly do: 'rev' }
  | {
      readonly do: 'entries'
      readonly prefix: string
      readonly from: string
      readonly limit: number
      readonly also: readonly string[]
    }

/** A part of a range, with other requested keys. */
interface SentPiece {
  readonly entries: readonly Entry[]
  readonly more: boolean
  readonly also: readonly Entry[]
}

/** The result of each call. */
export interface Results {
  readonly get: readonly (Entry | undefined)[]
  readonly list: { readonly keys: readonly string[]; readonly rev: Rev }
  readonly commit: CommitResult
  readonly rev: Rev
  readonly entries: SentPiece
}

/** How a call failed: as `StorageUnavailable`, `AmbiguousCommit`, or a `Fault` of the owner's checks. */
export type Failure = 'unavailable' | 'ambiguous' | 'damaged'

export type ToOwner =
  | { readonly type: 'hello'; readonly name: string }
  | { readonly type: 'call'; readonly id: number; readonly call: Call }
  | { readonly type: 'applied'; readonly number: number }
  /** Requests another lease, which begins for the member when it sent this. */
  | { readonly type: 'renew' }

export type ToMember =
  | { readonly type: 'welcome'; readonly storage: string; readonly leaseMs: number }
  | { readonly type: 'refused'; readonly why: string }
  | { readonly type: 'result'; readonly id: number; readonly result: Results[keyof Results] }
  | { readonly type: 'failed'; readonly id: number; readonly failure: Failure; readonly why: string }
  /** To be answered by `applied` when no response depends on older values; without keys, all keys may have changed. */
  | { readonly type: 'changed'; readonly number: number; readonly rev: Rev; readonly keys?: readonly string[] }
  | { readonly type: 'renewed' }
