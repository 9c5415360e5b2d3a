import type { Closer, Commit, CommitResult, Companion, Entry, ListOptions, Piece, Rev, Storage, Watcher } from '../../../src/contract/storage.ts' // prettier-ignore
import { onlyOwner } from '../../../src/contract/storage.ts'
import { page } from '../../../src/storage/shared/page.ts'
import { Watchers } from '../../../src/storage/shared/watchers.ts'
import { lastOf } from '../../../src/storage/shared/last-changes.ts'

/** The content of a disk. */
export type Disk = Map<string, { readonly value: Uint8Array; readonly rev: Rev }>

/** A storage with an accessible disk: tests change its content and revisions at will. Expectations of keys only. */
export class OpenStorage implements Storage {
  readonly type = 'open'
  readonly disk: Disk
  readonly #watchers = new Watchers()
  #companion: Companion | undefined
  #rev: Rev

  constructor(disk: Disk = new Map(), rev: Rev = 0n) {
    this.disk = disk
    this.#rev = rev
  }

  async get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    return keys.map((key) => this.#read(key))
  }

  async list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[]; readonly rev: Rev }> {
    return { keys: page([...this.disk.keys()].sort(), prefix, options), rev: this.#rev }
  }

  async commit({ expect = [], ops }: Commit): Promise<CommitResult> {
    for (const one of expect) if ('key' in one && (this.disk.get(one.key)?.rev ?? 0n) !== one.rev) return 'conflict'
    const rev = this.#rev + 1n
    const more = this.#companion?.(lastOf(ops.map((op) => ({ op, rev }))), rev, (key) => this.#read(key)) ?? []
    this.#rev = rev
    for (const op of [...ops, ...more])
      if ('put' in op) this.disk.set(op.put, { value: op.value, rev })
      else this.disk.delete(op.del)
    await this.#watchers.changed(
      rev,
      ops.map((op) => ('put' in op ? op.put : op.del)),
    )
    return { rev }
  }

  async rev(): Promise<Rev> {
    return this.#rev
  }

  async entries(
    { prefix, from, limit }: Parameters<Storage['entries']>[0],
    visit: (piece: Piece) => void,
  ): Promise<void> {
    const keys = [...this.disk.keys()].filter((key) => key >= from && key.startsWith(prefix)).sort()
    const entries = keys.slice(0, limit).flatMap((key) => this.#read(key) ?? [])
    visit({ entries, more: keys.length > limit, read: (key) => this.#read(key) })
  }

  async snapshot(): Promise<never> {
    throw onlyOwner()
  }

  async replacement(): Promise<never> {
    throw onlyOwner()
  }

  accompany(companion: Companion): void {
    this.#companion = companion
  }

  watch(from: Rev, watcher: Watcher): Closer {
    return this.#watchers.add(from, this.#rev, watcher)
  }

  async close(): Promise<void> {}

  #read(key: string): Entry | undefined {
    const found = this.disk.get(key)
    return found && { key, ...found }
  }
}
