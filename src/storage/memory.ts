import type {
  Closer,
  Commit,
  CommitResult,
  Companion,
  Entry,
  Expectation,
  ListOptions,
  Piece,
  Replacement,
  Rev,
  Storage,
  StorageSnapshot,
} from '../contract/storage.ts'
import { storageLimits } from '../contract/storage.ts'
import { beyond } from './level/keys.ts'
import { lastOf } from './shared/last-changes.ts'
import { page } from './shared/page.ts'
import { Watchers } from './shared/watchers.ts'

interface Value {
  readonly value: Uint8Array
  readonly rev: Rev
}

/** The reference: a sorted map in memory. Every other storage must behave like it. */
export class MemoryStorage implements Storage {
  readonly type = 'inmem'
  readonly #values = new Map<string, Value>()
  readonly #watchers = new Watchers()
  /** The revision of each removal, for conditions on a prefix. */
  readonly #removed = new Map<string, Rev>()
  #sorted: string[] | undefined
  #companion: Companion | undefined
  #rev: Rev = 0n

  async get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    return keys.map((key) => this.#read(key))
  }

  async list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[]; readonly rev: Rev }> {
    this.#sorted ??= [...this.#values.keys()].sort()
    return { keys: page(this.#sorted, prefix, options), rev: this.#rev }
  }

  async commit({ expect = [], ops }: Commit): Promise<CommitResult> {
    if (!expect.every((expectation) => this.#holds(expectation))) return 'conflict'
    const rev = this.#rev + 1n
    const changes = lastOf(ops.map((op) => ({ op, rev })))
    const more = this.#companion?.(changes, rev, (key) => this.#read(key)) ?? []
    this.#rev = rev
    for (const op of [...ops, ...more]) {
      if ('put' in op) this.#values.set(op.put, { value: Uint8Array.from(op.value), rev })
      else if (this.#values.delete(op.del)) this.#removed.set(op.del, rev)
    }
    this.#sorted = undefined
    const applied = this.#watchers.changed(
      rev,
      ops.map((op) => ('put' in op ? op.put : op.del)),
    )
    if (applied) await applied
    return { rev }
  }

  async rev(): Promise<Rev> {
    return this.#rev
  }

  async entries(
    { prefix, from, limit }: Parameters<Storage['entries']>[0],
    visit: (piece: Piece) => void,
  ): Promise<void> {
    this.#sorted ??= [...this.#values.keys()].sort()
    const found = this.#sorted.filter((key) => key >= from && key >= prefix && key < beyond(prefix))
    const max = Math.min(limit, pageLimit)
    const entries = found.slice(0, max).flatMap((key) => this.#read(key) ?? [])
    visit({ entries, more: found.length > max, read: (key) => this.#read(key) })
  }

  accompany(companion: Companion): void {
    this.#companion = companion
  }

  watch(from: Rev, on: Parameters<Storage['watch']>[1]): Closer {
    return this.#watchers.add(from, this.#rev, on)
  }

  async snapshot(): Promise<StorageSnapshot> {
    const entries = [...this.#values].map(([key, stored]) => ({ key, ...stored })).sort(byKey)
    return { rev: this.#rev, entries: () => inPages(entries), close: async () => {} }
  }

  async replacement(): Promise<Replacement> {
    const entries: Entry[] = []
    let rev = 0n
    return {
      add: async (more) => void entries.push(...more.map((one) => ({ ...one, value: Uint8Array.from(one.value) }))),
      finish: async (at) => void (rev = at),
      entries: () => inPages(entries),
      get: async (keys) => keys.map((key) => entries.find((one) => one.key === key)),
      list: async (prefix, options) => ({ keys: page(entries.map(({ key }) => key), prefix, options) }), // prettier-ignore
      adopt: async () => this.#replace(entries, rev),
      discard: async () => {},
    }
  }

  async close(): Promise<void> {}

  #replace(entries: readonly Entry[], rev: Rev): void {
    this.#values.clear()
    this.#removed.clear()
    for (const { key, ...stored } of entries) this.#values.set(key, stored)
    this.#sorted = undefined
    this.#rev = rev
    void this.#watchers.reset()
  }

  #read(key: string): Entry | undefined {
    const stored = this.#values.get(key)
    return stored && { key, value: Uint8Array.from(stored.value), rev: stored.rev }
  }

  #holds(expectation: Expectation): boolean {
    if ('key' in expectation) return (this.#values.get(expectation.key)?.rev ?? 0n) === expectation.rev
    const { prefix, unchangedSince } = expectation
    for (const [key, { rev }] of this.#values) if (key.startsWith(prefix) && rev > unchangedSince) return false
    for (const [key, rev] of this.#removed) if (key.startsWith(prefix) && rev > unchangedSince) return false
    return true
  }
}

async function* inPages(entries: readonly Entry[]): AsyncGenerator<readonly Entry[]> {
  for (let at = 0; at < entries.length; at += pageLimit) yield entries.slice(at, at + pageLimit)
}

const byKey = (a: Entry, b: Entry): number => (a.key < b.key ? -1 : 1)

/** The largest page of every storage. */
const pageLimit = storageLimits.page
