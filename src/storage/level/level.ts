import { chmod, mkdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { Level } from 'level'
import { Fault } from '../../contract/fault.ts'
import { AmbiguousCommit, StorageUnavailable, storageLimits } from '../../contract/storage.ts'
import type {
  Closer,
  Commit,
  CommitResult,
  Companion,
  Entry,
  Expectation,
  ListOptions,
  Op,
  Piece,
  Replacement,
  Rev,
  Storage,
  StorageSnapshot,
} from '../../contract/storage.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { lastOf } from '../shared/last-changes.ts'
import { openFailure, refuseDroppedData } from './files.ts'
import { revKey, revOf, stamped } from './keys.ts'
import { activate, databaseFolder, findDatabase, removeOthers, tidy } from './place.ts'
import { encodings, listKeys, readEntry, readRange } from './reads.ts'
import type { Db } from './reads.ts'
import { almostFull, defaultMinFree, hasSpace } from './space.ts'
import { RecentChanges } from '../shared/recent-changes.ts'
import { Watchers } from '../shared/watchers.ts'

/** How to open a LevelDB storage. */
export interface LevelOptions {
  /** Make the database at once if there is none. Without it the first commit (init) makes it. */
  readonly create?: boolean
  readonly clock: Clock
  readonly log: Log
  /** Commits are refused while the disk has less free space than this. Default 64 MiB. */
  readonly minFreeBytes?: number
}

interface Waiting {
  readonly commit: Commit
  readonly resolve: (result: CommitResult) => void
  readonly reject: (reason: Error) => void
}

/** A read between two writes. */
interface RangeRead {
  readonly run: () => Promise<void>
  readonly reject: (reason: Error) => void
}

/**
 * LevelDB (1.20, as the `level` package bundles it) behind one commit pump: concurrent commits share one synced batch,
 * one in flight. No iterator or snapshot outlives a write; point reads take no snapshot; every write error closes and
 * reopens the database, because 1.20 loses acknowledged writes after a failed one.
 */
export class LevelStorage implements Storage {
  readonly type = 'level'
  readonly #path: string
  /** The folder of the database in use: the storage's own, or one in it. */
  #folder: string
  readonly #options: LevelOptions
  readonly #watchers = new Watchers()
  readonly #recent = new RecentChanges()
  #db: Db | undefined
  #rev: Rev = 0n
  #queue: Waiting[] = []
  #rangeReads: RangeRead[] = []
  #companion: Companion | undefined
  #pumping: Promise<void> | undefined
  #poisoned = false
  #failing = false
  #closed = false
  #spaceChecked = -Infinity

  private constructor(path: string, options: LevelOptions) {
    this.#path = path
    this.#folder = path
    this.#options = options
  }

  /** @throws StorageUnavailable when another process has the database, or when LevelDB dropped data while opening it. */
  static async open(path: string, options: LevelOptions): Promise<LevelStorage> {
    // LevelDB makes files on its own threads at any time: only the process's umask reaches them.
    process.umask(0o077)
    const storage = new LevelStorage(path, options)
    const { folder, there } = await findDatabase(path)
    storage.#folder = folder
    if (options.create || there) await storage.#open(options.create ?? false)
    await tidy(path)
    return storage
  }

  get failing(): boolean {
    return this.#failing
  }

  get waiting(): number {
    return this.#queue.length + this.#rangeReads.length
  }

  async get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    this.#usable()
    return keys.map((key) => this.#read(key))
  }

  async list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[]; readonly rev: Rev }> {
    this.#usable()
    const rev = this.#rev
    return { keys: await listKeys(() => this.#db, prefix, options), rev }
  }

  async commit(commit: Commit): Promise<CommitResult> {
    this.#usable()
    return new Promise((resolve, reject) => {
      this.#queue.push({ commit, resolve, reject })
      this.#pumping ??= this.#pump()
    })
  }

  async rev(): Promise<Rev> {
    this.#usable()
    return this.#rev
  }

  async entries(range: Parameters<Storage['entries']>[0], visit: (piece: Piece) => void): Promise<void> {
    return this.#betweenWrites(async () => visit(await readRange(this.#db, range)))
  }

  accompany(companion: Companion): void {
    this.#companion = companion
  }

  watch(from: Rev, on: Parameters<Storage['watch']>[1]): Closer {
    return this.#watchers.add(from, this.#rev, on)
  }

  async snapshot(): Promise<StorageSnapshot> {
    this.#usable()
    if (!this.#db) throw new StorageUnavailable('there is nothing in the storage yet')
    const { snapshotOf } = await import('./beside.ts')
    const paused = async (task: () => Promise<Rev>): Promise<Rev> => this.#betweenWrites(task)
    return snapshotOf(this.#path, this.#folder, paused, () => this.#rev)
  }

  async replacement(): Promise<Replacement> {
    this.#usable()
    const { replacementIn } = await import('./beside.ts')
    const minFreeBytes = this.#options.minFreeBytes ?? defaultMinFree
    const adopt = async (name: string): Promise<void> => this.#betweenWrites(async () => this.#adopt(name))
    return replacementIn(this.#path, { minFreeBytes, adopt })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#pumping
    await this.#db?.close()
    this.#db = undefined
  }

  /** Runs a task while nothing is written. */
  async #betweenWrites<T>(task: () => Promise<T>): Promise<T> {
    this.#usable()
    return new Promise((resolve, reject) => {
      this.#rangeReads.push({ run: async () => task().then(resolve, reject), reject })
      this.#pumping ??= this.#pump()
    })
  }

  /** Takes another database in the folder into use. The one before stays, any earlier ones go. */
  async #adopt(name: string): Promise<void> {
    const before = this.#folder
    // Until the other one is open, nothing may be read or written; nor when it is unknown which one the next start opens.
    this.#poisoned = true
    this.#rejectWaiting('the storage was replaced by another one; nothing was changed')
    try {
      await activate(this.#path)
      await this.#db?.close()
      this.#db = undefined
      this.#folder = await databaseFolder(this.#path)
      await this.#open(false)
    } catch (cause) {
      throw this.#unopened(cause)
    }
    this.#poisoned = false
    void this.#watchers.reset()
    await removeOthers(this.#path, [name, basename(before)]).catch(() => {
      this.#options.log.warn('databases that earlier restores replaced could not be removed; remove their folders')
    })
  }

  #rejectWaiting(why: string): void {
    for (const waiting of [...this.#queue.splice(0), ...this.#rangeReads.splice(0)])
      waiting.reject(new StorageUnavailable(why))
  }

  #usable(): void {
    if (this.#closed || this.#poisoned) throw new StorageUnavailable('the storage is being reopened or is closed')
  }

  #read(key: string): Entry | undefined {
    return readEntry(this.#db, key)
  }

  async #open(create: boolean): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    await chmod(this.#path, 0o700)
    await refuseDroppedData(this.#folder)
    const db: Db = new Level(this.#folder, { ...encodings, createIfMissing: create, multithreading: false })
    try {
      await db.open()
    } catch (thrown) {
      throw new StorageUnavailable(openFailure(thrown), { cause: thrown })
    }
    try {
      await refuseDroppedData(this.#folder)
    } catch (thrown) {
      await db.close()
      throw thrown
    }
    this.#db = db
    const stored = db.getSync(revKey, encodings)
    this.#rev = stored ? revOf(stored) : 0n
    this.#recent.restart(this.#rev)
  }

  async #pump(): Promise<void> {
    // Commits of one event-loop turn go together.
    await new Promise(setImmediate)
    while (this.#queue.length + this.#rangeReads.length > 0 && !this.#poisoned) {
      for (const { run } of this.#rangeReads.splice(0)) await run()
      if (this.#queue.length === 0) continue
      const group = this.#take()
      try {
        await this.#flush(group)
      } catch (cause) {
        // Nothing was written yet: a failed write is handled in `#write`.
        const why = cause instanceof Fault ? cause : new StorageUnavailable('the storage cannot be read', { cause })
        for (const { reject } of group) reject(why)
      }
    }
    this.#pumping = undefined
  }

  async #flush(group: readonly Waiting[]): Promise<void> {
    if (!(await this.#hasSpace(group))) return
    const overlay = new Map<string, Rev>()
    const ops: { readonly op: Op; readonly rev: Rev }[] = []
    const accepted: { readonly waiting: Waiting; readonly rev: Rev }[] = []
    let rev = this.#rev
    for (const waiting of group) {
      if (!this.#holds(waiting.commit.expect ?? [], overlay)) {
        waiting.resolve('conflict')
        continue
      }
      rev += 1n
      for (const op of waiting.commit.ops) {
        ops.push({ op, rev })
        overlay.set('put' in op ? op.put : op.del, 'put' in op ? rev : 0n)
      }
      accepted.push({ waiting, rev })
    }
    if (accepted.length === 0) return
    const more = this.#companion?.(lastOf(ops), rev, (key) => this.#read(key)) ?? []
    await this.#write([...ops, ...more.map((op) => ({ op, rev }))], accepted, rev)
  }

  #take(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { commit } of this.#queue) {
      bytes += commit.ops.reduce((sum, op) => sum + 64 + ('put' in op ? op.value.length : 0), 0)
      if (count > 0 && bytes > storageLimits.bytes) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  async #write(
    ops: readonly { readonly op: Op; readonly rev: Rev }[],
    accepted: readonly { readonly waiting: Waiting; readonly rev: Rev }[],
    rev: Rev,
  ): Promise<void> {
    try {
      if (!this.#db) await this.#open(true)
      const batch = ops.map(({ op, rev: at }) =>
        'put' in op
          ? ({ type: 'put', key: op.put, value: stamped(at, op.value) } as const)
          : ({ type: 'del', key: op.del } as const),
      )
      await (this.#db as Db).batch([...batch, { type: 'put', key: revKey, value: stamped(rev, new Uint8Array()) }], {
        ...encodings,
        sync: true,
      } as object)
    } catch (thrown) {
      return this.#poison(accepted, thrown)
    }
    this.#failing = false
    this.#rev = rev
    for (const { waiting, rev: at } of accepted) {
      const keys = waiting.commit.ops.map((op) => ('put' in op ? op.put : op.del))
      this.#recent.add(at, keys)
      const applied = this.#watchers.changed(at, keys)
      // The pump goes on: watchers may commit themselves.
      if (applied) void applied.then(() => waiting.resolve({ rev: at }))
      else waiting.resolve({ rev: at })
    }
    return undefined
  }

  /** A failed write may or may not be there, and this LevelDB cannot be trusted further: fail the waiters, open it afresh. */
  async #poison(accepted: readonly { readonly waiting: Waiting }[], thrown: unknown): Promise<void> {
    this.#poisoned = true
    this.#failing = true
    this.#options.log.error('a write to the storage failed; reopening it', {
      error: thrown instanceof Error ? thrown.name : 'unknown',
    })
    for (const { waiting } of accepted)
      waiting.reject(new AmbiguousCommit('the outcome of the write is unknown', { cause: thrown }))
    this.#rejectWaiting('the storage is being reopened')
    try {
      await this.#db?.close()
      this.#db = undefined
      await this.#open(false)
      this.#poisoned = false
      void this.#watchers.reset()
    } catch (failed) {
      this.#unopened(failed)
    }
  }

  #unopened(cause: unknown): StorageUnavailable {
    const message = 'the storage could not be reopened; restart the server'
    this.#options.log.error(message, { error: cause instanceof Error ? cause.name : 'unknown' })
    return new StorageUnavailable(message, { cause })
  }

  #holds(expectations: readonly Expectation[], overlay: ReadonlyMap<string, Rev>): boolean {
    return expectations.every((expectation) => {
      if ('key' in expectation)
        return (overlay.get(expectation.key) ?? this.#read(expectation.key)?.rev ?? 0n) === expectation.rev
      for (const key of overlay.keys()) if (key.startsWith(expectation.prefix)) return false
      return this.#recent.unchanged(expectation.prefix, expectation.unchangedSince)
    })
  }

  async #hasSpace(group: readonly Waiting[]): Promise<boolean> {
    const now = this.#options.clock.now()
    if (now - this.#spaceChecked < 1000) return true
    if (await hasSpace(this.#path, this.#options.minFreeBytes ?? defaultMinFree)) {
      this.#spaceChecked = now
      return true
    }
    this.#options.log.error('the disk is almost full: nothing is written until space is free')
    for (const waiting of group) waiting.reject(new StorageUnavailable(almostFull))
    return false
  }
}
