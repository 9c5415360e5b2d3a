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

/** Identity of a leader; compared by the engine in the same transaction as the writes. */
export interface Fence {
  readonly token: Rev
  readonly nonce: string
}

export interface Commit {
  readonly expect?: readonly Expectation[]
  readonly ops: readonly Op[]
  readonly fence?: Fence
}

export type CommitResult = { readonly rev: Rev } | 'conflict' | 'fenced'

/** What becomes of a key: its last value in what is being written together, or none. */
export interface Change {
  readonly key: string
  /** Undefined: removed. */
  readonly value: Uint8Array | undefined
  readonly rev: Rev
}

/** Reads one key at once. */
export type Read = (key: string) => Entry | undefined

/**
 * Adds to what is about to be written, so that both are there or neither. `read` gives what was there before; `rev` is what
 * the additions are written at. What it throws refuses the write.
 */
export type Companion = (changes: Iterable<Change>, rev: Rev, read: Read) => readonly Op[]

/** A piece of a range, in byte order. */
export interface Piece {
  readonly entries: readonly Entry[]
  /** False when the range ends with these. */
  readonly more: boolean
  readonly read: Read
}

/** The outcome of a commit is not known: it may or may not have happened. Never retried blindly. */
export class AmbiguousCommit extends Error {}

/** The storage cannot take or give data now (full disk, I/O error, being reopened). Nothing was changed. */
export class StorageUnavailable extends Error {}

export interface Closer {
  close(): void
}

export interface Lock {
  readonly fence: Fence
  /** Resolves when the lock is lost. */
  readonly lost: Promise<void>
  release(): Promise<void>
}

export interface ListOptions {
  /** Keys strictly greater than this one. With a delimiter it may be a folder given earlier. */
  readonly after?: string
  readonly limit: number
  /** Folds everything behind the next delimiter after the prefix into one key that ends in it. */
  readonly delimiter?: '/'
}

/**
 * Where ciphertext lies. The same promises from memory, LevelDB, and later PostgreSQL and etcd: `get` and `rev` are
 * linearizable, `commit` is atomic and durable, `list` is in byte order and in short pages.
 */
export interface Storage {
  readonly type: string
  get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]>
  /** At most 500 keys a page. `rev` is the store's revision at the time. */
  list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[]; readonly rev: Rev }>
  /** @throws AmbiguousCommit, StorageUnavailable. */
  commit(commit: Commit): Promise<CommitResult>
  rev(): Promise<Rev>
  /** At most 500 entries below a prefix, from a key on. `visit` sees them before another commit is begun. */
  entries(
    range: { readonly prefix: string; readonly from: string; readonly limit: number },
    visit: (piece: Piece) => void,
  ): Promise<void>
  /** From now on every commit is accompanied. Takes the place of the companion before. */
  accompany(companion: Companion): void
  /** Tells of changes after `from`, in order; `reset` when some can no longer be told. */
  watch(from: Rev, on: { changed(rev: Rev, keys: readonly string[]): void; reset(): void }): Closer
  /** Leadership with a fencing token. */
  lock(name: string): Promise<Lock>
  close(): Promise<void>
}

/** Limits that every engine keeps: larger things are cut in pieces above. */
export const storageLimits = { valueBytes: 1024 * 1024, ops: 120, bytes: 1024 * 1024, page: 500 } as const
