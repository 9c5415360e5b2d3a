import type { Closer, Expectation, Op, Storage } from '../contract/storage.ts'
import { storageLimits } from '../contract/storage.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { Changed, Stored } from '../contract/view.ts'
import { utf8 } from '../util/bytes.ts'
import { readJson, writeJson } from '../util/json.ts'
import { Mutex } from '../util/mutex.ts'
import { inByteOrder } from '../util/sorting.ts'
import type { JsonLimits } from '../util/json-limits.ts'
import { recentSized } from '../util/caches/recent.ts'
import { commitName } from './commit-count.ts'
import type { CommitCount, CommitRecord } from './commit-count.ts'
import { FolderWatchers } from './folder-watchers.ts'
import type { Names } from './names.ts'

/** The dependencies of records. */
export interface RecordParts {
  readonly storage: Pick<Storage, 'get' | 'list' | 'commit' | 'rev' | 'watch'>
  readonly names: Names
  readonly seal: (place: string, value: Uint8Array) => Uint8Array
  readonly open: (place: string, frame: Uint8Array) => Uint8Array
  /** The records that every commit carries along, by name below `alongFolder`. */
  readonly along: () => ReadonlyMap<string, unknown> | undefined
  readonly alongFolder: () => string
  /** Undefined where the owner of the storage numbers commits. */
  readonly commits: CommitCount | undefined
  /** Undefined, or a check to wait for before the value of a key is used. */
  readonly trusted: (place: string) => Promise<void> | undefined
  /** A check to wait for before a list of a folder is used. */
  readonly complete: (folder: string) => Promise<void>
}

/** A commit of other keys, with the writes of every commit. */
interface Stamped {
  readonly ops: readonly Op[]
  readonly record: CommitRecord | undefined
}

/** Names of a folder decrypted between two turns of the event loop. */
const slice = 1000
const absent = Symbol('absent')
/** Our own records are read regardless of their shape: a limit here would make a record unreadable. */
const noLimits: JsonLimits = {
  bytes: Infinity,
  depth: Infinity,
  tokens: Infinity,
  containers: Infinity,
  digits: Infinity,
  names: Infinity,
  numerals: Infinity,
}
/** The approximate size of the cache in bytes: callers choose the sizes of records and names. */
const cacheBytes = 64 * 1024 * 1024
/** The memory overhead of a small record. */
const smallestEntry = 2048
/** How much larger a value is than its JSON. */
const parsedFactor = 3

/** Space for the frame of a value, so that the encrypted one still fits into every storage. */
const longestRecord = storageLimits.valueBytes - 1024

/** The error of every use of the barrier while it is sealed. */
export function sealedFault(): Fault {
  return new Fault('sealed', 'Vault is sealed')
}

/**
 * JSON records over encrypted names and values, with a cache of decrypted ones that every commit invalidates: the changed
 * records are dropped, and their watchers informed, before any response to the commit is sent.
 */
export class Records {
  readonly #parts: RecordParts
  readonly #cache = recentSized<Stored<unknown> | typeof absent>(cacheBytes)
  readonly #watch: Closer
  readonly #watchers: FolderWatchers
  /** Counts invalidations, so that a slow read cannot cache an old value. */
  #epoch = 0
  #closed = false
  #along: {
    readonly attached: ReadonlyMap<string, unknown> | undefined
    readonly ops: readonly (readonly [string, Op])[]
  } = {
    attached: undefined,
    ops: [],
  }
  readonly #turns = new Map<string, { readonly mutex: Mutex; waiting: number }>()

  constructor(parts: RecordParts) {
    this.#parts = parts
    this.#watchers = new FolderWatchers(parts.names)
    this.#watch = parts.storage.watch(0n, {
      changed: (_, keys) => this.#changed(keys),
      reset: () => {
        this.#forgetAll()
        return this.#watchers.reset()
      },
    })
  }

  close(): void {
    this.#closed = true
    this.#watch.close()
    this.#watchers.clear()
    this.#forgetAll()
  }

  /** A record by its full name. */
  async get(name: string): Promise<Stored<unknown> | undefined> {
    const place = this.#recordPlace(name)
    const cached = this.#cache.get(place)
    if (cached !== undefined) return cached === absent ? undefined : cached
    const trusted = this.#parts.trusted(place)
    if (trusted) await trusted
    const epoch = this.#epoch
    const [entry] = await this.#parts.storage.get([place])
    const record = entry && { value: readJson(this.#parts.open(place, entry.value), noLimits), rev: entry.rev }
    if (epoch === this.#epoch) {
      const size = smallestEntry + place.length + parsedFactor * (entry?.value.length ?? 0)
      this.#cache.set(place, record ?? absent, { size })
    }
    return record
  }

  /** The names directly under a folder, in byte order. */
  async list(folder: string): Promise<string[]> {
    const parent = this.place(folder)
    await this.#parts.complete(parent)
    const names: string[] = []
    for (let after: string | undefined; ;) {
      const { keys } = await this.#parts.storage.list(parent, {
        limit: slice / 2,
        delimiter: '/',
        ...(after !== undefined && { after }),
      })
      this.#usable()
      names.push(...this.#parts.names.decryptAll(parent, keys))
      after = keys[keys.length - 1]
      if (keys.length < slice / 2 || after === undefined) break
      if (names.length % slice === 0) await new Promise(setImmediate)
    }
    return inByteOrder(names, slice)
  }

  /** How many records there are below a folder, at any depth. Nothing is decrypted. */
  async count(folder: string): Promise<number> {
    const prefix = this.place(folder)
    let [count, after] = [0, '']
    for (;;) {
      const limit = storageLimits.page
      const { keys } = await this.#parts.storage.list(prefix, { limit, ...(after !== '' && { after }) })
      this.#usable()
      count += keys.length
      after = keys.at(-1) ?? ''
      if (keys.length < limit) return count
    }
  }

  /** Applies changes (undefined removes) if the expected revisions match. False on a conflict. */
  async commit(changes: ReadonlyMap<string, unknown>, expect: readonly Expectation[]): Promise<boolean> {
    const ops: Op[] = []
    for (const [name, value] of changes) ops.push(this.#op(name, value))
    return this.#commit(this.#stamp(ops, changes), expect)
  }

  /** Changes of keys that are not records, with the writes of every commit. The caller commits them, and reports them. */
  stamp(ops: readonly Op[]): Stamped {
    return this.#stamp(ops)
  }

  /** A numbered commit is acknowledged by the storage. */
  acknowledged({ ops, record }: Stamped): void {
    if (record) this.#parts.commits?.acknowledged(record)
    this.#forget(placesOf(ops))
  }

  /** Reports changes of a record, or below a folder. */
  watch(name: string, changed: Changed): Closer {
    return this.#watchers.add(this.place(name), changed)
  }

  async rev(): Promise<bigint> {
    return this.#parts.storage.rev()
  }

  /** The storage key of a name or folder, for expectations. */
  place(name: string): string {
    this.#usable()
    return this.#parts.names.seal(name)
  }

  /** Every storage key under a folder, `limit` at a time. */
  async keysBelow(folder: string, limit: number): Promise<readonly string[]> {
    return (await this.#parts.storage.list(this.place(folder), { limit })).keys
  }

  async removeKeys(keys: readonly string[]): Promise<void> {
    await this.#commit(this.#stamp(keys.map((del) => ({ del }))), [])
  }

  async #commit(stamped: Stamped, expect: readonly Expectation[]): Promise<boolean> {
    const { ops, record } = stamped
    try {
      const done = typeof (await this.#parts.storage.commit({ ops, expect })) !== 'string'
      if (done && record) this.#parts.commits?.acknowledged(record)
      return done
    } catch (thrown) {
      // The outcome is unknown: the cached records of these places may be stale.
      if (!this.#closed) await this.#changed(placesOf(ops))?.catch(() => {})
      throw thrown
    }
  }

  /** Created before the call to the storage, so that numbers increase in the order of commits. */
  #stamp(ops: readonly Op[], changes?: ReadonlyMap<string, unknown>): Stamped {
    const record = this.#parts.commits?.next()
    return { ops: [...ops, ...this.#alongOps(changes), ...(record ? [this.#op(commitName, record)] : [])], record }
  }

  /** Sealed once as long as it is the same object: commits of one turn mostly carry the same. */
  #alongOps(except?: ReadonlyMap<string, unknown>): readonly Op[] {
    const along = this.#parts.along()
    if (along !== this.#along.attached)
      this.#along = {
        attached: along,
        ops: [...(along ?? [])].map(([name, value]) => {
          const full = this.#parts.alongFolder() + name
          return [full, this.#op(full, value)] as const
        }),
      }
    return this.#along.ops.flatMap(([name, op]) => (except?.has(name) ? [] : [op]))
  }

  #op(name: string, value: unknown): Op {
    const place = this.#recordPlace(name)
    return value === undefined ? { del: place } : { put: place, value: this.#parts.seal(place, encoded(value)) }
  }

  /** Runs `task` after earlier ones with the same name. */
  async inTurn<T>(name: string, task: () => Promise<T>): Promise<T> {
    const turn = this.#turns.get(name) ?? { mutex: new Mutex(), waiting: 0 }
    this.#turns.set(name, turn)
    turn.waiting++
    try {
      return await turn.mutex.run(task)
    } finally {
      if (--turn.waiting === 0) this.#turns.delete(name)
    }
  }

  #recordPlace(name: string): string {
    if (name === '' || name.endsWith('/')) throw refuse('a record needs a name')
    return this.place(name)
  }

  /** After the seal the key of the names is wiped: every record would seem to be absent. */
  #usable(): void {
    if (this.#closed) throw sealedFault()
  }

  #changed(places: readonly string[]): Promise<void> | undefined {
    this.#forget(places)
    return this.#watchers.changed(places)
  }

  #forget(places: readonly string[]): void {
    this.#epoch++
    for (const place of places) this.#cache.delete(place)
  }

  #forgetAll(): void {
    this.#epoch++
    this.#cache.clear()
  }
}

function placesOf(ops: readonly Op[]): readonly string[] {
  return ops.map((op) => ('put' in op ? op.put : op.del))
}

/** @throws Fault `too_large` */
function encoded(value: unknown): Uint8Array {
  const bytes = utf8(writeJson(value))
  if (bytes.length <= longestRecord) return bytes
  throw new Fault('too_large', `the record would have ${bytes.length} bytes; at most ${longestRecord} can be stored`)
}
