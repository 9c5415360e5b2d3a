import { plainKeys } from '../../../src/contract/barrier.ts'
import { StorageUnavailable } from '../../../src/contract/storage.ts'
import type { Commit, CommitResult, Storage } from '../../../src/contract/storage.ts'
import { MemoryStorage } from '../../../src/storage/memory.ts'

/** A storage in memory whose server dies when the seal record is replaced: nothing reaches it from then on. */
export class DyingStorage extends MemoryStorage implements Storage {
  /** Just before that commit, or just after it. */
  dies: 'before' | 'after' | undefined
  #isDead = false

  override async commit(commit: Commit): Promise<CommitResult> {
    const isSeal = commit.ops.some((op) => 'put' in op && op.put === plainKeys.seal)
    this.#isDead ||= isSeal && this.dies === 'before'
    if (this.#isDead) throw new StorageUnavailable('the server is dead')
    const result = await super.commit(commit)
    this.#isDead ||= isSeal && this.dies === 'after'
    return result
  }

  /** Another server takes over. */
  revive(): void {
    this.dies = undefined
    this.#isDead = false
  }
}
