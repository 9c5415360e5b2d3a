import type {
  Closer,
  Commit,
  CommitResult,
  Entry,
  Expectation,
  ListOptions,
  Lock,
  Rev,
  Storage,
} from '../contract/storage.ts'
import { storageLimits } from '../contract/storage.ts'
import { Watchers } from './watchers.ts'
import { page } from './page.ts'

interface Kept {
  readonly value: Uint8Array
  readonly rev: Rev
}

/** The reference: a sorted map in memory. What it does is what every storage must do. */
export class MemoryStorage implements Storage {
  readonly type = 'inmem'
  readonly #kept = new Map<string, Kept>()
  readonly #watchers = new Watchers()
  /** Revision of the last change below a prefix is found by looking; removals are remembered here. */
  readonly #removed = new Map<string, Rev>()
  #sorted: string[] | undefined
  #rev: Rev = 0n

  async get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    return keys.map((key) => {
      const kept = this.#kept.get(key)
      return kept && { key, value: Uint8Array.from(kept.value), rev: kept.rev }
    })
  }

  async list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[]; readonly rev: Rev }> {
    this.#sorted ??= [...this.#kept.keys()].sort()
    return { keys: page(this.#sorted, prefix, options), rev: this.#rev }
  }

  async commit({ expect = [], ops }: Commit): Promise<CommitResult> {
    if (!expect.every((expectation) => this.#holds(expectation))) return 'conflict'
    const rev = ++this.#rev
    for (const op of ops) {
      if ('put' in op) this.#kept.set(op.put, { value: Uint8Array.from(op.value), rev })
      else if (this.#kept.delete(op.del)) this.#removed.set(op.del, rev)
    }
    this.#sorted = undefined
    this.#watchers.changed(
      rev,
      ops.map((op) => ('put' in op ? op.put : op.del)),
    )
    return { rev }
  }

  async rev(): Promise<Rev> {
    return this.#rev
  }

  watch(from: Rev, on: Parameters<Storage['watch']>[1]): Closer {
    return this.#watchers.add(from, this.#rev, on)
  }

  async lock(name: string): Promise<Lock> {
    return { fence: { token: this.#rev, nonce: name }, lost: new Promise(() => {}), release: async () => {} }
  }

  async close(): Promise<void> {}

  #holds(expectation: Expectation): boolean {
    if ('key' in expectation) return (this.#kept.get(expectation.key)?.rev ?? 0n) === expectation.rev
    const { prefix, unchangedSince } = expectation
    for (const [key, { rev }] of this.#kept) if (key.startsWith(prefix) && rev > unchangedSince) return false
    for (const [key, rev] of this.#removed) if (key.startsWith(prefix) && rev > unchangedSince) return false
    return true
  }
}

/** The page size of every storage. */
export const pageLimit = storageLimits.page
