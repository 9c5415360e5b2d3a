import { Fault } from '../contract/fault.ts'
import type {
  Closer,
  Commit,
  CommitResult,
  Entry,
  ListOptions,
  Piece,
  Rev,
  Storage,
  Watcher,
} from '../contract/storage.ts'
import { AmbiguousCommit, StorageUnavailable, onlyOwner } from '../contract/storage.ts'
import { plainKeys } from '../contract/barrier.ts'
import type { RecordChecks } from './record-checks.ts'
import type { Records } from './records.ts'

/** The unsealed barrier of the process that owns a storage. */
interface Owner {
  readonly records: Records
  readonly checks: RecordChecks
}

/**
 * The storage as its owner shares it with other processes. Their commits are numbered, and have the writes of every
 * commit of the owner; they read only records that the owner has checked. While the owner is sealed, all calls fail.
 */
export class SharedStorage implements Storage {
  readonly type: string
  readonly #storage: Storage
  readonly #owner: () => Owner | undefined
  readonly #watchers = new Set<Watcher>()

  constructor(storage: Storage, owner: () => Owner | undefined) {
    this.type = storage.type
    this.#storage = storage
    this.#owner = owner
  }

  async get(keys: readonly string[]): Promise<readonly (Entry | undefined)[]> {
    // The existence of a keyring is not secret, and is read before the unseal.
    const checked = keys.filter((key) => key !== plainKeys.seal && key !== plainKeys.keyring)
    if (checked.length > 0) {
      const { checks } = this.#unsealed()
      for (const key of checked) await checks.trusted(key)
    }
    return this.#storage.get(keys)
  }

  async list(prefix: string, options: ListOptions): Promise<{ readonly keys: readonly string[]; readonly rev: Rev }> {
    await this.#unsealed().checks.complete(prefix)
    return this.#storage.list(prefix, options)
  }

  async commit({ expect = [], ops }: Commit): Promise<CommitResult> {
    const { records } = this.#unsealed()
    const stamped = records.stamp(ops)
    try {
      const result = await this.#storage.commit({ ops: stamped.ops, expect })
      if (typeof result !== 'string') records.acknowledged(stamped)
      return result
    } catch (cause) {
      if (cause instanceof AmbiguousCommit || !(cause instanceof Fault)) throw cause
      throw new StorageUnavailable(cause.message, { cause })
    }
  }

  async rev(): Promise<Rev> {
    return this.#storage.rev()
  }

  async entries(range: Parameters<Storage['entries']>[0], visit: (piece: Piece) => void): Promise<void> {
    this.#unsealed()
    await this.#storage.entries(range, visit)
  }

  accompany(): void {
    throw new Error('the owner of a storage accompanies its commits')
  }

  watch(from: Rev, watcher: Watcher): Closer {
    const watch = this.#storage.watch(from, watcher)
    this.#watchers.add(watcher)
    return {
      close: () => {
        watch.close()
        this.#watchers.delete(watcher)
      },
    }
  }

  /** The owner is sealed. Resolves when no other process serves any more. */
  async lost(): Promise<void> {
    await Promise.allSettled([...this.#watchers].map(async (watcher) => watcher.lost?.()))
  }

  async snapshot(): Promise<never> {
    throw onlyOwner()
  }

  async replacement(): Promise<never> {
    throw onlyOwner()
  }

  async close(): Promise<void> {}

  #unsealed(): Owner {
    const owner = this.#owner()
    if (!owner) throw new StorageUnavailable('the process that owns the storage is sealed; unseal that one first')
    return owner
  }
}
