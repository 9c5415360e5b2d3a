/** A store-wide revision: strictly increasing in commit order. 0n means "does not exist". */
export type Rev = bigint

export interface Entry {
  readonly key: string
  readonly value: Uint8Array
  readonly rev: Rev
}

/** A condition of a commit. `rev: 0n` requires that the key does not exist. */
export type Expectation =
  { readonly key: string; readonly rev: Rev } | { readonly prefix: string; readonly unchangedSince: Rev }

export type Op = { readonly put: string; readonly value: Uint8Array } | { readonly del: string }

export interface Commit {
  readonly expect?: readonly Expectation[]
  readonly ops: readonly Op[]
}

export type CommitResult = { readonly rev: Rev } | 'conflict'

/** The outcome for one key: its last value among the operations that are written together, or none. */
export interface Change {
  readonly key: string
  /** Undefined: removed. */
  readonly value: Uint8Array | undefined
  readonly rev: Rev
}

/** Reads one key at once. */
export type Read = (key: string) => Entry | undefined

/**
 * Adds operations to a write, so that all of them happen or none. `read` returns the entries from before the write; the
 * added operations get the revision `rev`. When it throws, the write is refused.
 */
export type Companion = (changes: Iterable<Change>, rev: Rev, read: Read) => readonly Op[]

/** A piece of a range, in byte order. */
export interface Piece {
  readonly entries: readonly Entry[]
  /** False if the range ends with these. */
  readonly more: boolean
  /** Reads one of the keys that were requested in addition to the range. */
  readonly read: Read
}

/** The outcome of a commit is unknown: it may or may not have happened. Never retried blindly. */
export class AmbiguousCommit extends Error {}

/** The storage cannot read or write now (full disk, I/O error, being reopened). Nothing was changed. */
export class StorageUnavailable extends Error {}

export interface Closer {
  close(): void
}

export interface ListOptions {
  /** Keys strictly greater than this one. With a delimiter it may be a folder from an earlier page. */
  readonly after?: string
  readonly limit: number
  /** Folds everything after the next delimiter after the prefix into one key that ends in it. */
  readonly delimiter?: '/'
}

/** Applies the changes of a storage to values that were read before. */
export interface Watcher {
  /**
   * Keys that a commit wrote. Called before the commit is answered, and the answer waits for the promise. A watcher that
   * fails must keep what it could not apply from being used.
   */
  changed(rev: Rev, keys: readonly string[]): void | Promise<void>
  /** Anything may have changed. */
  reset(): void | Promise<void>
  /** Changes are no longer reported: values that were read before must not be used from now on. Resolves when none is. */
  lost?(): void | Promise<void>
}

/** The place of a process among those that share a storage through its owner. */
export interface Membership {
  /** Of this process, unique among the members; letters, digits, `-` and `_`. */
  readonly name: string
  /** False: changes may not reach this process in time, so it must not serve. */
  readonly inService: boolean
}

/** All entries of a storage at one moment, whatever is written meanwhile. It must be closed. */
export interface StorageSnapshot {
  readonly rev: Rev
  /** All entries in byte order, in pieces. It can be read again. */
  entries(): AsyncIterable<readonly Entry[]>
  close(): Promise<void>
}

/** Entries that are written beside a storage, and take the place of its own. */
export interface Replacement {
  /** In byte order. @throws StorageUnavailable (full disk) */
  add(entries: readonly Entry[]): Promise<void>
  /** All entries are there, and on disk. Nothing has changed for the storage. @param rev the revision of the storage once they are in place */
  finish(rev: Rev): Promise<void>
  /** What was written, read back. */
  entries(): AsyncIterable<readonly Entry[]>
  /** The same by key, once `finish` is done: see `Storage`. */
  get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]>
  list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[] }>
  /** Takes the place of what the storage has, at once or not at all. Whoever read from the storage is told to start over. */
  adopt(): Promise<void>
  /** Removes it, unless it was adopted. */
  discard(): Promise<void>
}

/**
 * Stores ciphertext. Every implementation keeps the same promises: `get` and `rev` are linearizable, `commit` is atomic and
 * durable, `list` returns short pages in byte order. A commit is answered when every watcher has applied it.
 */
export interface Storage {
  readonly type: string
  /**
   * Absent in the process that owns the storage: it accompanies all commits, numbers them and checks the records. The other
   * processes reach the storage through it.
   */
  readonly member?: Membership
  /** Commits and reads of ranges that wait for those before them, where the storage knows. */
  readonly waiting?: number
  /** The last write failed, where the storage knows. */
  readonly failing?: boolean
  get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]>
  /** At most 500 keys a page. `rev` is the store's revision at the time. */
  list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[]; readonly rev: Rev }>
  /** @throws AmbiguousCommit, StorageUnavailable. */
  commit(commit: Commit): Promise<CommitResult>
  rev(): Promise<Rev>
  /** At most 500 entries below a prefix, from a key on. `visit` sees them before another commit is begun or reported. */
  entries(
    range: {
      readonly prefix: string
      readonly from: string
      readonly limit: number
      /** Other keys, which the piece can read as well. */
      readonly also?: readonly string[]
    },
    visit: (piece: Piece) => void,
  ): Promise<void>
  /** Adds the companion's operations to every commit from now on. Replaces an earlier companion. */
  accompany(companion: Companion): void
  /** Reports changes after `from`, in order. */
  watch(from: Rev, on: Watcher): Closer
  /** @throws StorageUnavailable, also in a process that does not own the storage */
  snapshot(): Promise<StorageSnapshot>
  /** @throws StorageUnavailable, also in a process that does not own the storage */
  replacement(): Promise<Replacement>
  close(): Promise<void>
}

/** A member of those that share a storage asked for what only its owner can do. */
export function onlyOwner(): StorageUnavailable {
  return new StorageUnavailable('only the process that owns the storage makes and restores snapshots: ask that one')
}

/** The limits of every storage: layers above split larger data. */
export const storageLimits = { valueBytes: 1024 * 1024, ops: 120, bytes: 1024 * 1024, page: 500 } as const
