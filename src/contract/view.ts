import type { Closer } from './storage.ts'
import type { Shape } from '../util/stored/shape.ts'

/** A record with the revision it was read at. */
export interface Stored<T> {
  readonly value: T
  readonly rev: bigint
}

/** Called with the names of changed records, relative to the watched folder; without names all of them may have changed. */
export type Changed = (names: readonly string[] | undefined) => void | Promise<void>

/** One change of a transaction. */
export type Change = { readonly put: string; readonly value: unknown } | { readonly del: string }

/**
 * The records of one mount (or one part of the core): JSON values under names such as `key/orders`. Encrypted, names
 * included, by the barrier below. Names have `/`-separated, non-empty segments of any printable text.
 */
export interface View {
  /**
   * One record. Served from a cache that every commit keeps true. The value is shared: copy it before changing it.
   * @throws Fault internal for a record of another shape: it is not taken for absent.
   */
  get<T>(name: string, shape: Shape<T>): Promise<T | undefined>
  /** One record of any shape. */
  get(name: string): Promise<unknown>
  /** One record with its revision. */
  stored<T>(name: string, shape: Shape<T>): Promise<Stored<T> | undefined>
  stored(name: string): Promise<Stored<unknown> | undefined>
  /**
   * The names directly under a folder (`''` or `a/b/`), in byte order: `x` for a record, `x/` for a folder.
   * `after` starts behind a name; `limit` undefined gives all.
   */
  list(folder: string, page?: { readonly after?: string; readonly limit?: number }): Promise<string[]>
  /** How many records there are below a folder, at any depth. Neither names nor values are decrypted; changes meanwhile may count or not. */
  count(folder: string): Promise<number>
  /** Writes one record unconditionally. Durable when it resolves. */
  put(name: string, value: unknown): Promise<void>
  /** Removes one record; absent is fine. */
  del(name: string): Promise<void>
  /**
   * Read, change, commit: every record read through `tx` must be unchanged at commit, and when `work` throws, else it runs
   * again (at most 64 times, then `unavailable`). Everything written is applied at once or not at all, durable when it resolves.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Removes every record under a folder, in pieces; can be called again after a crash. */
  clear(folder: string): Promise<void>
  /** A part of this view. @param watches gets every watch of it and of its parts, so that its owner can end them */
  under(folder: string, watches?: Set<Closer>): View
  /**
   * Reports changes of one record (`a/b`), or of the records below a folder (`''` or `a/b/`), by this process or another one on the same
   * storage. Called before the response to the commit, which waits for the promise. Ends at seal.
   */
  watch(folder: string, changed: Changed): Closer
}

/** The reads and writes of one `transaction`. Reads see its own writes. */
export interface Transaction {
  get<T>(name: string, shape: Shape<T>): Promise<T | undefined>
  get(name: string): Promise<unknown>
  put(name: string, value: unknown): void
  del(name: string): void
  /** Also requires that nothing was created, changed or removed under a folder since the transaction began. */
  unchanged(folder: string): void
}
